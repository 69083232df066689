package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/registry"
)

func TestAZeroRegistryOrStatsIsAFaultOfTheConfig(t *testing.T) {
	assert.PanicsWithError(t, "console: Config.Stats: observe: zero Stats, want one made by New\n"+
		"console: Config.Registry: registry: zero Registry, want one made by New",
		func() { console.New(console.Config{Stats: new(observe.Stats), Registry: new(registry.Registry)}) })
}

// send sends an action to a server whose handler may panic, which closes the connection.
func send(t *testing.T, srv *httptest.Server, action string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/control", strings.NewReader(`{"circuit":"c","action":"`+action+`"}`))
	require.NoError(t, err)
	inJSON(r)
	resp, err := client(t).Do(r)
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode
}

// Functions of the user's that do not return must leave neither a lock nor half an action
// behind.
func TestAllowAndActorMayPanicOrEndTheirGoroutine(t *testing.T) {
	quietLog(t)
	for what, end := range map[string]func(){"panic": func() { panic("user") }, "Goexit": runtime.Goexit} {
		var broken atomic.Bool // handlers run on goroutines of the server
		c := quick("c", nil)
		for _, cfg := range []console.Config{
			{Allow: func(*http.Request, console.Action) error {
				if broken.Load() {
					end()
				}
				return nil
			}},
			{Allow: allow, Actor: func(*http.Request) string {
				if broken.Load() {
					end()
				}
				return "alice"
			}},
		} {
			cfg.Circuits = []*breaker.Circuit{c}
			broken.Store(true)
			h := console.New(cfg)
			srv := httptest.NewUnstartedServer(h)
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.Start()
			assert.NotEqual(t, http.StatusNoContent, send(t, srv, "isolate"), what)
			assert.Equal(t, breaker.Closed, c.State(), what)
			broken.Store(false)
			assert.Equal(t, http.StatusNoContent, send(t, srv, "isolate"), what)
			assert.Equal(t, breaker.Isolated, c.State(), what)
			assert.Equal(t, http.StatusNoContent, send(t, srv, "reset"), what)
			h.Close()
			srv.Close()
		}
	}
}

// A stream makes the snapshot of a tick for all. If it ends meanwhile, the others make theirs.
func TestAStreamThatEndsInsideOfRedactHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ends atomic.Bool
		c := quick("c", nil)
		fail(c, errDown)
		h := console.New(console.Config{Circuits: []*breaker.Circuit{c}, Redact: func(s string) string {
			if ends.CompareAndSwap(true, false) {
				runtime.Goexit()
			}
			return s
		}})
		ctx, stop := context.WithCancel(t.Context())
		texts := make(chan string, 4)
		for range cap(texts) {
			go func() {
				text := ""
				defer func() { texts <- text }()
				text = record(ctx, h, func() {})
			}()
		}
		time.Sleep(3*time.Second + time.Millisecond)
		ends.Store(true)
		time.Sleep(3 * time.Second)
		stop()
		whole := 0
		for range cap(texts) {
			if strings.Count(<-texts, "event: snapshot\n") == 7 {
				whole++
			}
		}
		assert.Equal(t, cap(texts)-1, whole)
	})
}

func TestAThousandOpenPagesAreRefusedBeyondTheLimitAndTheRestIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pages, limit = 1000, 16
		h := console.New(console.Config{Circuits: []*breaker.Circuit{quick("c", nil)}})
		ctx, stop := context.WithCancel(t.Context())
		codes := make(chan int, pages)
		for range pages {
			go func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/stream", nil))
				codes <- w.Code
			}()
		}
		synctest.Wait()
		assert.Len(t, codes, pages-limit, "refused at once")
		stop()
		count := map[int]int{}
		for range pages {
			count[<-codes]++
		}
		assert.Equal(t, map[int]int{http.StatusOK: limit, http.StatusServiceUnavailable: pages - limit}, count)
	})
}

// endless is a body of JSON's white space.
type endless struct{ read int }

func (b *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	b.read += len(p)
	return len(p), nil
}

func TestNoMoreThanAnActionIsReadOfAnEndlessBody(t *testing.T) {
	h := console.New(console.Config{Circuits: []*breaker.Circuit{quick("c", nil)}, Allow: allow})
	body := &endless{}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/control", body)
	inJSON(r)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Less(t, body.read, 64<<10)
}

// A name with line breaks could otherwise end a message and begin another.
func TestNamesWithLineBreaksStayInsideTheirMessage(t *testing.T) {
	name := "a\n\nid: 99\nevent: event\ndata: {}\n\r\u2028\u0085"
	c := quick(name, nil)
	h := console.New(console.Config{Circuits: []*breaker.Circuit{c}, Title: name, Instance: name})
	defer h.Close()
	base := serve(t, h)
	fail(c, errors.New(name))
	r := open(t, base+"stream")
	m := r.until("snapshot")
	assert.True(t, json.Valid([]byte(m.data)), m.data)
	assert.Equal(t, name, r.event().Name)
}

func TestCloseMayBeCalledFromWithin(t *testing.T) {
	quietLog(t)
	c := quick("c", nil)
	var h *console.Console
	reg := keeper(t, spec())
	h = console.New(console.Config{Circuits: []*breaker.Circuit{c}, Registry: reg, Allow: func(*http.Request, console.Action) error {
		h.Close()
		return nil
	}})
	c.Watch(func(breaker.Transition) { h.Close() })
	reg.Watch(func(registry.Changes) { h.Close() })
	c.Isolate("")
	_, err := reg.Apply(with(spec(), "search"))
	require.NoError(t, err)
	base := serve(t, h)
	status, text := post(t, base, `{"circuit":"c","action":"reset"}`)
	assert.Equal(t, http.StatusNoContent, status, text)
	assert.Equal(t, breaker.Closed, c.State())
	h.Close()
	assert.Equal(t, "closed", snapshot(t, base).Circuits[0].State)
}
