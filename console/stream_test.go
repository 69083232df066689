package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/pipes"
	"github.com/ductile-go/ductile/internal/yield"
)

func TestAStreamSendsASnapshotAtOnceAndAtEachInterval(t *testing.T) {
	clk := fake.NewClock()
	c := quick("stripe", clk)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Clock: clk, Interval: 5 * time.Second}))
	r := open(t, base+"stream")
	assert.Equal(t, "text/event-stream", r.resp.Header.Get("Content-Type"))
	first, err := r.next()
	require.NoError(t, err)
	assert.Equal(t, message{retry: "2000"}, first)
	var s shown
	require.NoError(t, json.Unmarshal([]byte(r.until("snapshot").data), &s))
	assert.Equal(t, "closed", s.Circuits[0].State)
	assert.Equal(t, 1, s.Streams)
	for i := range 3 {
		require.NoError(t, clk.BlockUntil(t.Context(), 2)) // the stream waits, and its timer is armed
		clk.Advance(5 * time.Second)
		require.NoError(t, json.Unmarshal([]byte(r.until("snapshot").data), &s))
		assert.True(t, clk.Now().Equal(s.At), i)
	}
}

func TestAStreamThatBeginsBetweenTwoIntervalsShowsThePresent(t *testing.T) {
	clk := fake.NewClock()
	c := quick("stripe", clk)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Clock: clk, Interval: time.Minute}))
	open(t, base+"stream").until("snapshot")
	clk.Advance(20 * time.Second)
	c.Isolate("drill")
	var s shown
	require.NoError(t, json.Unmarshal([]byte(open(t, base+"stream").until("snapshot").data), &s))
	assert.Equal(t, "isolated", s.Circuits[0].State)
	assert.True(t, clk.Now().Equal(s.At))
}

func TestAStreamSendsEventsAsTheyHappen(t *testing.T) {
	clk := fake.NewClock() // stands still: no event waits for an interval
	c := quick("stripe", clk)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Clock: clk}))
	fail(c, errDown)
	r := open(t, base+"stream")
	assert.Equal(t, "open", r.event().To, "what is kept comes first")
	c.Isolate("drill")
	e := r.event()
	assert.EqualValues(t, 2, e.ID)
	assert.Equal(t, "isolated", e.To)
	c.Reset()
	assert.EqualValues(t, 3, r.event().ID)
}

func TestAStreamGoesOnAfterTheLastEventOfTheClient(t *testing.T) {
	c := quick("stripe", nil)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}, Events: 4}))
	for range 3 {
		c.Isolate("")
		c.Reset()
	}
	assert.EqualValues(t, 3, open(t, base+"stream").event().ID, "the oldest that is kept")
	assert.EqualValues(t, 6, open(t, base+"stream?after=5").event().ID)
	assert.EqualValues(t, 5, open(t, base+"stream?after=5", header("Last-Event-ID", "4")).event().ID, "a browser that reconnects knows better")
	assert.EqualValues(t, 3, open(t, base+"stream", header("Last-Event-ID", "77")).event().ID, "the process has restarted")
	r := open(t, base+"stream", header("Last-Event-ID", "1"))
	assert.JSONEq(t, `{"events":1}`, r.until("dropped").data)
	assert.EqualValues(t, 3, r.event().ID)
	status, _, _ := request(t, http.MethodGet, base+"stream", "", header("Last-Event-ID", "x"))
	assert.Equal(t, http.StatusBadRequest, status)
}

func TestStreamsBeyondTheLimitAreRefused(t *testing.T) {
	c := console.New(console.Config{Circuits: []*breaker.Circuit{quick("stripe", nil)}, MaxStreams: 2})
	base := serve(t, c)
	first, second := open(t, base+"stream"), open(t, base+"stream")
	first.until("snapshot")
	second.until("snapshot")
	for range 3 {
		status, h, text := request(t, http.MethodGet, base+"stream", "")
		assert.Equal(t, http.StatusServiceUnavailable, status, text)
		assert.NotEmpty(t, h.Get("Retry-After"))
	}
	assert.Equal(t, 2, snapshot(t, base).Streams, "other routes are served")
	first.stop()
	require.Eventually(t, func() bool { return snapshot(t, base).Streams == 1 }, time.Minute, time.Millisecond)
	open(t, base+"stream").until("snapshot")
}

func TestCloseEndsStreamsAndTheWatchOfCircuits(t *testing.T) {
	clk := fake.NewClock()
	c := quick("stripe", clk)
	h := console.New(console.Config{Circuits: []*breaker.Circuit{c}, Clock: clk})
	base := serve(t, h)
	c.Isolate("")
	r := open(t, base+"stream")
	r.event()
	h.Close()
	h.Close()
	_, err := r.next()
	assert.ErrorIs(t, err, io.EOF)
	status, _, _ := request(t, http.MethodGet, base+"stream", "")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	c.Reset()
	assert.Len(t, events(t, base, ""), 1)
	assert.Equal(t, "closed", snapshot(t, base).Circuits[0].State)
}

