package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/console"
)

// patience bounds what the tests wait for. A loaded machine is slow, and nothing is asserted
// about the time.
const patience = time.Minute

// names of the browser, the first that is there is used.
var names = []string{"chromium-headless-shell", "chromium", "google-chrome"}

// browser is the one browser of all tests, and nil without one.
var browser context.Context

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	path := ""
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		code := m.Run()
		fmt.Fprintf(os.Stderr, "\n*** browsertest: NO TEST RAN: none of %s is installed ***\n", strings.Join(names, ", "))
		return code
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-quic", true))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	defer stop()
	first, stop := chromedp.NewContext(alloc)
	defer stop()
	if err := chromedp.Do(first); err != nil {
		fmt.Fprintf(os.Stderr, "*** browsertest: %s does not start: %v ***\n", path, err)
		return 1
	}
	browser = first
	return m.Run()
}

// serve mounts a console and returns the address of its page.
func serve(t *testing.T, c *console.Console) string {
	t.Helper()
	srv := httptest.NewServer(http.StripPrefix("/debug/ductile", c))
	t.Cleanup(srv.Close)
	t.Cleanup(c.Close)
	return srv.URL + "/debug/ductile/"
}

// tab is a tab of the browser.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	messages []string // of the console
}

// size of the screen.
type size struct{ width, height int64 }

var (
	desktop = size{1200, 800}
	phone   = size{375, 720}
)

// visit opens a page in a tab of its own and waits until it is live.
func visit(t *testing.T, url string, s size, dark bool) *tab {
	t.Helper()
	p := open(t, url, s, dark)
	p.wait(`document.getElementById('live').className === 'live'`)
	return p
}

// open opens a page in a tab of its own.
func open(t *testing.T, url string, s size, dark bool) *tab {
	t.Helper()
	if browser == nil {
		t.Skip("no browser is installed; see the end of the output")
	}
	ctx, stop := chromedp.NewContext(browser)
	t.Cleanup(stop)
	p := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, p.hear))
	p.screen(s, dark)
	p.do(chromedp.Navigate(url))
	return p
}

// screen sets the size and the colour scheme.
func (p *tab) screen(s size, dark bool) {
	p.t.Helper()
	var opts []chromedp.EmulateViewportOption
	if s == phone {
		opts = append(opts, chromedp.EmulateMobile)
	}
	p.do(chromedp.EmulateViewport(s.width, s.height, opts...))
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(p.t, err)
}

// hear collects what the console of the browser shows.
func (p *tab) hear(ev any) {
	var text string
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		text = fmt.Sprintf("console.%s", ev.Type)
	case *runtime.EventExceptionThrown:
		text = "exception: " + ev.ExceptionDetails.Text
		if e := ev.ExceptionDetails.Exception; e != nil {
			text += " " + e.Description
		}
	case *log.EventEntryAdded:
		text = fmt.Sprintf("%s: %s (%s)", ev.Entry.Level, ev.Entry.Text, ev.Entry.URL)
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, text)
}

// quiet asserts that the console shows nothing.
func (p *tab) quiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	assert.Empty(p.t, p.messages, "messages of the console")
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	require.NoError(p.t, chromedp.Do(ctx, steps...))
}

// wait waits until an expression is true.
func (p *tab) wait(expression string) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(10*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	if err != nil {
		require.NoError(p.t, err, "%s; the page shows:\n%s\nconsole: %q", expression, eval[string](p, `document.body.innerText`), p.messages)
	}
}

// shows waits until an element has a text.
func (p *tab) shows(selector, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`(document.querySelector(%q)?.textContent || '').includes(%q)`, selector, text))
}

func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err, expression)
	return v
}

// click clicks an element that can be seen and used. The page does it itself: a click at a
// place on the screen misses if the page moves in between.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`document.querySelector(%q)?.checkVisibility() && !document.querySelector(%[1]q).disabled`, selector))
	_ = eval[int](p, fmt.Sprintf(`document.querySelector(%q).click(); 0`, selector))
}

func (p *tab) text(selector string) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf(`document.querySelector(%q).innerText`, selector))
}

// shot writes a picture of the screen, if the tests are to do that.
func (p *tab) shot(name string) {
	p.t.Helper()
	dir := os.Getenv("DUCTILE_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(dir+"/"+name+".png", png, 0o600))
}

// scrollTo scrolls the page.
func scrollTo(y int) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[int](fmt.Sprintf(`scrollTo(0, %d); document.activeElement.blur(); 0`, y)))
		return err
	})
}
