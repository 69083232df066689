package ductilehttp_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/retry"
)

// A kept-alive connection breaks under a request. By itself, net/http would try each of the
// other idle connections: twenty requests at the server for one attempt.
func TestOneAttemptIsOneRequestAtTheServer(t *testing.T) {
	const idle = 20
	var broken atomic.Bool
	var requests atomic.Int64
	var arrived sync.WaitGroup
	arrived.Add(idle)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		if !broken.Load() {
			arrived.Done() // all at once, so that each has its own connection
			arrived.Wait()
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if assert.NoError(t, err) {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}))
	defer server.Close()
	base := &http.Transport{MaxIdleConnsPerHost: idle}
	defer base.CloseIdleConnections()
	for attempts := range 3 {
		broken.Store(false)
		arrived = sync.WaitGroup{}
		arrived.Add(idle)
		client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{
			Base: base, Retry: retry.Config{MaxAttempts: attempts + 1, Backoff: retry.Constant(0)},
		})}
		var warm sync.WaitGroup
		for range idle {
			warm.Go(func() {
				resp, err := client.Do(request(t, "GET", server.URL, nil))
				if assert.NoError(t, err) {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			})
		}
		warm.Wait()
		broken.Store(true)
		requests.Store(0)
		_, err := client.Do(request(t, "GET", server.URL, nil))
		require.ErrorIs(t, err, retry.ErrExhausted)
		assert.EqualValues(t, attempts+1, requests.Load())
	}
}

// Two requests begin before any connection shows that the host speaks HTTP/1. The second
// gets the connection that the first has used, and that breaks. By itself, net/http would
// send it again on a third.
func TestAnAttemptThatBeganBeforeTheProtocolWasKnownIsOneRequest(t *testing.T) {
	frozen(t, func(t *testing.T) {
		var requests atomic.Int64
		s := serve(t, func(http.ResponseWriter, *http.Request) {
			if requests.Add(1) > 1 {
				panic(http.ErrAbortHandler)
			}
		}, func(s *httptest.Server) { s.StartTLS() })
		var dials atomic.Int64
		dialling, first, second := make(chan struct{}, 3), make(chan struct{}), make(chan struct{})
		s.base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			n := dials.Add(1)
			dialling <- struct{}{}
			switch n {
			case 1:
				<-first
			case 2:
				<-second
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
		cfg, _ := config(s.base)
		cfg.Retry.MaxAttempts = 1
		tr := ductilehttp.NewTransport(cfg)
		var both sync.WaitGroup
		both.Go(func() { assert.NoError(t, send(t, tr, "GET", s.URL, nil)) })
		<-dialling
		both.Go(func() { assert.Error(t, send(t, tr, "GET", s.URL, nil)) })
		<-dialling
		close(first)
		both.Wait()
		close(second)
		assert.EqualValues(t, 2, requests.Load())
	})
}
