package ductilehttp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/retry"
)

// moody answers requests, and resets a doomed connection when the next request arrives on
// it.
type moody struct {
	*rawServer
	killed atomic.Int64 // connections
	every  atomic.Bool  // doom each connection that has served a request
	served sync.Map     // connections, and whether they are doomed
	gate   atomic.Pointer[gate]
}

// gate makes n requests wait for each other.
type gate struct {
	left atomic.Int64
	open chan struct{}
}

func (g *gate) pass() {
	if left := g.left.Add(-1); left == 0 {
		close(g.open)
	} else if left > 0 {
		<-g.open
	}
}

func newMoody(t *testing.T) *moody {
	m := &moody{}
	m.rawServer = raw(t, func(_ int, c net.Conn, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		if g := m.gate.Load(); g != nil {
			g.pass()
		}
		if doomed, again := m.served.LoadOrStore(c, false); again && (doomed.(bool) || m.every.Load()) {
			m.killed.Add(1)
			reset(c)
			return false
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		return true
	})
	m.base.MaxIdleConnsPerHost = 100
	return m
}

// together sends n requests that all reach the server before one is answered, and returns
// their errors.
func (m *moody) together(t *testing.T, n int, rt http.RoundTripper, method string, body func() io.Reader) []error {
	var all sync.WaitGroup
	g := &gate{open: make(chan struct{})}
	g.left.Store(int64(n))
	m.gate.Store(g)
	errs := make([]error, n)
	for i := range n {
		all.Go(func() { errs[i] = send(t, rt, method, m.URL, body()) })
	}
	all.Wait()
	return errs
}

// doom makes the server reset the current connections when they are used again.
func (m *moody) doom() {
	m.served.Range(func(c, _ any) bool {
		m.served.Store(c, true)
		return true
	})
}

func TestResetIdleConnectionsAreIgnored(t *testing.T) {
	for method, body := range map[string]func() io.Reader{
		"PUT": func() io.Reader { return strings.NewReader("body") }, "DELETE": func() io.Reader { return nil },
		"GET": func() io.Reader { return nil }, "POST": func() io.Reader { return strings.NewReader("charge") },
	} {
		t.Run(method, func(t *testing.T) {
			m := newMoody(t)
			cfg, _ := config(m.base)
			tr := ductilehttp.NewTransport(cfg)
			for _, err := range m.together(t, 5, tr, "GET", func() io.Reader { return nil }) {
				require.NoError(t, err)
			}
			m.doom()
			failed := int64(0)
			for _, err := range m.together(t, 5, tr, method, body) {
				if method == "POST" && err != nil {
					failed++
					continue
				}
				assert.NoError(t, err)
			}
			circuit, _ := tr.Circuits().Get(m.URL)
			assert.Equal(t, breaker.Closed, circuit.State())
			assert.Zero(t, circuit.Snapshot().Counts.Failures)
			if method == "POST" { // each may have arrived, and none is sent twice
				assert.Equal(t, m.killed.Load(), failed, "net/http reuses a connection unless it is slow to give it back")
				assert.EqualValues(t, 10, m.requests.Load())
			}
		})
	}
}

func TestAServerThatKillsEveryReusedConnectionOpensItsCircuit(t *testing.T) {
	m := newMoody(t)
	m.every.Store(true)
	cfg, _ := config(m.base)
	cfg.Circuits = breaker.Config{FailureRate: 0.4, WindowCalls: 20}
	tr := ductilehttp.NewTransport(cfg)
	for range 40 {
		_ = send(t, tr, "PUT", m.URL, strings.NewReader("body"))
	}
	circuit, _ := tr.Circuits().Get(m.URL)
	assert.Equal(t, breaker.Open, circuit.State())
}

func TestOccasionalResetsOfIdleConnectionsAreIgnored(t *testing.T) {
	m := newMoody(t)
	cfg, _ := config(m.base)
	tr := ductilehttp.NewTransport(cfg)
	get := func() io.Reader { return nil }
	for range 3 {
		for range 4 { // all but the first time on reused connections, save those that net/http was slow to give back
			for _, err := range m.together(t, 6, tr, "GET", get) {
				require.NoError(t, err)
			}
		}
		m.doom()
		for _, err := range m.together(t, 6, tr, "DELETE", get) {
			require.NoError(t, err)
		}
	}
	circuit, _ := tr.Circuits().Get(m.URL)
	assert.Equal(t, breaker.Closed, circuit.State())
	assert.Zero(t, circuit.Snapshot().Counts.Failures)
}

func TestAnIdleConnectionThatNetHTTPClosedIsIgnored(t *testing.T) {
	closed := &net.OpError{Op: "write", Net: "tcp", Err: net.ErrClosed}
	for name, want := range map[string]struct {
		reused   bool
		failures int
	}{"used before": {true, 0}, "new": {false, 1}} {
		t.Run(name, func(t *testing.T) {
			cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) {
				traceOf(r).GetConn("h.example:80")
				gotConn(r, prohibited{}, want.reused)
				traceOf(r).WroteHeaders()
				return nil, closed
			}))
			cfg.Retry.MaxAttempts = 1
			tr := ductilehttp.NewTransport(cfg)
			require.ErrorIs(t, send(t, tr, "PUT", "http://h.example", strings.NewReader("body")), net.ErrClosed)
			circuit, _ := tr.Circuits().Get("http://h.example")
			assert.EqualValues(t, want.failures, circuit.Snapshot().Counts.Failures)
		})
	}
}

