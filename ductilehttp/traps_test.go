package ductilehttp_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Each test here checks for a fault known from other libraries.

// pattern is a body that shows when two attempts read from one source.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// seekable has no GetBody, because net/http does not know its type.
type seekable struct{ *bytes.Reader }

func (seekable) Close() error { return nil }

func TestEachAttemptHasItsOwnBody(t *testing.T) {
	want := pattern(900 << 10)
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		for name, body := range map[string]func() io.Reader{
			"rewound":  func() io.Reader { return bytes.NewReader(want) },
			"recorded": func() io.Reader { return seekable{bytes.NewReader(want)} },
			"piped":    func() io.Reader { return io.MultiReader(bytes.NewReader(want[:10]), bytes.NewReader(want[10:])) },
		} {
			t.Run(name, func(t *testing.T) {
				var got []byte
				s := serve(t, nil, overTLS)
				s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if s.requests.Add(1) < 3 { // answer before the upload has been read
						_, _ = io.CopyN(io.Discard, r.Body, 1000)
						w.WriteHeader(http.StatusServiceUnavailable)
						return
					}
					got, _ = io.ReadAll(r.Body)
				})
				cfg, _ := config(s.base)
				r := request(t, "PUT", s.URL, body())
				code, _ := do(t, cfg, r)
				assert.Equal(t, 200, code)
				assert.True(t, bytes.Equal(want, got), "the third upload is whole: %d of %d bytes", len(got), len(want))
			})
		}
	})
}

func TestTheLastResponseIsReadable(t *testing.T) {
	body := string(bytes.Repeat([]byte("down "), 100_000))
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		for name, set := range map[string]func(*ductilehttp.Config){
			"attempts": func(*ductilehttp.Config) {},
			"elapsed":  func(c *ductilehttp.Config) { c.Retry.MaxElapsed = time.Second },
			"budget": func(c *ductilehttp.Config) {
				c.Retry.Budget = retry.NewBudget(retry.BudgetConfig{MinPerSecond: 1e-9, Clock: c.Retry.Clock})
			},
			"no timeouts": func(c *ductilehttp.Config) { c.AttemptTimeout, c.TotalTimeout = -1, -1 },
			"condition": func(c *ductilehttp.Config) {
				c.RetryResponse = func(*http.Response, error) bool { return false }
			},
		} {
			t.Run(name, func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(http.StatusServiceUnavailable)
					_, _ = io.WriteString(w, body)
				}, overTLS)
				cfg, clk := config(s.base)
				set(&cfg)
				code, got := do(t, cfg, request(t, "GET", s.URL, nil))
				assert.Equal(t, 503, code)
				assert.Equal(t, body, got)
				assert.Zero(t, clk.Waiters())
			})
		}
	})
}

func TestAPostIsNotRepeatedWithoutAKey(t *testing.T) {
	dropped := func(_ int, c net.Conn, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		reset(c)
		return false
	}
	for _, c := range []struct {
		name, header, value string
		requests            int64
	}{
		{"none", "X", "y", 1}, {"empty", "Idempotency-Key", "", 1},
		{"key", "Idempotency-Key", "k", 3}, {"x-key", "X-Idempotency-Key", "k", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, statuses(503))
			broken := raw(t, dropped)
			cfg, _ := config(s.base)
			r := request(t, "POST", s.URL, strings.NewReader("charge"))
			r.Header.Set(c.header, c.value)
			do(t, cfg, r)
			assert.Equal(t, c.requests, s.requests.Load())

			cfg.Base = broken.base
			r = request(t, "POST", broken.URL, strings.NewReader("charge"))
			r.Header.Set(c.header, c.value)
			_, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
			require.Error(t, err)
			assert.Equal(t, c.requests, broken.requests.Load())
		})
	}
}

func TestNetHTTPDoesNotRepeatAPostWithAKey(t *testing.T) {
	frozen(t, func(t *testing.T) {
		// Each connection answers once and breaks under the next request, like a connection
		// that was idle for too long.
		var served sync.Map
		s := raw(t, func(_ int, c net.Conn, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body)
			if _, twice := served.LoadOrStore(c, true); twice {
				return false
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			return true
		})
		cfg, clk := config(s.base)
		tr := ductilehttp.NewTransport(cfg)
		for range 2 {
			r := request(t, "POST", s.URL, strings.NewReader("charge"))
			r.Header.Set("Idempotency-Key", "k")
			resp, err := tr.RoundTrip(r)
			require.NoError(t, err)
			read(t, resp)
		}
		assert.EqualValues(t, 3, s.requests.Load())
		assert.Len(t, clk.Sleeps(), 1, "the third request is our retry, delayed and counted")
	})
}

