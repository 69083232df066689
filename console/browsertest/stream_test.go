package browsertest

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
)

// door is the address of a process that may be restarted. While there is none, it breaks
// connections off. Its port stays the test's own: once it is free, another program may have it.
type door struct {
	process atomic.Pointer[console.Console]
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := d.process.Load()
	if c == nil {
		panic(http.ErrAbortHandler)
	}
	c.ServeHTTP(w, r)
}

func TestThePageReconnectsAfterTheServerHasRestarted(t *testing.T) {
	old := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	h := console.New(console.Config{Circuits: []*breaker.Circuit{old}})
	d := &door{}
	d.process.Store(h)
	srv := httptest.NewServer(d)
	defer srv.Close()
	p := visit(t, srv.URL, desktop, false)
	for range 3 {
		old.Isolate("drill")
		old.Reset()
	}
	p.wait(`document.querySelectorAll('#events > li').length === 6`)
	d.process.Store(nil)
	h.Close()
	srv.CloseClientConnections()
	p.shows("#live", "reconnecting, last seen")

	fresh := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	again := console.New(console.Config{Circuits: []*breaker.Circuit{fresh}})
	fresh.Isolate("before the page is back")
	d.process.Store(again)
	defer again.Close()
	p.wait(`document.getElementById('live').className === 'live'`)
	p.shows("#circuits .state", "isolated")
	p.wait(`document.querySelectorAll('#events > li').length === 1`) // not those of the process before
	p.shows("#events", "before the page is back")
	fresh.Reset()
	p.shows("#circuits .state", "closed")
	p.wait(`document.querySelectorAll('#events > li').length === 2`)
}

func TestAPageWithoutAStreamPolls(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	h := console.New(console.Config{Circuits: []*breaker.Circuit{c}, MaxStreams: 1})
	url := serve(t, h)
	first := visit(t, url, desktop, false)
	second := open(t, url, desktop, false)
	second.shows("#live", "polling, without a stream")
	c.Isolate("drill")
	second.shows("#circuits .state", "isolated")
	second.shows("#events", "drill")
	first.click("#pause") // gives its stream back
	first.shows("#live", "paused at")
	second.wait(`document.getElementById('live').className === 'live'`)
	c.Reset()
	second.shows("#circuits .state", "closed")
	assert.Equal(t, "isolated", first.text("#circuits .state"), "paused")
	first.quiet()
}

func TestAPauseEndsAPollThatIsUnderWay(t *testing.T) {
	h := console.New(console.Config{Circuits: []*breaker.Circuit{breaker.NewCircuit(breaker.Config{Name: "stripe"})}})
	defer h.Close()
	var polling atomic.Bool
	asked, answer := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if polling.Load() {
			switch r.URL.Path {
			case "/stream":
				http.Error(w, "no stream", http.StatusServiceUnavailable)
				return
			case "/events":
				asked <- struct{}{}
				<-answer
			}
		}
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	p := visit(t, srv.URL, desktop, false)
	_ = eval[int](p, `polled = 0; once = poll; poll = n => once(n).finally(() => polled++); 0`)
	p.click("#pause")
	polling.Store(true)
	p.click("#pause")
	<-asked
	p.click("#pause")
	p.shows("#live", "paused at")
	close(answer)
	p.wait(`polled === 1`)
	assert.Contains(t, p.text("#live"), "paused at")
}

func TestAPageBehindATimeoutHandlerIsUpdated(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	h := console.New(console.Config{Circuits: []*breaker.Circuit{c}})
	srv := httptest.NewServer(http.TimeoutHandler(h, time.Hour, ""))
	defer srv.Close()
	p := open(t, srv.URL, desktop, false)
	p.shows("#verdict", "All is well")
	c.Isolate("drill")
	p.shows("#circuits .state", "isolated")
	p.shows("#events", "drill")
}

// A browser has six connections to a host. A tab that is not seen must not hold one.
func TestAHiddenTabHoldsNoStream(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	h := console.New(console.Config{Circuits: []*breaker.Circuit{c}, MaxStreams: 1})
	p := visit(t, serve(t, h), desktop, false)
	hide := func(hidden string) {
		_ = eval[bool](p, `Object.defineProperty(document, 'hidden', {value: `+hidden+`, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))`)
	}
	hide("true")
	streams := func() int { return eval[int](p, `fetch('snapshot').then(r => r.json()).then(s => s.streams)`) }
	require.Eventually(t, func() bool { return streams() == 0 }, patience, 10*time.Millisecond)
	c.Isolate("unseen")
	hide("false")
	p.shows("#circuits .state", "isolated")
	p.shows("#events", "unseen")
	p.quiet()
}