func overHTTP2(s *httptest.Server) {
	s.EnableHTTP2 = true
	s.StartTLS()
}

func TestOneDeathUnderSeveralStreamsIsOneFailure(t *testing.T) {
	const streams = 8
	var arrived, warm sync.WaitGroup
	var dying atomic.Bool
	var conns sync.Map
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if dying.Load() {
			arrived.Done()
			hang(w, r)
		}
	}, func(s *httptest.Server) {
		s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			conns.Store(c, true)
			return ctx
		}
		overHTTP2(s)
	})
	cfg, _ := config(s.base)
	tr := ductilehttp.NewTransport(cfg)
	require.NoError(t, send(t, tr, "GET", s.URL, nil))
	for range 3 {
		warm.Go(func() { assert.NoError(t, send(t, tr, "GET", s.URL, nil)) })
	}
	warm.Wait()
	dying.Store(true)
	arrived.Add(streams)
	var all sync.WaitGroup
	for range streams {
		all.Go(func() { assert.NoError(t, send(t, tr, "GET", s.URL, nil)) })
	}
	arrived.Wait()
	dying.Store(false)
	circuit, _ := tr.Circuits().Get(s.URL)
	var failures atomic.Int64
	stop := circuit.Watch(func(breaker.Transition) { failures.Add(100) })
	defer stop()
	// Listed first: Range also visits the connections of the retries, which must live.
	var old []net.Conn
	conns.Range(func(c, _ any) bool {
		old = append(old, c.(*tls.Conn).NetConn())
		return true
	})
	for _, c := range old {
		reset(c)
	}
	all.Wait()
	assert.Equal(t, breaker.Closed, circuit.State())
	assert.Zero(t, failures.Load(), "it never opened")
}