func TestTheRequestIsNotModified(t *testing.T) {
	for name, c := range map[string]struct {
		body    io.Reader
		length  int64 // length that the server sees
		rewinds int
	}{
		"nil":      {nil, 0, 0},
		"NoBody":   {http.NoBody, 0, 0},
		"empty":    {strings.NewReader(""), 0, 0},
		"rewound":  {strings.NewReader("body"), 4, 2},
		"streamed": {io.MultiReader(strings.NewReader("body")), -1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var lengths []int64
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				lengths = append(lengths, r.ContentLength)
				if c.length != 0 {
					assert.Equal(t, "body", string(b))
				}
				w.WriteHeader(http.StatusServiceUnavailable)
			})
			cfg, _ := config(s.base)
			cfg.AttemptHeader, cfg.TimeoutHeader = "X-Retry-Attempt", ductilehttp.DefaultTimeoutHeader
			r := request(t, "PUT", s.URL+"/a?b=c", c.body)
			rewinds := 0
			if get := r.GetBody; get != nil {
				r.GetBody = func() (io.ReadCloser, error) {
					rewinds++
					return get()
				}
			}
			before := *r
			header := r.Header.Clone()
			do(t, cfg, r)
			assert.Equal(t, header, r.Header)
			assert.Equal(t, before.URL.String(), r.URL.String())
			assert.Equal(t, before.Body, r.Body)
			assert.Equal(t, before.ContentLength, r.ContentLength)
			assert.Equal(t, []int64{c.length, c.length, c.length}, lengths)
			assert.Equal(t, c.rewinds, rewinds)
		})
	}
}

func TestTheContextLivesUntilTheBodyIsRead(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		goOn := make(chan struct{})
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-goOn
			_, _ = w.Write(pattern(1 << 20))
		}, overTLS)
		cfg, clk := config(s.base)
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", s.URL, nil))
		require.NoError(t, err)
		assert.Zero(t, clk.Waiters(), "the timeouts ended with the header")
		clk.Advance(time.Hour)
		close(goOn)
		assert.Equal(t, string(pattern(1<<20)), read(t, resp))
		assert.Zero(t, clk.Waiters())
	})
}

func TestAReadLongerThanReadIdleEndsTheBody(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "and then nothing more")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, overTLS)
		cfg, clk := config(s.base)
		tr := ductilehttp.NewTransport(cfg)
		resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
		require.NoError(t, err)
		_, err = io.ReadFull(resp.Body, make([]byte, len("and then nothing more")))
		require.NoError(t, err)
		ended := make(chan error)
		go func() {
			_, err := resp.Body.Read(make([]byte, 1))
			ended <- err
		}()
		require.NoError(t, clk.BlockUntil(t.Context(), 1))
		clk.Advance(ductilehttp.DefaultReadIdle)
		err = <-ended
		var timeout *policy.TimeoutError
		require.ErrorAs(t, err, &timeout)
		assert.Equal(t, ductilehttp.DefaultReadIdle, timeout.After)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_ = resp.Body.Close()
		assert.Zero(t, clk.Waiters())
		circuit, _ := tr.Circuits().Get(s.URL)
		assert.EqualValues(t, 1, circuit.Snapshot().Counts.Failures, "a body that stalls is a failure of its own call")
	})
}

func TestThereIsADelayIfTheServerNamesNone(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"status": statuses(429),
		"reset":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, h)
			cfg, clk := config(s.base)
			cfg.Retry.JitterFactor = 0
			resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", s.URL, nil))
			if err == nil {
				read(t, resp)
			}
			require.Len(t, clk.Sleeps(), 2)
			assert.GreaterOrEqual(t, clk.Sleeps()[0], 450*time.Millisecond)
			assert.GreaterOrEqual(t, clk.Sleeps()[1], 900*time.Millisecond)
		})
	}
}

func TestErrorsNamesAndEventsShowNoSecrets(t *testing.T) {
	s := serve(t, statuses(503))
	gone := goneFrom(s)
	for _, url := range []string{s.URL, gone} {
		secret := strings.Replace(url, "://", "://user:hunter2@", 1) + "/path?api_key=hunter2#hunter2"
		cfg, _ := config(s.base)
		cfg.Circuits.FailureThreshold = 4
		var seen []string
		cfg.Retry.OnRetry = func(_ context.Context, e policy.Event) { seen = append(seen, e.Err.Error()) }
		tr := ductilehttp.NewTransport(cfg)
		for range 3 {
			resp, err := tr.RoundTrip(request(t, "GET", secret, nil))
			if err != nil {
				seen = append(seen, err.Error())
			} else {
				read(t, resp)
			}
		}
		for name, circuit := range tr.Circuits().All() {
			assert.Equal(t, url, name)
			seen = append(seen, name, circuit.Snapshot().Cause.Error())
		}
		assert.NotEmpty(t, seen)
		for _, text := range seen {
			assert.NotContains(t, text, "hunter2")
		}
	}
}
