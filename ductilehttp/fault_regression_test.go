package ductilehttp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
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
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// final sends r and checks that there is one attempt, and that the circuit ignores it.
func final(t *testing.T, base http.RoundTripper, r *http.Request) error {
	t.Helper()
	cfg, clk := config(base)
	tr := ductilehttp.NewTransport(cfg)
	resp, err := tr.RoundTrip(r)
	require.Error(t, err)
	require.Nil(t, resp)
	assert.Empty(t, clk.Sleeps(), "%v", err)
	if circuit, ok := tr.Circuits().Get(r.URL.String()); ok {
		assert.Zero(t, circuit.Snapshot().Counts.Failures, "%v", err)
	}
	return err
}

func TestARequestFaultOverHTTP2IsFinalAndIgnored(t *testing.T) {
	s := serve(t, statuses(200), func(s *httptest.Server) {
		s.Config.MaxHeaderBytes = 4 << 10
		overHTTP2(s)
	})
	require.NoError(t, send(t, s.base, "GET", s.URL, nil)) // so that the server's settings have arrived
	for name, spoil := range map[string]func(*http.Request){
		"header list":       func(r *http.Request) { r.Header.Set("X", strings.Repeat("x", 64<<10)) },
		"Upgrade":           func(r *http.Request) { r.Header.Set("Upgrade", "lines") },
		"Connection":        func(r *http.Request) { r.Header.Set("Connection", "x") },
		"Transfer-Encoding": func(r *http.Request) { r.Header.Set("Transfer-Encoding", "gzip") },
		"Host":              func(r *http.Request) { r.Host = "a b" },
		":path":             func(r *http.Request) { r.URL.Opaque = "no path" },
		"header name":       func(r *http.Request) { r.Header["a b"] = []string{"x"} },
		"IDN host":          func(r *http.Request) { r.Host = "xn--\u00e9.example" },
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, "GET", s.URL, nil)
			spoil(r)
			err := final(t, s.base, r)
			assert.True(t, ductilehttp.IsRequestError(err), "%v", err)
		})
	}
}

func TestAnInvalidTrailerIsARequestFault(t *testing.T) {
	s := serve(t, statuses(200))
	r := request(t, "PUT", s.URL, io.MultiReader(strings.NewReader("body")))
	r.Trailer = http.Header{"Content-Length": nil}
	err := final(t, s.base, r)
	assert.True(t, ductilehttp.IsRequestError(err), "%v", err)
}

func TestARedirectLoopIsFinalForAnyLimit(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	client := &http.Client{Transport: s.base, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) >= 3 {
			return errors.New("stopped after 3 redirects")
		}
		return nil
	}}
	base := tripper(func(r *http.Request) (*http.Response, error) {
		resp, err := client.Do(r) //nolint:gosec // the subject of the test
		if err != nil && resp != nil {
			_ = resp.Body.Close()
			resp = nil
		}
		return resp, err
	})
	_ = final(t, base, request(t, "GET", s.URL, nil))
	assert.EqualValues(t, 3, s.requests.Load())
}

func TestAProxyRefusalDoesNotCountAgainstTheTarget(t *testing.T) {
	proxy := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })
	at, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	base := &http.Transport{Proxy: http.ProxyURL(at)}
	t.Cleanup(base.CloseIdleConnections)
	_ = final(t, base, request(t, "GET", "https://h.example", nil))
	assert.EqualValues(t, 1, proxy.requests.Load())
}

func TestServerTextIsNotMatchedAsAClientError(t *testing.T) {
	for _, line := range []string{
		"net/http: invalid header field name", "unsupported protocol scheme", "stopped after 10 redirects", "invalid Upgrade request header",
	} {
		s := raw(t, func(_ int, c net.Conn, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+line+"\r\n\r\n")
			return false
		})
		cfg, clk := config(s.base)
		tr := ductilehttp.NewTransport(cfg)
		err := send(t, tr, "GET", s.URL, nil)
		require.Error(t, err)
		assert.False(t, ductilehttp.IsRequestError(err), "%v", err)
		assert.Len(t, clk.Sleeps(), 2, line)
		circuit, _ := tr.Circuits().Get(s.URL)
		assert.EqualValues(t, 3, circuit.Snapshot().Counts.Failures)
	}
}

