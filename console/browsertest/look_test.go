package browsertest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
)

// show serves a console that shows everything: each state, a long error, markup,
// a window, a shadow.
func show(t *testing.T) string {
	var circuits []*breaker.Circuit
	circuit := func(cfg breaker.Config) *breaker.Circuit {
		c := breaker.NewCircuit(cfg)
		circuits = append(circuits, c)
		return c
	}
	stripe := circuit(breaker.Config{Name: "stripe", FailureThreshold: 3, RecoveryTimeout: time.Hour})
	search := circuit(breaker.Config{Name: "search", FailureRate: 0.5, WindowCalls: 100, RecoveryTimeout: time.Hour})
	mail := circuit(breaker.Config{Name: "mail", FailureThreshold: 1, RecoveryTimeout: breaker.NoWait})
	ledger := circuit(breaker.Config{Name: "ledger", Window: time.Minute, FailureThreshold: 20, SlowCall: time.Hour, SlowRate: 0.2})
	evil := circuit(breaker.Config{Name: `<img src=x onerror=alert(1)>` + strings.Repeat("very", 40), FailureThreshold: 1, RecoveryTimeout: time.Hour})
	shadow := circuit(breaker.Config{Name: "quotes", FailureThreshold: 1, Shadow: true, RecoveryTimeout: time.Hour})
	url := serve(t, console.New(console.Config{Circuits: circuits, Allow: allow, Title: "shop", Instance: "shop-7d9f8b5c4-x2x7q"}))
	for range 3 {
		call(stripe, errDown)
	}
	for range 10 {
		call(search, nil)
		call(search, errDown)
		call(ledger, errDown)
	}
	call(mail, errDown)
	_ = mail.State()
	ledger.Isolate("the database moves to another zone")
	call(evil, errors.New(`<script>alert(2)</script> `+strings.Repeat("https://example.org/a/very/long/path/", 12)))
	call(shadow, errDown)
	return url
}

var looks = []struct {
	name string
	size size
	dark bool
}{{"desktop-light", desktop, false}, {"desktop-dark", desktop, true}, {"phone-light", phone, false}, {"phone-dark", phone, true}}

func TestThePageIsAccessibleAndFitsEachScreen(t *testing.T) {
	url := show(t)
	for _, look := range looks {
		t.Run(look.name, func(t *testing.T) {
			p := visit(t, url, look.size, look.dark)
			p.shows("#verdict", "4 circuits refuse calls, 1 is being tried, 1 would refuse calls (shadow)")
			p.shows("#events", "stripe: closed → open")
			_ = eval[int](p, `document.querySelectorAll('details').forEach(d => d.open = true); 0`)
			p.wait(`document.querySelectorAll('.do button').length === 18 + 2`)
			wide := eval[[]int64](p, `[innerWidth, document.documentElement.scrollWidth]`)
			assert.LessOrEqual(t, wide[1], wide[0], "the page scrolls sideways")
			assert.Equal(t, look.size.Width, wide[0])
			small := eval[[]string](p, `[...document.querySelectorAll('button, input, select, summary')].filter(e => e.checkVisibility() && e.offsetHeight < 44).map(e => e.outerHTML.slice(0, 80))`)
			assert.Empty(t, small, "too small for a finger")
			back := eval[string](p, `getComputedStyle(document.body).backgroundColor`)
			assert.Equal(t, look.dark, back != "rgb(255, 255, 255)", back)
			p.quiet()
			_, err := chromedp.Call(p.ctx, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
			require.NoError(t, err)
			p.do(chromedp.Reload())
			p.shows("#verdict", "4 circuits refuse calls")
			_ = eval[int](p, `document.querySelectorAll('details').forEach(d => d.open = true); 0`)
			p.wait(`document.querySelectorAll('.do button').length === 18 + 2`)
			_ = eval[int](p, `document.querySelector('[aria-label="Trip stripe"]').click(); 0`)
			p.shows("#a-title", "Trip stripe?")
			if look.size == phone {
				p.axe(look.name + ", with the dialog")
			}
			p.click("#a-cancel")
			p.axe(look.name)
		})
	}
}

func TestNamesAndErrorsWithMarkupAreDrawnAsText(t *testing.T) {
	p := visit(t, show(t), desktop, false)
	p.shows("#trouble", "<img src=x onerror=alert(1)>")
	p.shows("#trouble", "<script>alert(2)</script>")
	p.shows("#events", "<script>alert(2)</script>")
	assert.Equal(t, 1, eval[int](p, `document.scripts.length`))
	assert.Equal(t, 0, eval[int](p, `document.images.length`))
	p.quiet()
}

func TestTheFilterKeepsWhatItNames(t *testing.T) {
	p := visit(t, show(t), desktop, false)
	p.shows("#circuits", "ledger")
	p.filter("circuits", "REFUSED") // by the cause
	p.wait(`document.querySelectorAll('#circuits > li:not([hidden])').length === 4`)
	p.filter("circuits", "isolated")
	p.wait(`document.querySelectorAll('#circuits > li:not([hidden])').length === 1`)
	p.filter("events", "ledger")
	p.wait(`document.querySelectorAll('#events > li:not([hidden])').length === 1`)
}

// filter types a text into a filter.
func (p *tab) filter(list, text string) {
	p.t.Helper()
	id := "#f-" + list
	_ = eval[string](p, `document.querySelector('`+id+`').value = ''`)
	p.do(chromedp.SendKeys(chromedp.CSS(id), text))
}
