package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/internal/browser"
)

// patience bounds what the tests wait for: only what hangs may miss it.
const patience = 5 * time.Minute

func TestMain(m *testing.M) { os.Exit(browser.Main(m, "browsertest")) }

// serve mounts a console and returns the address of its page.
func serve(t *testing.T, c *console.Console) string {
	t.Helper()
	srv := httptest.NewServer(http.StripPrefix("/debug/ductile", c))
	t.Cleanup(srv.Close)
	t.Cleanup(c.Close)
	return srv.URL + "/debug/ductile/"
}

// tab is a tab of the browser that shows a console.
type tab struct {
	*browser.Tab
	t   *testing.T
	ctx context.Context
}

// size of the screen.
type size = browser.Size

var (
	desktop = browser.Desktop
	phone   = browser.Phone
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
	p := browser.Open(t, url, s, dark)
	return &tab{Tab: p, t: t, ctx: p.Ctx}
}

// screen sets the size and the colour scheme.
func (p *tab) screen(s size, dark bool) { p.t.Helper(); p.Screen(s, dark) }

// quiet asserts that the console shows nothing.
func (p *tab) quiet() { p.t.Helper(); p.Quiet() }

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) { p.t.Helper(); p.Do(steps...) }

// wait waits until an expression is true.
func (p *tab) wait(expression string) { p.t.Helper(); p.Wait(expression) }

// axe asserts that axe-core finds no fault.
func (p *tab) axe(what string) { p.t.Helper(); p.Axe(what) }

// shot writes a picture of the screen, if the tests are to do that.
func (p *tab) shot(name string) { p.t.Helper(); p.Shot(name) }

func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	return browser.Eval[T](p.Tab, expression)
}

// shows waits until an element has a text.
func (p *tab) shows(selector, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`(document.querySelector(%q)?.textContent || '').includes(%q)`, selector, text))
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

// scrollTo scrolls the page.
func scrollTo(y int) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[int](fmt.Sprintf(`scrollTo(0, %d); document.activeElement.blur(); 0`, y)))
		return err
	})
}
