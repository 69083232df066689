package ductilehttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
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

// Each test here checks one sentence of the documentation of http.RoundTripper.

func TestContractTheBodyIsClosedOnceOnEveryPath(t *testing.T) {
	down := errors.New("down")
	ok := func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
		_ = r.Body.Close()
		return answer(r, 200, "ok"), nil
	}
	fail := func(r *http.Request) (*http.Response, error) {
		_ = r.Body.Close()
		return nil, down
	}
	bad := func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
		return answer(r, 503, "bad"), nil
	}
	for name, c := range map[string]struct {
		base tripper
		set  func(*ductilehttp.Config, *http.Request) *http.Request
	}{
		"a success": {ok, nil}, "an error": {fail, nil}, "a bad status": {bad, nil},
		"a context that has ended": {ok, func(_ *ductilehttp.Config, r *http.Request) *http.Request {
			return r.WithContext(cancelled(t))
		}},
		"no URL": {ok, func(_ *ductilehttp.Config, r *http.Request) *http.Request {
			r.URL = nil
			return r
		}},
		"an answer before the body is read": {func(r *http.Request) (*http.Response, error) {
			defer r.Body.Close() //nolint:errcheck // the base's responsibility
			return answer(r, 200, "ok"), nil
		}, nil},
		"both a response and an error": {func(r *http.Request) (*http.Response, error) {
			_ = r.Body.Close()
			return answer(r, 200, "ok"), down
		}, nil},
		"neither": {func(r *http.Request) (*http.Response, error) {
			_ = r.Body.Close()
			return nil, nil
		}, nil},
	} {
		for _, method := range []string{"PUT", "POST"} {
			for _, rewind := range []bool{false, true} {
				t.Run(name+" "+method, func(t *testing.T) {
					cfg, clk := config(c.base)
					body := &closeCounter{Reader: strings.NewReader("body")}
					r := request(t, method, "http://h.example/", body)
					if rewind {
						r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("body")), nil }
					}
					if c.set != nil {
						r = c.set(&cfg, r)
					}
					resp, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
					assert.True(t, (resp == nil) != (err == nil), "either, %v, %v", resp, err)
					if resp != nil {
						read(t, resp)
					}
					assert.EqualValues(t, 1, body.closed.Load())
					assert.Zero(t, clk.Waiters())
				})
			}
		}
	}
}

func TestContractTheBodyIsClosedWhenTheBasePanicsOrExits(t *testing.T) {
	for name, leave := range map[string]func(){"panic": func() { panic("base") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			cfg, clk := config(tripper(func(*http.Request) (*http.Response, error) {
				leave()
				return nil, nil
			}))
			body := &closeCounter{Reader: strings.NewReader("body")}
			var ended sync.WaitGroup
			ended.Go(func() {
				defer func() { _ = recover() }()
				_, _ = ductilehttp.NewTransport(cfg).RoundTrip(request(t, "PUT", "http://h.example/", body))
			})
			ended.Wait()
			assert.EqualValues(t, 1, body.closed.Load())
			assert.Zero(t, clk.Waiters())
		})
	}
}

func TestContractNetHTTPClosesTheBodyOnce(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		s := serve(t, statuses(503), overTLS)
		for _, method := range []string{"PUT", "POST"} {
			cfg, _ := config(s.base)
			body := &closeCounter{Reader: strings.NewReader("body")}
			do(t, cfg, request(t, method, s.URL, body))
			awaitClosed(t, body)
		}
	})
}

func TestContractAnEndedContextSendsNothing(t *testing.T) {
	s := serve(t, statuses(200))
	cfg, _ := config(s.base)
	tr := ductilehttp.NewTransport(cfg)
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, err := tr.RoundTrip(request(t, "GET", s.URL, nil).WithContext(ctx))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, gone)
	assert.Zero(t, s.requests.Load())
}

func TestContractACancelEndsAnAttemptAndIsIgnored(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		ctx, cancel := context.WithCancel(t.Context())
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			cancel()
			hang(w, r)
		}, overTLS)
		cfg, clk := config(s.base)
		tr := ductilehttp.NewTransport(cfg)
		_, err := tr.RoundTrip(request(t, "GET", s.URL, nil).WithContext(ctx))
		require.ErrorIs(t, err, context.Canceled)
		assert.EqualValues(t, 1, s.requests.Load())
		assert.Empty(t, clk.Sleeps())
		circuit, _ := tr.Circuits().Get(s.URL)
		assert.Zero(t, circuit.Snapshot().Counts.Failures)
	})
}

