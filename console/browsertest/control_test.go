package browsertest

import (
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
)

func allow(*http.Request, console.Action) error { return nil }

func quietLog(t *testing.T) {
	was := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(was) })
}

func TestACircuitIsTrippedIsolatedAndResetByHand(t *testing.T) {
	quietLog(t)
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	p := visit(t, serve(t, console.New(console.Config{
		Circuits: []*breaker.Circuit{c, breaker.NewCircuit(breaker.Config{Name: "search"})}, Allow: allow,
		Actor: func(*http.Request) string { return "alice" },
	})), desktop, false)
	p.click(`li[data-name=stripe] summary`)

	p.click(`[aria-label="Trip stripe"]`)
	p.shows("#a-title", "Trip stripe?")
	p.do(chromedp.SetValue(chromedp.CSS("#a-for"), "5m"), chromedp.SendKeys(chromedp.CSS("#a-reason"), "migration"))
	p.click("#a-ok")
	p.shows("li[data-name=stripe] .state", "open")
	assert.Equal(t, breaker.Open, c.State())
	assert.Greater(t, c.Snapshot().RetryAfter, time.Minute)
	p.shows("#trouble li", "“migration”")
	p.wait(`!document.getElementById('ask').open`)

	p.click(`[aria-label="Isolate stripe"]`)
	p.do(chromedp.SendKeys(chromedp.CSS("#a-reason"), "drill"))
	p.click("#a-ok")
	p.shows("#a-text", "Sure? stripe will refuse every call") // asked twice
	assert.Equal(t, breaker.Open, c.State())
	p.click("#a-ok")
	p.shows("li[data-name=stripe] .state", "isolated")
	assert.Equal(t, "drill", c.Snapshot().Reason)
	p.shows("#events > li:nth-child(1)", "stripe: open → isolated, “drill”, by alice")

	p.click(`[aria-label="Isolate stripe"]`)
	p.click("#a-ok")
	p.click("#a-cancel") // and thought better of it
	p.wait(`!document.getElementById('ask').open`)

	p.click(`[aria-label="Trip stripe"]`)
	p.click("#a-ok")
	p.shows("#a-error", `circuit "stripe" is isolated; reset it first`)
	p.click("#a-cancel")

	p.click(`[aria-label="Reset stripe"]`)
	p.click("#a-ok")
	p.shows("#verdict", "All is well")
	assert.Equal(t, breaker.Closed, c.State())
	p.wait(`document.querySelectorAll('#events > li').length === 3`)
	assert.Len(t, p.Messages(), 1, "the browser's own message about the 409")
}

func TestADoubleClickIsNotSure(t *testing.T) {
	quietLog(t)
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	p := visit(t, serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Allow: allow})), desktop, false)
	p.click(`li[data-name=stripe] summary`)
	p.click(`[aria-label="Isolate stripe"]`)
	_ = eval[int](p, `for (const detail of [1, 2]) document.getElementById('a-ok').dispatchEvent(new MouseEvent('click', {detail})); 0`)
	p.shows("#a-text", "Sure? stripe will refuse every call")
	p.click("#a-cancel")
	p.click(`[aria-label="Trip stripe"]`) // its answer comes after that of an action before it
	p.click("#a-ok")
	p.wait(`document.querySelectorAll('#events > li').length > 0`)
	assert.Equal(t, breaker.Open, c.State(), "not isolated")
}

func TestARefusedActionSaysWhy(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	p := visit(t, serve(t, console.New(console.Config{
		Circuits: []*breaker.Circuit{c},
		Allow:    func(*http.Request, console.Action) error { return errors.New("you need the role <sre>") },
	})), desktop, false)
	p.click(`li[data-name=stripe] summary`)
	p.click(`[aria-label="Reset stripe"]`)
	p.click("#a-ok")
	p.shows("#a-error", "not allowed: you need the role <sre>")
}

func TestTheKeyboardAloneIsEnough(t *testing.T) {
	quietLog(t)
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	p := visit(t, serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Allow: allow})), desktop, false)
	p.shows("#circuits .name", "stripe")
	tab := func(want string) {
		t.Helper()
		p.do(chromedp.KeyEvent(kb.Tab))
		got := eval[string](p, `(e => e.id || e.getAttribute('aria-label') || e.tagName)(document.activeElement)`)
		assert.Equal(t, want, got)
		assert.True(t, eval[bool](p, `document.activeElement.matches(':focus-visible') && getComputedStyle(document.activeElement).outlineStyle !== 'none'`), "the focus is seen on %s", got)
	}
	tab("pause")
	p.do(chromedp.KeyEvent(" "))
	p.shows("#live", "paused")
	p.shows("#pause", "Resume")
	assert.False(t, eval[bool](p, `document.activeElement.hasAttribute('aria-pressed')`), "a screen reader would say that Resume is pressed")
	p.do(chromedp.KeyEvent(" "))
	p.shows("#live", "live")
	tab("f-circuits")
	tab("SUMMARY")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.wait(`!!document.querySelector('#circuits .do')`)
	tab("Trip stripe")
	tab("Isolate stripe")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.wait(`document.activeElement.id === 'a-reason'`)
	p.do(chromedp.KeyEvent("drill" + kb.Enter))
	p.shows("#a-text", "Sure?")
	_ = eval[int](p, `document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', repeat: true, bubbles: true})); 0`)
	assert.Equal(t, breaker.Closed, c.State(), "a key that is held down is not sure")
	tab("a-cancel")
	tab("a-ok")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.shows("#circuits .state", "isolated")
	assert.Equal(t, "drill", c.Snapshot().Reason)
	p.wait(`document.activeElement.getAttribute('aria-label') === 'Isolate stripe'`) // back where it was
	tab("Reset stripe")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.wait(`document.getElementById('ask').open`)
	p.do(chromedp.KeyEvent(kb.Escape))
	p.wait(`!document.getElementById('ask').open`)
	assert.Equal(t, breaker.Isolated, c.State())
	tab("f-events")
	tab("log")
	p.quiet()
}
