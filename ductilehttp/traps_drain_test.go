package ductilehttp_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

// Each test here checks for a fault known from other libraries.

func TestDiscardedResponsesReturnTheirConnection(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		frozen(t, func(t *testing.T) {
			var n atomic.Int64
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if n.Add(1)%3 != 0 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				_, _ = w.Write(bytes.Repeat([]byte("x"), 8<<10))
			}, overTLS)
			cfg, _ := config(s.base)
			tr := ductilehttp.NewTransport(cfg)
			for range 20 {
				resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
				require.NoError(t, err)
				assert.Len(t, read(t, resp), 8<<10)
			}
			assert.EqualValues(t, 60, s.requests.Load())
			assert.EqualValues(t, 1, s.connections.Load())
		})
	})
}

func TestADrainIsBoundedInTime(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		let := make(chan struct{})
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-let:
				return
			default:
			}
			close(let)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "and then nothing more")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, overTLS)
		clk := fake.NewClock()
		tr := ductilehttp.NewTransport(ductilehttp.Config{Base: s.base, Retry: retry.Config{Clock: clk}})
		code := make(chan int)
		go func() {
			resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
			if assert.NoError(t, err) {
				code <- resp.StatusCode
				_ = resp.Body.Close()
			}
		}()
		<-let
		require.NoError(t, clk.BlockUntil(t.Context(), 3)) // both timeouts and the drain
		clk.AdvanceToNext()
		eventually(t, func() bool { return len(clk.Sleeps()) == 1 })
		assert.Equal(t, 100*time.Millisecond, clk.Now().Sub(fake.NewClock().Now()))
		require.NoError(t, clk.BlockUntil(t.Context(), 2))
		clk.AdvanceToNext()
		assert.Equal(t, 200, <-code)
	})
}

func TestADrainEndsABodyThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tripper(func(r *http.Request) (*http.Response, error) {
			body, server := io.Pipe()
			go func() { _, _ = server.Write([]byte("and then nothing more")) }()
			resp := answer(r, 503, "")
			resp.ContentLength, resp.Body = -1, body
			return resp, nil
		})
		start := time.Now()
		resp, err := ductilehttp.NewTransport(ductilehttp.Config{
			Base: base, Retry: retry.Config{Backoff: retry.Constant(0)},
		}).RoundTrip(request(t, "GET", "http://h.example", nil))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, 200*time.Millisecond, time.Since(start), "two responses were discarded, 100 ms each")
	})
}

// endless is a body that goes on for ever, also after its Close: each Read brings n bytes.
type endless int

const readTime = 10 * time.Millisecond

func (n endless) Read(p []byte) (int, error) {
	time.Sleep(readTime)
	return min(int(n), len(p)), nil
}

func (endless) Close() error { return nil }

func TestABodyThatIgnoresItsCloseEnds(t *testing.T) {
	for _, n := range []endless{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			code := http.StatusServiceUnavailable
			base := tripper(func(r *http.Request) (*http.Response, error) {
				resp := answer(r, code, "")
				resp.ContentLength, resp.Body = -1, n
				return resp, nil
			})
			tr := ductilehttp.NewTransport(ductilehttp.Config{Base: base, Retry: retry.Config{Backoff: retry.Constant(0)}})
			start := time.Now()
			resp, err := tr.RoundTrip(request(t, "GET", "http://h.example", nil))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.InDelta(t, 200*time.Millisecond, time.Since(start), float64(2*readTime), "two responses were discarded, 100 ms each")

			code = http.StatusOK
			c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: base, MaxAttempts: 1})
			start = time.Now()
			require.ErrorIs(t, c.Get(t.Context(), "/", nil), context.DeadlineExceeded)
			assert.InDelta(t, 14*time.Second, time.Since(start), float64(readTime), "its total timeout")
		})
	}
}

func TestADrainIsBoundedInBytes(t *testing.T) {
	for name, length := range map[string]string{"told": "1000000000", "untold": ""} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if sent.Load() > 0 {
					return
				}
				w.Header().Set("Content-Length", length)
				if length == "" {
					w.Header().Del("Content-Length")
				}
				w.WriteHeader(http.StatusServiceUnavailable)
				for r.Context().Err() == nil && sent.Load() < 1_000_000_000 {
					n, err := w.Write(make([]byte, 32<<10))
					sent.Add(int64(n))
					if err != nil {
						return
					}
				}
			})
			cfg, _ := config(s.base)
			code, _ := do(t, cfg, request(t, "GET", s.URL, nil))
			assert.Equal(t, 200, code)
			assert.Less(t, sent.Load(), int64(100_000_000), "only what fits in the sockets, not the gigabyte")
		})
	}
}