func TestARedirectThatTurnsAWriteIntoAGetIsAnError(t *testing.T) {
	for _, code := range []int{301, 302} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/there" {
					_, _ = io.WriteString(w, `{"name":"somebody"}`)
					return
				}
				http.Redirect(w, r, "/there?token=hunter2", code)
			})
			c, _ := clientOf(s.base, s.URL)
			var out student
			err := c.Do(t.Context(), method, "/here", student{"Ada"}, &out)
			var status *ductilehttp.StatusError
			require.ErrorAs(t, err, &status)
			assert.Equal(t, code, status.StatusCode)
			assert.Empty(t, out.Name)
			assert.EqualValues(t, 1, s.requests.Load())
			assert.NotContains(t, err.Error(), "hunter2")
			require.NoError(t, c.Get(t.Context(), "/here", &out), "a GET is followed")
		}
	}
}

func TestRedirectsShareTheAttemptsOfACall(t *testing.T) {
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%2 == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, "/more", http.StatusTemporaryRedirect)
	})
	c, _ := clientOf(s.base, s.URL)
	err := c.Put(t.Context(), "/", student{}, nil)
	var status *ductilehttp.StatusError
	require.ErrorAs(t, err, &status)
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.Equal(t, 503, status.StatusCode)
	assert.EqualValues(t, 5, s.requests.Load(), "three URLs and two retries; no retry was left for the third")
	assert.Equal(t, 5, status.Attempts)
}

func TestRedirectsShareTheTotalTimeoutOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tripper(func(r *http.Request) (*http.Response, error) {
			time.Sleep(4 * time.Second) // in a bubble
			return answer(r, 307, "", "Location", "/more"), nil
		})
		c := ductilehttp.NewClient(ductilehttp.ClientConfig{
			BaseURL: "https://api.example.com", Base: base, AttemptTimeout: 9 * time.Second, TotalTimeout: 10 * time.Second,
		})
		start := time.Now()
		require.ErrorIs(t, c.Get(t.Context(), "/", nil), context.DeadlineExceeded)
		assert.LessOrEqual(t, time.Since(start), 12*time.Second)
	})
}

func TestAnInvalidLocationIsNotShown(t *testing.T) {
	c, _ := clientOf(tripper(func(r *http.Request) (*http.Response, error) {
		return answer(r, 302, "", "Location", "http://[::1/?token=hunter2"), nil
	}), "https://api.example.com")
	err := c.Get(t.Context(), "/", nil)
	require.ErrorContains(t, err, "the Location of a redirect is not a valid URL")
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestATotalTimeoutAloneIsValid(t *testing.T) {
	for _, total := range []time.Duration{1, time.Millisecond, time.Second, 2 * time.Second, time.Hour} {
		assert.NotPanics(t, func() { ductilehttp.NewTransport(ductilehttp.Config{TotalTimeout: total}) }, total.String())
		assert.NotPanics(t, func() {
			ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://h.example", TotalTimeout: total})
		}, total.String())
	}
}

// hint is an error whose method dereferences its receiver.
type hint struct{ d time.Duration }

func (*hint) Error() string               { return "hint" }
func (h *hint) RetryAfter() time.Duration { return h.d }

func TestNilErrorsAndInvalidStatusesAreAnswered500(t *testing.T) {
	code, _ := ductilehttp.Status((*hint)(nil))
	assert.Equal(t, 500, code)
	code, _ = ductilehttp.Status((*ductilehttp.StatusError)(nil))
	assert.Equal(t, 500, code)
	for _, bad := range []int{0, -1, 99, 100, 101, 199, 1000} {
		h := ductilehttp.Handler(failingWith(io.EOF), ductilehttp.HandlerConfig{
			Status: func(error) (int, time.Duration) { return bad, 0 },
		})
		assert.Equal(t, 500, ask(t, h).Code)
	}
}

func TestStatusIs499ForADisconnectedClient(t *testing.T) {
	h := ductilehttp.Handler(func(_ http.ResponseWriter, r *http.Request) error { return r.Context().Err() }, ductilehttp.HandlerConfig{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(cancelled(t), "GET", "/", nil))
	assert.Equal(t, ductilehttp.StatusClientClosed, w.Code)
}

func TestAnErrorResponseHasNoDigestHeader(t *testing.T) {
	w := ask(t, ductilehttp.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
		return io.EOF
	}, ductilehttp.HandlerConfig{}))
	assert.NotContains(t, w.Header(), "Content-Md5")
}