func TestContractACancelEndsADelay(t *testing.T) {
	s := serve(t, statuses(503))
	ctx, cancel := context.WithCancel(t.Context())
	cfg, _ := config(s.base)
	cfg.Retry.Clock, cfg.Retry.Backoff = nil, retry.Constant(time.Hour)
	cfg.TotalTimeout = -1
	cfg.Retry.OnRetry = func(context.Context, policy.Event) { cancel() }
	_, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", s.URL, nil).WithContext(ctx))
	require.ErrorIs(t, err, context.Canceled)
	var status *ductilehttp.StatusError
	require.ErrorAs(t, err, &status, "and the server's last response")
	assert.Equal(t, 503, status.StatusCode)
	assert.EqualValues(t, 1, s.requests.Load())
}

func TestContractATransportIsSafeForConcurrentUse(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			if r.Header.Get("X-Retry-Attempt") != "3" {
				w.WriteHeader(http.StatusBadGateway)
			}
			_, _ = w.Write(b)
		}, overTLS)
		cfg, _ := config(s.base)
		cfg.Retry.Clock, cfg.Retry.Backoff = nil, retry.Constant(0)
		cfg.AttemptTimeout, cfg.TotalTimeout = -1, -1 // 20 TLS handshakes at once take a busy machine long
		cfg.AttemptHeader = "X-Retry-Attempt"
		cfg.Circuits.FailureThreshold = 1000
		tr := ductilehttp.NewTransport(cfg)
		s.base.MaxIdleConnsPerHost = 20
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range 5 {
					resp, err := tr.RoundTrip(request(t, "PUT", s.URL, strings.NewReader("mine")))
					if assert.NoError(t, err) {
						b, _ := io.ReadAll(resp.Body)
						assert.Equal(t, "mine", string(b))
						assert.Equal(t, 200, resp.StatusCode)
						assert.NoError(t, resp.Body.Close())
					}
				}
			})
		}
		all.Wait()
		assert.EqualValues(t, 300, s.requests.Load())
	})
}

func TestContractTheResponseHasTheCallersRequest(t *testing.T) {
	s := serve(t, statuses(200))
	cfg, _ := config(s.base)
	r := request(t, "GET", s.URL, nil)
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
	require.NoError(t, err)
	read(t, resp)
	assert.Same(t, r, resp.Request)
}

func TestContractTrailersAreSentAndReceived(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Trailer", "Echo")
			_, _ = io.WriteString(w, "ok")
			w.Header().Set("Echo", r.Trailer.Get("Sum"))
		}, overTLS)
		cfg, _ := config(s.base)
		r := request(t, "PUT", s.URL, nil)
		r.Trailer = http.Header{"Sum": nil}
		r.Body = &atEnd{Reader: strings.NewReader("body"), then: func() { r.Trailer.Set("Sum", "42") }}
		r.ContentLength = -1
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
		require.NoError(t, err)
		read(t, resp)
		assert.Equal(t, "42", resp.Trailer.Get("Echo"))
	})
}

// atEnd is a body that calls a function at its end.
type atEnd struct {
	io.Reader
	then func()
}

func (a *atEnd) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if err == io.EOF {
		a.then()
	}
	return n, err
}

func (*atEnd) Close() error { return nil }

func TestContractAnEmptyResponseLeavesNothingToClose(t *testing.T) {
	for _, c := range []struct {
		method string
		code   int
	}{{"GET", 204}, {"GET", 304}, {"HEAD", 200}, {"GET", 200}} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(c.code) })
		cfg, clk := config(s.base)
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, c.method, s.URL, nil))
		require.NoError(t, err)
		assert.Zero(t, clk.Waiters(), "the contexts have ended without a Read or a Close")
		read(t, resp)
	}
}

func TestATimeoutIsANetError(t *testing.T) {
	s := serve(t, hang)
	cfg, clk := config(s.base)
	cfg.Retry.MaxAttempts = 1
	var failed sync.WaitGroup
	failed.Go(func() {
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", s.URL, nil))
		if err == nil {
			_ = resp.Body.Close()
		}
		var n interface {
			Timeout() bool
			Temporary() bool
		}
		if assert.ErrorAs(t, err, &n) {
			assert.True(t, n.Timeout() && n.Temporary())
		}
		var timeout *policy.TimeoutError
		assert.ErrorAs(t, err, &timeout)
		assert.ErrorIs(t, err, retry.ErrExhausted)
		assert.ErrorContains(t, err, "no result within 10s")
	})
	eventually(t, func() bool { return s.requests.Load() == 1 })
	clk.Advance(10 * time.Second)
	failed.Wait()
}