// http.Server.Shutdown waits for requests, and a stream ends by itself only with Close.
func TestAServerWithAStreamCanBeShutDown(t *testing.T) {
	h := console.New(console.Config{Circuits: []*breaker.Circuit{quick("stripe", nil)}})
	srv := httptest.NewUnstartedServer(h)
	srv.Config.RegisterOnShutdown(h.Close)
	srv.Start()
	defer srv.Close()
	r := open(t, srv.URL+"/stream")
	r.until("snapshot")
	require.NoError(t, srv.Config.Shutdown(t.Context()))
	_, err := io.ReadAll(r.buf)
	assert.NoError(t, err, "the stream ended, and was not cut off")
}

func TestAConsoleStartsNoGoroutine(t *testing.T) {
	before := goroutines()
	var circuits []*breaker.Circuit
	for i := range 100 {
		circuits = append(circuits, quick(fmt.Sprint(i), nil))
	}
	h := console.New(console.Config{Circuits: circuits})
	for _, path := range []string{"/", "/snapshot", "/events", "/nowhere"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	}
	for _, c := range circuits {
		fail(c, errDown)
	}
	assert.LessOrEqual(t, goroutines(), before)

	// A stream runs on the goroutine of its request.
	ctx, stop := context.WithCancel(t.Context())
	w := &gate{ResponseRecorder: httptest.NewRecorder(), flushed: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/stream", nil))
	}()
	<-w.flushed
	assert.LessOrEqual(t, goroutines(), before+1)
	stop()
	<-done
}

// goroutines returns how many run when those that are about to return have returned.
func goroutines() int {
	fewest := runtime.NumGoroutine()
	yield.Times(50_000, func() bool {
		fewest = min(fewest, runtime.NumGoroutine())
		return false
	})
	return fewest
}

// gate is a response that says when it was flushed.
type gate struct {
	*httptest.ResponseRecorder
	flushed chan struct{}
}

func (g *gate) Flush() {
	select {
	case g.flushed <- struct{}{}:
	default:
	}
}

// A server's limits are for requests that end.
func TestAStreamOutlivesTheTimeoutsOfTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in real time, a busy machine may miss them before the stream begins
		c := quick("stripe", nil)
		h := console.New(console.Config{Circuits: []*breaker.Circuit{c}, Interval: 20 * time.Millisecond})
		l := pipes.New()
		srv := &http.Server{Handler: h, WriteTimeout: 50 * time.Millisecond, ReadTimeout: 50 * time.Millisecond}
		go func() { _ = srv.Serve(l) }()
		defer func() { _ = srv.Close() }()
		defer h.Close()
		tr := &http.Transport{DialContext: l.Dial}
		defer tr.CloseIdleConnections()
		r := openBy(t, &http.Client{Transport: tr}, "http://"+l.Addr().String()+"/stream")
		for range 10 {
			r.until("snapshot")
		}
		c.Isolate("")
		r.event()
	})
}

// A handler that buffers cannot stream. Then a response is one snapshot and the events so
// far, and the browser comes back after the time that retry names.
func TestBehindATimeoutHandlerEachRequestGetsOneSnapshot(t *testing.T) {
	c := quick("stripe", nil)
	c.Isolate("before")
	h := console.New(console.Config{Circuits: []*breaker.Circuit{c}})
	c.Reset()
	srv := httptest.NewServer(http.TimeoutHandler(h, time.Hour, ""))
	defer srv.Close()
	status, _, body := request(t, http.MethodGet, srv.URL+"/stream", "")
	assert.Equal(t, http.StatusOK, status)
	assert.True(t, strings.HasPrefix(body, "retry: 2000\n\nevent: snapshot\ndata: {"), body)
	assert.Contains(t, body, "id: 1\nevent: event\ndata: {")
}

// A clock that is set back must not leave a stream without snapshots until it has caught up.
func TestAClockThatIsSetBackDoesNotStopAStream(t *testing.T) {
	clk := fake.NewClock()
	h := console.New(console.Config{Circuits: []*breaker.Circuit{quick("stripe", clk)}, Clock: clk})
	base := serve(t, h)
	r := open(t, base+"stream")
	r.until("snapshot")
	require.NoError(t, clk.BlockUntil(t.Context(), 2))
	clk.Set(clk.Now().Add(-time.Hour))
	for range 3 {
		require.NoError(t, clk.BlockUntil(t.Context(), 2))
		clk.Advance(2 * time.Second)
		r.until("snapshot")
	}
}