func TestACopyThatFailsAtItsFirstReadBeginsNoResponse(t *testing.T) {
	for name, copyTo := range map[string]func(http.ResponseWriter, io.Reader) error{
		"io.Copy": func(w http.ResponseWriter, r io.Reader) error {
			_, err := io.Copy(w, r)
			return err
		},
		"ReadFrom": func(w http.ResponseWriter, r io.Reader) error {
			_, err := w.(io.ReaderFrom).ReadFrom(r)
			return err
		},
		"an empty copy, then an error": func(w http.ResponseWriter, _ io.Reader) error {
			_, _ = io.Copy(w, strings.NewReader(""))
			return errSource
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, ductilehttp.Handler(func(w http.ResponseWriter, _ *http.Request) error {
				return copyTo(w, failing{})
			}, ductilehttp.HandlerConfig{}).ServeHTTP)
			resp, err := s.base.RoundTrip(request(t, "GET", s.URL, nil))
			require.NoError(t, err)
			assert.Equal(t, 500, resp.StatusCode)
			read(t, resp)
		})
	}
}

func TestADownloadMayTakeLongerThanTheAttemptTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tripper(func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 200, "")
			resp.Body, resp.ContentLength = &drip{ctx: r.Context(), left: 10, every: 10 * time.Second}, -1
			return resp, nil
		})
		tr := ductilehttp.NewTransport(ductilehttp.Config{Base: base})
		start := time.Now()
		resp, err := tr.RoundTrip(request(t, "GET", "http://h.example", nil))
		require.NoError(t, err)
		assert.Equal(t, "xxxxxxxxxx", read(t, resp))
		assert.Equal(t, 100*time.Second, time.Since(start))
	})
}

// drip is a body that returns one byte at a time until its request's context ends.
type drip struct {
	ctx   context.Context
	left  int
	every time.Duration
}

func (d *drip) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	if err := policy.Sleep(d.ctx, nil, d.every); err != nil {
		return 0, err
	}
	d.left--
	p[0] = 'x'
	return 1, nil
}

func (d *drip) Close() error { return nil }

func TestABodyThatStallsOpensTheCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tripper(func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 200, "")
			resp.Body, resp.ContentLength = &drip{ctx: r.Context(), left: 1, every: time.Hour}, -1
			return resp, nil
		})
		tr := ductilehttp.NewTransport(ductilehttp.Config{Base: base, ReadIdle: time.Second})
		for range 5 {
			resp, err := tr.RoundTrip(request(t, "GET", "http://h.example", nil))
			require.NoError(t, err)
			_, err = io.ReadAll(resp.Body)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NoError(t, resp.Body.Close())
		}
		_, err := tr.RoundTrip(request(t, "GET", "http://h.example", nil))
		require.ErrorIs(t, err, breaker.ErrOpen)
	})
}

func TestAnEventStreamMayBeSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tripper(func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 200, "", "Content-Type", "text/event-stream; charset=utf-8")
			resp.Body, resp.ContentLength = &drip{ctx: r.Context(), left: 2, every: time.Hour}, -1
			return resp, nil
		})
		tr := ductilehttp.NewTransport(ductilehttp.Config{Base: base})
		resp, err := tr.RoundTrip(request(t, "GET", "http://h.example", nil))
		require.NoError(t, err)
		assert.Equal(t, "xx", read(t, resp))
	})
}

func TestACancelWhileReadingABodyIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tripper(func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 200, "")
			resp.Body, resp.ContentLength = &drip{ctx: r.Context(), left: 2, every: time.Minute}, -1
			return resp, nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		stop, cancelNow := context.WithCancel(ctx)
		tr := ductilehttp.NewTransport(ductilehttp.Config{Base: base})
		resp, err := tr.RoundTrip(request(t, "GET", "http://h.example", nil).WithContext(stop))
		require.NoError(t, err)
		cancelNow()
		_, err = io.ReadAll(resp.Body)
		require.ErrorIs(t, err, context.Canceled)
		_ = resp.Body.Close()
		circuit, _ := tr.Circuits().Get("http://h.example")
		assert.Zero(t, circuit.Snapshot().Counts.Failures)
	})
}

