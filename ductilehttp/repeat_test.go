package ductilehttp_test

import (
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
