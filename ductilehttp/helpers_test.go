package ductilehttp_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

// service is a server that counts its requests.
type service struct {
	*httptest.Server
	requests    atomic.Int64
	connections atomic.Int64
	base        *http.Transport
}

// serve starts an HTTP/1.1 server; configure may change it before it starts.
func serve(t *testing.T, h http.HandlerFunc, configure ...func(*httptest.Server)) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		h(w, r)
	}))
	s.Config.ErrorLog = quiet
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	started := false
	for _, c := range configure {
		c(s.Server)
		started = s.URL != ""
	}
	if !started {
		s.Start()
	}
	s.base = s.Client().Transport.(*http.Transport)
	t.Cleanup(func() {
		s.base.CloseIdleConnections()
		s.Close()
	})
	return s
}

// protocols runs test on HTTP/1.1 and HTTP/2, both over TLS.
func protocols(t *testing.T, test func(t *testing.T, proto int, overTLS func(*httptest.Server))) {
	t.Helper()
	t.Run("HTTP/1.1", func(t *testing.T) { test(t, 1, func(s *httptest.Server) { s.StartTLS() }) })
	t.Run("HTTP/2", func(t *testing.T) {
		test(t, 2, func(s *httptest.Server) {
			s.EnableHTTP2 = true
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
			s.StartTLS()
		})
	})
}

// statuses answers each request with the next status, and repeats the last one.
func statuses(codes ...int) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		at := min(int(n.Add(1)), len(codes)) - 1
		w.WriteHeader(codes[at])
		_, _ = io.WriteString(w, http.StatusText(codes[at]))
	}
}

// hang never answers, not even late: net/http would accept a response that arrives while it
// gives up.
func hang(_ http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// config returns a Config in virtual time: a wait advances the clock.
func config(base http.RoundTripper) (ductilehttp.Config, *fake.Clock) {
	clk := fake.NewClock(fake.AutoAdvance())
	return ductilehttp.Config{
		Base:  base,
		Retry: retry.Config{Clock: clk, JitterFactor: retry.NoJitter},
	}, clk
}

// goneFrom returns the URL of a server that s.base finds gone. The port of one that was closed
// may be another program's.
func goneFrom(s *service) string {
	s.base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == "gone.example:80" {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	return "http://gone.example"
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	return r
}

// read reads a response to its end and closes it.
func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return string(b)
}

// do sends r through a Transport of cfg and returns the status and the body.
func do(t *testing.T, cfg ductilehttp.Config, r *http.Request) (int, string) {
	t.Helper()
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
	require.NoError(t, err)
	return resp.StatusCode, read(t, resp)
}

// tripper is a base that is a function.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer returns a response to r.
func answer(r *http.Request, code int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{
		StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: r,
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}
}

// closeCounter is a body that counts calls of Close.
type closeCounter struct {
	io.Reader
	closed atomic.Int64
}

func (c *closeCounter) Close() error {
	c.closed.Add(1)
	return nil
}

// awaitClosed waits until c was closed, which net/http may do shortly after it returns, and
// checks that it was closed exactly once.
func awaitClosed(t *testing.T, c *closeCounter) {
	t.Helper()
	eventually(t, func() bool { return c.closed.Load() > 0 })
	assert.EqualValues(t, 1, c.closed.Load(), "closed")
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// traceOf returns the trace hooks in the context of r.
func traceOf(r *http.Request) *httptrace.ClientTrace {
	return httptrace.ContextClientTrace(r.Context())
}

func gotConn(r *http.Request, conn net.Conn, reused bool) {
	traceOf(r).GotConn(httptrace.GotConnInfo{Conn: conn, Reused: reused})
}
