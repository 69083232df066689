package ductilehttp_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
)

// mortal is a base whose connections can all be made to fail with nothing written, like a
// reset that arrived while the process was frozen.
type mortal struct {
	*http.Transport

	mu    sync.Mutex
	conns []*deadConn
}

type deadConn struct {
	net.Conn
	dead atomic.Bool
}

func (c *deadConn) Write(p []byte) (int, error) {
	if c.dead.Load() {
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
	}
	return c.Conn.Write(p)
}

func newMortal(t *testing.T) *mortal {
	m := &mortal{}
	m.Transport = &http.Transport{MaxIdleConnsPerHost: 20, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c := &deadConn{Conn: conn}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.conns = append(m.conns, c)
		return c, nil
	}}
	t.Cleanup(m.CloseIdleConnections)
	return m
}

// die makes all current connections fail.
func (m *mortal) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		c.dead.Store(true)
	}
}

// send sends a request through rt and reads the response to its end.
func send(t *testing.T, rt http.RoundTripper, method, url string, body io.Reader) error {
	resp, err := rt.RoundTrip(request(t, method, url, body))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return err
}

func TestARequestIsRetriedIfNothingWasWritten(t *testing.T) {
	for _, method := range []string{"POST", "PATCH", "PUT", "GET"} {
		for name, body := range map[string]func() io.Reader{
			"body":     func() io.Reader { return strings.NewReader("charge") },
			"recorded": func() io.Reader { return io.MultiReader(strings.NewReader("charge")) },
			"no body":  func() io.Reader { return nil },
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				s := serve(t, statuses(200))
				base := newMortal(t)
				cfg, _ := config(base)
				tr := ductilehttp.NewTransport(cfg)
				require.NoError(t, send(t, tr, method, s.URL, body()))
				base.die()
				require.NoError(t, send(t, tr, method, s.URL, body()))
				assert.EqualValues(t, 2, s.requests.Load())
			})
		}
	}
}

// hedging is a base that sends a request again once the first copy has reached the server,
// and returns the first response.
type hedging struct {
	base    http.RoundTripper
	arrived chan struct{}
}

func (h hedging) RoundTrip(r *http.Request) (*http.Response, error) {
	type result struct {
		resp *http.Response
		err  error
	}
	got := make(chan result, 2)
	send := func(body io.ReadCloser) {
		c := r.Clone(r.Context())
		c.Body = body
		resp, err := h.base.RoundTrip(c)
		got <- result{resp, err}
	}
	go send(r.Body)
	<-h.arrived
	var again io.ReadCloser
	if r.GetBody != nil {
		b, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		again = b
	}
	go send(again)
	first, second := <-got, <-got
	if first.err != nil {
		return nil, first.err
	}
	if second.err == nil {
		_ = second.resp.Body.Close()
	}
	return first.resp, nil
}

func TestABaseMaySendARequestTwice(t *testing.T) {
	for _, method := range []string{"GET", "PUT", "POST"} {
		for _, body := range []string{"", "body"} {
			t.Run(method+" "+body, func(t *testing.T) {
				arrived := make(chan struct{}, 2)
				both := make(chan struct{})
				var n atomic.Int64
				s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					arrived <- struct{}{}
					if n.Add(1) == 2 {
						close(both)
					}
					select {
					case <-both:
					case <-r.Context().Done():
					}
				})
				var up io.Reader
				if body != "" {
					up = strings.NewReader(body)
				}
				cfg, clk := config(hedging{s.base, arrived})
				require.NoError(t, send(t, ductilehttp.NewTransport(cfg), method, s.URL, up))
				assert.EqualValues(t, 2, s.requests.Load())
				assert.Empty(t, clk.Sleeps())
			})
		}
	}
}

// warm leaves n idle connections to a server in base. The server answers when all requests
// have arrived.
func warm(t *testing.T, base http.RoundTripper, n int) *service {
	t.Helper()
	var arrived sync.WaitGroup
	arrived.Add(n)
	var served atomic.Int64
	s := serve(t, func(http.ResponseWriter, *http.Request) {
		if served.Add(1) <= int64(n) {
			arrived.Done()
			arrived.Wait()
		}
	})
	var warm sync.WaitGroup
	for range n {
		warm.Go(func() { assert.NoError(t, send(t, base, "GET", s.URL, nil)) })
	}
	warm.Wait()
	return s
}

func TestConnectionsThatDiedWhileIdleAreIgnored(t *testing.T) {
	base := newMortal(t)
	s := warm(t, base, 8)
	base.die()
	cfg, clk := config(base)
	tr := ductilehttp.NewTransport(cfg)
	require.NoError(t, send(t, tr, "GET", s.URL, nil))
	assert.Len(t, clk.Sleeps(), 1, "the second attempt has a new connection")
	circuit, _ := tr.Circuits().Get(s.URL)
	assert.Zero(t, circuit.Snapshot().Counts.Failures)
	require.NoError(t, send(t, tr, "GET", s.URL, nil))
	assert.Len(t, clk.Sleeps(), 1)
}

func TestAnAttemptThatWeStopIsNotACancel(t *testing.T) {
	base := newMortal(t)
	s := warm(t, base, 1)
	base.die()
	mapping := tripper(func(r *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(r)
		if err != nil && r.Context().Err() != nil {
			return nil, r.Context().Err() // as many bases do
		}
		return resp, err
	})
	cfg, _ := config(mapping)
	require.NoError(t, send(t, ductilehttp.NewTransport(cfg), "GET", s.URL, nil))
}