func TestAStalledUploadEnds(t *testing.T) {
	for name, open := range map[string]func(*http.Request) (io.ReadCloser, error){
		"at once": func(r *http.Request) (io.ReadCloser, error) { return r.Body, nil },
		"begun again by the base": func(r *http.Request) (io.ReadCloser, error) {
			_ = r.Body.Close()
			return r.GetBody()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := tripper(func(r *http.Request) (*http.Response, error) {
					body, err := open(r)
					require.NoError(t, err)
					defer func() { _ = body.Close() }()
					_, _ = body.Read(make([]byte, 1000)) // after this, its buffers are full
					<-r.Context().Done()
					return nil, context.Cause(r.Context())
				})
				tr := ductilehttp.NewTransport(ductilehttp.Config{
					Base: base, AttemptTimeout: -1, TotalTimeout: -1, Retry: retry.Config{MaxAttempts: 1},
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				start := time.Now()
				resp, err := tr.RoundTrip(request(t, "PUT", "http://h.example", stream(pattern(1<<20))).WithContext(ctx))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Nil(t, resp)
				assert.Equal(t, ductilehttp.DefaultWriteIdle, time.Since(start))
			})
		})
	}
}

func TestAnExhaustedConnectionPoolIsNotAServerFailure(t *testing.T) {
	goOn := make(chan struct{})
	var arrived sync.WaitGroup
	arrived.Add(1)
	s := serve(t, func(http.ResponseWriter, *http.Request) {
		arrived.Done()
		<-goOn
	})
	s.base.MaxConnsPerHost = 1
	cfg, _ := config(s.base)
	cfg.Clock, cfg.Retry.Clock = nil, nil
	cfg.Retry.MaxAttempts = 1
	cfg.TotalTimeout = -1
	cfg.AttemptTimeout = time.Hour
	tr := ductilehttp.NewTransport(cfg)
	var first sync.WaitGroup
	first.Go(func() { assert.NoError(t, send(t, tr, "GET", s.URL, nil)) })
	arrived.Wait()
	clk := fake.NewClock(fake.At(time.Now()))
	ctx, cancel := clk.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	asked := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GetConn: func(string) {
		asked = true
		clk.Advance(time.Minute) // the deadline passes while it waits
	}})
	resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil).WithContext(ctx))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Nil(t, resp)
	assert.True(t, asked)
	circuit, _ := tr.Circuits().Get(s.URL)
	assert.Zero(t, circuit.Snapshot().Counts.Failures)
	close(goOn)
	first.Wait()
}

func TestAResponseOfWhiteSpaceIsEmpty(t *testing.T) {
	for body, want := range map[string]string{" \r\n\t": "before", "\ufeff{\"name\":\"Ada\"}": "Ada", "\ufeff \n": "before"} {
		c, _ := clientOf(tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 200, body), nil }), "https://api.example.com")
		out := student{"before"}
		require.NoError(t, c.Get(t.Context(), "/", &out))
		assert.Equal(t, want, out.Name)
	}
}

func TestTheLongestRetryAfterCounts(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d, ok := ductilehttp.RetryAfter(http.Header{"Retry-After": {"soon", "5", "120", "-1"}}, now)
	assert.True(t, ok)
	assert.Equal(t, 2*time.Minute, d)
	d, ok = ductilehttp.RetryAfter(http.Header{
		"Retry-After": {now.Add(time.Minute).Format(http.TimeFormat)}, "Date": {now.Add(30 * time.Second).Format(http.TimeFormat)},
	}, now.AddDate(0, 0, 3))
	assert.True(t, ok)
	assert.Equal(t, 30*time.Second, d, "by the server's own clock")
	d, ok = ductilehttp.Hint(answer(nil, 429, "", "Retry-After", "1", "Retry-After-Ms", "1500", "X-Ms-Retry-After-Ms", "200"))
	assert.True(t, ok)
	assert.Equal(t, 1500*time.Millisecond, d)
}

func TestDotSegmentsWithParametersAreRefused(t *testing.T) {
	c, _ := clientOf(tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 204, ""), nil }), "https://api.example.com/v1")
	for _, path := range []string{
		"/..;/8", "/a/..;x=y/b", "/.;/a", "/%2e%2e;/8", "/%2e%2e%3b/8", "/..%3B/8", "/%252e%252e/8", "/%252e%252e;/8", `/..;\8`, "/a%2f..;%2fb",
	} {
		require.Error(t, c.Get(t.Context(), path, nil), path)
	}
	for _, path := range []string{"/a;b/c", "/...;/8", "/a..;/8", "/;..", "/a%3b"} {
		require.NoError(t, c.Get(t.Context(), path, nil), path)
	}
}