func TestASilentConnectionIsNotUsedForTheNextAttempt(t *testing.T) {
	for name, configure := range map[string]func(*httptest.Server){
		"HTTP/1.1": func(s *httptest.Server) { s.StartTLS() }, "HTTP/2": overHTTP2,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var silent sync.Map // remote addresses
				mute := make(chan struct{}, 10)
				s := overPipes(t, func(w http.ResponseWriter, r *http.Request) {
					if _, ok := silent.Load(r.RemoteAddr); ok {
						mute <- struct{}{}
						hang(w, r)
					}
					_, _ = io.WriteString(w, r.RemoteAddr)
				}, configure)
				cfg, clk := config(s.base)
				cfg.Retry.BaseDelay = 50 * time.Millisecond
				tr := ductilehttp.NewTransport(cfg)
				resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
				require.NoError(t, err)
				silent.Store(read(t, resp), true)
				go func() {
					<-mute
					clk.Advance(ductilehttp.DefaultAttemptTimeout)
				}()
				require.NoError(t, send(t, tr, "GET", s.URL, nil))
				assert.EqualValues(t, 3, s.requests.Load(), "the second attempt had another connection")
				circuit, _ := tr.Circuits().Get(s.URL)
				assert.Zero(t, circuit.Snapshot().Counts.Failures, "the timeout was one failure, and the success reset the count")
			})
		})
	}
}

func TestAServerThatHangsOnEveryStreamOpensItsCircuit(t *testing.T) {
	mute := make(chan struct{}, 10)
	var hangs atomic.Bool
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if hangs.Load() {
			mute <- struct{}{}
			hang(w, r)
		}
	}, overHTTP2)
	cfg, clk := config(s.base)
	cfg.Retry.MaxAttempts = 1
	tr := ductilehttp.NewTransport(cfg)
	require.NoError(t, send(t, tr, "GET", s.URL, nil))
	hangs.Store(true)
	for range 5 {
		go func() {
			<-mute
			clk.Advance(ductilehttp.DefaultAttemptTimeout)
		}()
		require.Error(t, send(t, tr, "GET", s.URL, nil))
	}
	circuit, _ := tr.Circuits().Get(s.URL)
	assert.Equal(t, breaker.Open, circuit.State())
}

// closing is a base that counts calls of CloseIdleConnections.
type closing struct {
	http.RoundTripper
	closed atomic.Int64
}

func (c *closing) CloseIdleConnections() { c.closed.Add(1) }

func TestIdleConnectionsAreClosedAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := &closing{RoundTripper: tripper(func(r *http.Request) (*http.Response, error) {
			traceOf(r).GetConn("h.example:80")
			gotConn(r, prohibited{}, true)
			traceOf(r).WroteHeaders()
			return nil, io.EOF
		})}
		tr := ductilehttp.NewTransport(ductilehttp.Config{
			Base: base, NoCircuit: true, Retry: retry.Config{MaxAttempts: 1},
		})
		for range 200 {
			require.Error(t, send(t, tr, "GET", "http://h.example", nil))
			time.Sleep(10 * time.Millisecond) // in the bubble's time
		}
		assert.EqualValues(t, 2, base.closed.Load(), "in two seconds")
	})
}

func TestAConnectionThatTimedOutCountsAsAFailure(t *testing.T) {
	cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) {
		traceOf(r).GetConn("h.example:80")
		gotConn(r, prohibited{}, true)
		traceOf(r).WroteHeaders()
		return nil, &net.OpError{Op: "read", Err: timeoutError{}}
	}))
	cfg.Retry.MaxAttempts = 1
	tr := ductilehttp.NewTransport(cfg)
	require.Error(t, send(t, tr, "GET", "http://h.example", nil))
	circuit, _ := tr.Circuits().Get("http://h.example")
	assert.EqualValues(t, 1, circuit.Snapshot().Counts.Failures)
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func TestAnAttemptThatAvoidsASilentConnectionTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written := 0
		base := tripper(func(r *http.Request) (*http.Response, error) { // one HTTP/2 connection
			trace := traceOf(r)
			trace.GetConn("h.example:80")
			gotConn(r, prohibited{}, true)
			if r.Context().Err() == nil {
				if trace.WroteHeaderField != nil {
					trace.WroteHeaderField(":method", []string{"PUT"})
				}
				trace.WroteHeaders()
				written++
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		tr := ductilehttp.NewTransport(ductilehttp.Config{
			Base: base, NoCircuit: true, AttemptTimeout: 10 * time.Millisecond, Retry: retry.Config{MaxAttempts: 4},
		})
		for range 2 { // the first call shows the protocol
			err := send(t, tr, "PUT", "http://h.example", strings.NewReader("body"))
			require.ErrorIs(t, err, retry.ErrExhausted)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, context.Canceled)
			assert.Equal(t, 1, strings.Count(err.Error(), "no result within"), "%v", err)
		}
		assert.Less(t, written, 8, "some attempts avoided it")
	})
}

