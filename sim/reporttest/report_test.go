package reporttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/browser"
	"github.com/ductile-go/ductile/sim"
	"github.com/ductile-go/ductile/sim/scenarios"
)

func TestMain(m *testing.M) { os.Exit(browser.Main(m, "reporttest")) }

// rehearsed is the report of a real run.
var rehearsed = sync.OnceValues(func() (*sim.Report, error) {
	e, err := scenarios.Find("metastable-overload")
	if err != nil {
		return nil, err
	}
	s := e.Scenario()
	s.Expect = append(s.Expect, sim.Expect{Variant: "plain", RecoversWithin: s.Expect[0].RecoversWithin})
	return sim.Run(context.Background(), s)
})

// report returns the report of a run, with a service that is named as markup if evil is set.
func report(t *testing.T, evil bool) *sim.Report {
	t.Helper()
	r, err := rehearsed()
	require.NoError(t, err)
	if !evil {
		return r
	}
	const name = `<img src=x onerror=alert(1)>`
	c := *r
	c.Scenario.Services = append([]sim.Service(nil), r.Scenario.Services...)
	c.Scenario.Services[0].Name = name
	c.Results = nil
	for _, x := range r.Results {
		y := *x
		y.Variant = name + y.Variant
		y.Services = []sim.ServiceLine{{Name: name, Points: x.Services[0].Points}, {Name: "second", Points: x.Services[0].Points}}
		c.Results = append(c.Results, &y)
	}
	return &c
}

// serve returns the address of a page.
func serve(t *testing.T, kind string, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, write(&b))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(b.Bytes())
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

const htmlPage = "text/html; charset=utf-8"

var looks = []struct {
	name string
	size browser.Size
	dark bool
}{
	{"desktop-light", browser.Desktop, false}, {"desktop-dark", browser.Desktop, true},
	{"phone-light", browser.Phone, false}, {"phone-dark", browser.Phone, true},
}

func TestTheReportIsAccessibleAndFitsEachScreen(t *testing.T) {
	url := serve(t, htmlPage, report(t, false).WriteHTML)
	for _, look := range looks {
		t.Run(look.name, func(t *testing.T) {
			p := browser.Open(t, url, look.size, look.dark)
			fits(t, p, look.size)
			back := browser.Eval[string](p, `getComputedStyle(document.body).backgroundColor`)
			assert.Equal(t, look.dark, back != "rgb(255, 255, 255)", back)
			small := browser.Eval[[]string](p, `[...document.querySelectorAll('text')].filter(e => parseFloat(getComputedStyle(e).fontSize) * e.getCTM().a < 9.5).map(e => e.outerHTML)`)
			assert.Empty(t, small, "text that is too small to read")
			assert.Empty(t, browser.Eval[[]string](p, overlaps), "labels over each other")
			p.Quiet()
			axe(t, p, look.name)
		})
	}
}

// overlaps lists the labels of each plot that lie over each other.
const overlaps = `[...document.querySelectorAll('svg')].flatMap(svg => {
	const all = [...svg.querySelectorAll(':scope > text')].map(e => [e, e.getBoundingClientRect()]);
	return all.flatMap(([e, a], i) => all.slice(i + 1).filter(([, b]) => a.left < b.right && b.left < a.right && a.top < b.bottom - 3 && b.top < a.bottom - 3)
		.map(([f]) => e.textContent + ' | ' + f.textContent));
})`

// fits asserts that a page does not scroll sideways, and that nothing of it is cut off.
func fits(t *testing.T, p *browser.Tab, s browser.Size) {
	t.Helper()
	wide := browser.Eval[[]int64](p, `[innerWidth, document.documentElement.scrollWidth]`)
	assert.LessOrEqual(t, wide[1], wide[0], "the page scrolls sideways")
	assert.Equal(t, s.Width, wide[0])
	out := browser.Eval[[]string](p, `[...document.querySelectorAll('text, td, th, p, dd')].filter(e => { const r = e.getBoundingClientRect(); return r.width > 0 && (r.left < -0.5 || r.right > innerWidth + 0.5) }).map(e => e.outerHTML)`)
	assert.Empty(t, out, "beyond the edge of the screen")
}

// axe asserts that axe-core finds no fault. The page's own policy forbids scripts, so the page
// is loaded again without it.
func axe(t *testing.T, p *browser.Tab, what string) {
	t.Helper()
	_, err := chromedp.Call(p.Ctx, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	require.NoError(t, err)
	p.Do(chromedp.Reload())
	p.Axe(what)
}

func TestNamesWithMarkupAreDrawnAsText(t *testing.T) {
	r := report(t, true)
	for kind, write := range map[string]func(io.Writer) error{htmlPage: r.WriteHTML, "image/svg+xml": r.WriteSVG} {
		p := browser.Open(t, serve(t, kind, write), browser.Desktop, false)
		assert.Contains(t, browser.Eval[string](p, `document.documentElement.textContent`), "<img src=x onerror=alert(1)>")
		assert.Equal(t, 0, browser.Eval[int](p, `document.querySelectorAll('img, script').length`))
		p.Quiet()
		if kind == htmlPage {
			p.Screen(browser.Phone, false)
			fits(t, p, browser.Phone)
		}
	}
}

func TestAComparisonIsAccessibleAndFitsEachScreen(t *testing.T) {
	r := report(t, false)
	old := *r
	old.Results = []*sim.Result{r.Result("budget"), r.Result("plain")}
	url := serve(t, htmlPage, sim.Compare(&old, r).WriteHTML)
	for _, look := range looks {
		p := browser.Open(t, url, look.size, look.dark)
		fits(t, p, look.size)
		p.Quiet()
		axe(t, p, look.name)
	}
}

func TestAPrintedReportIsDarkOnWhite(t *testing.T) {
	p := browser.Open(t, serve(t, htmlPage, report(t, false).WriteHTML), browser.Desktop, true)
	_, err := chromedp.Call(p.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: "print", Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	require.NoError(t, err)
	assert.Equal(t, "rgb(255, 255, 255)", browser.Eval[string](p, `getComputedStyle(document.body).backgroundColor`))
	assert.Equal(t, "rgb(0, 0, 0)", browser.Eval[string](p, `getComputedStyle(document.body).color`))
}

func TestThePicturesOfThePage(t *testing.T) {
	p := browser.Open(t, serve(t, htmlPage, report(t, false).WriteHTML), browser.Desktop, false)
	for name, look := range map[string]struct {
		size browser.Size
		dark bool
	}{
		"desktop-light": {browser.Size{Width: 1000, Height: 780}, false}, "desktop-dark": {browser.Size{Width: 1000, Height: 780}, true},
		"phone-dark": {browser.Phone, true},
	} {
		p.Screen(look.size, look.dark)
		p.Shot("simulator-" + name)
	}
	p.Screen(browser.Size{Width: 1000, Height: 1120}, false)
	_ = browser.Eval[int](p, fmt.Sprintf(`scrollTo(0, document.getElementById('v%d').offsetTop - 8); 0`, 3))
	p.Shot("simulator-variant")
	p.Quiet()
}