// multiplexed answers over HTTP/2, all on one connection, and then does what end does.
func multiplexed(conn net.Conn, end func(n int) error) tripper {
	n := 0
	return func(r *http.Request) (*http.Response, error) {
		n++
		trace := traceOf(r)
		trace.GetConn("h.example:80")
		if trace.WroteHeaderField != nil { // until the protocol is known
			trace.WroteHeaderField(":method", []string{"GET"})
		}
		gotConn(r, conn, n > 1)
		trace.WroteHeaders()
		if err := end(n); err != nil {
			return nil, err
		}
		trace.GotFirstResponseByte()
		return answer(r, 200, "ok"), nil
	}
}

func TestARequestWhoseBasePanicsLeavesItsConnection(t *testing.T) {
	for name, leave := range leaves {
		t.Run(name, func(t *testing.T) {
			cfg, _ := config(multiplexed(prohibited{}, func(n int) error {
				switch n {
				case 2:
					leave()
				case 4:
					return io.EOF
				}
				return nil
			}))
			cfg.Retry.MaxAttempts = 1
			tr := ductilehttp.NewTransport(cfg)
			require.NoError(t, send(t, tr, "GET", "http://h.example", nil))
			leaving(func() { _ = send(t, tr, "GET", "http://h.example", nil) })
			require.NoError(t, send(t, tr, "GET", "http://h.example", nil))
			circuit, _ := tr.Circuits().Get("http://h.example")
			circuit.Reset()
			require.ErrorIs(t, send(t, tr, "GET", "http://h.example", nil), io.EOF)
			assert.Zero(t, circuit.Snapshot().Counts.Failures, "it was idle")
		})
	}
}

// listed is a connection that == cannot compare.
type listed struct {
	prohibited
	_ []string
}

func TestAConnectionThatCannotBeComparedCarriesRequests(t *testing.T) {
	cfg, _ := config(multiplexed(listed{}, func(n int) error {
		if n == 3 {
			return io.EOF
		}
		return nil
	}))
	tr := ductilehttp.NewTransport(cfg)
	for range 3 {
		require.NoError(t, send(t, tr, "GET", "http://h.example", nil))
	}
	circuit, _ := tr.Circuits().Get("http://h.example")
	assert.Equal(t, breaker.Closed, circuit.State())
}

// heldOpen is a body whose Read ends with its Close, and whose Close returns after that.
type heldOpen struct{ reading, closed, read chan struct{} }

func (h *heldOpen) Read([]byte) (int, error) {
	close(h.reading)
	<-h.closed
	return 0, errors.New("http2: response body closed")
}

func (h *heldOpen) Close() error {
	close(h.closed)
	<-h.read
	return nil
}

func TestABodyThatIsClosedBesideAReadIsASuccess(t *testing.T) {
	held := &heldOpen{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) {
		resp := answer(r, 200, "")
		resp.Body, resp.ContentLength = held, -1
		return resp, nil
	}))
	cfg.Circuit = breaker.NewCircuit(breaker.Config{Window: time.Minute, FailureRate: 0.5})
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", "http://h.example", nil))
	require.NoError(t, err)
	var reader sync.WaitGroup
	reader.Go(func() {
		_, err := resp.Body.Read(make([]byte, 1))
		assert.Error(t, err)
		close(held.read)
	})
	<-held.reading
	require.NoError(t, resp.Body.Close())
	reader.Wait()
	counts := cfg.Circuit.Snapshot().Counts
	assert.Zero(t, counts.Failures)
	assert.EqualValues(t, 1, counts.Successes)
}
