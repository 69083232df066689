package ductilehttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/allocs"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestTheHintCanBeReplaced(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Again-In", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	cfg, clk := config(s.base)
	cfg.Hint = func(resp *http.Response) (time.Duration, bool) {
		n, err := strconv.Atoi(resp.Header.Get("X-Again-In"))
		return time.Duration(n) * time.Second, err == nil
	}
	do(t, cfg, request(t, "GET", s.URL, nil))
	assert.Equal(t, []time.Duration{7 * time.Second, 7 * time.Second}, clk.Sleeps())
}

func TestALongHintEndsTheCallOrIsClamped(t *testing.T) {
	for clamp, want := range map[bool][]time.Duration{false: nil, true: {2 * time.Second, 2 * time.Second}} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		cfg, clk := config(s.base)
		cfg.Retry.MaxRetryAfter, cfg.ClampRetryAfter = 2*time.Second, clamp
		code, _ := do(t, cfg, request(t, "GET", s.URL, nil))
		assert.Equal(t, 503, code)
		assert.Equal(t, want, clk.Sleeps())
	}
}

func TestPrepareSeesEveryAttempt(t *testing.T) {
	other := serve(t, statuses(200))
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "attempt 1", r.Header.Get("Signature"))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	cfg, _ := config(s.base)
	cfg.Prepare = func(r *http.Request, attempt int) error {
		r.Header.Set("Signature", "attempt "+strconv.Itoa(attempt))
		if attempt == 2 {
			r.URL.Host = strings.TrimPrefix(other.URL, "http://")
			r.Host = r.URL.Host
		}
		return nil
	}
	r := request(t, "PUT", s.URL, strings.NewReader("body"))
	code, _ := do(t, cfg, r)
	assert.Equal(t, 200, code)
	assert.EqualValues(t, 1, s.requests.Load())
	assert.EqualValues(t, 1, other.requests.Load())
	assert.Equal(t, s.URL, r.URL.String(), "the caller's request is unchanged")
	assert.Empty(t, r.Header)
}

func TestAnAttemptWhosePrepareFailsSendsNothing(t *testing.T) {
	s := serve(t, statuses(200))
	cfg, clk := config(s.base)
	noToken := errors.New("no token")
	cfg.Prepare = func(_ *http.Request, attempt int) error {
		if attempt < 3 {
			return noToken
		}
		return nil
	}
	tr := ductilehttp.NewTransport(cfg)
	require.NoError(t, send(t, tr, "POST", s.URL, strings.NewReader("charge")), "the POST was not sent at all")
	assert.Len(t, clk.Sleeps(), 2)
	assert.EqualValues(t, 1, s.requests.Load())
	cfg.Retry.MaxAttempts = 1
	tr = ductilehttp.NewTransport(cfg)
	require.ErrorIs(t, send(t, tr, "POST", s.URL, strings.NewReader("charge")), noToken)
	circuit, _ := tr.Circuits().Get(s.URL)
	assert.Zero(t, circuit.Snapshot().Counts.Failures)
}

func TestNoCircuitRefusesNoCall(t *testing.T) {
	s := serve(t, statuses(503))
	cfg, _ := config(s.base)
	cfg.NoCircuit, cfg.Retry.MaxAttempts = true, 20
	tr := ductilehttp.NewTransport(cfg)
	resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	read(t, resp)
	_, ok := tr.Circuits().Get(s.URL)
	assert.False(t, ok)
	assert.Zero(t, tr.Circuits().Len())
	for range tr.Circuits().All() {
		t.Fatal("there is no circuit")
	}
}

func TestMaxBufferedBodyLimitsWhatIsKept(t *testing.T) {
	for limit, requests := range map[int64]int64{ductilehttp.NoBufferedBody: 1, 9: 1, 10: 3} {
		s := serve(t, statuses(503))
		cfg, _ := config(s.base)
		cfg.MaxBufferedBody = limit
		do(t, cfg, request(t, "PUT", s.URL, stream([]byte("0123456789"))))
		assert.Equal(t, requests, s.requests.Load(), limit)
	}
}

// seeker is a reader that can be rewound and has no other methods.
type seeker struct{ io.ReadSeeker }

func TestAFileIsSentAgainWhateverItsSize(t *testing.T) {
	want := pattern(3 * ductilehttp.DefaultMaxBufferedBody)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, append([]byte("skip"), want...), 0o600))
	for kind, open := range map[string]func() io.Reader{
		"file": func() io.Reader {
			f, err := os.Open(name) //nolint:gosec // a file created by this test
			require.NoError(t, err)
			_, err = f.Seek(4, io.SeekStart)
			require.NoError(t, err)
			return f
		},
		"seeker": func() io.Reader { return seeker{strings.NewReader(string(want))} },
	} {
		t.Run(kind, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				got, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.Equal(t, len(want), len(got))
				assert.True(t, string(want) == string(got), "it is the whole file")
				w.WriteHeader(http.StatusServiceUnavailable)
			})
			cfg, _ := config(s.base)
			code, _ := do(t, cfg, request(t, "PUT", s.URL, open()))
			assert.Equal(t, 503, code)
			assert.EqualValues(t, 3, s.requests.Load())
		})
	}
}

func TestAnUploadFromAFileDoesNotDisturbTheNext(t *testing.T) {
	g := &greedy{read: make(chan struct{}), done: make(chan struct{})}
	cfg, _ := config(g)
	cfg.Retry.OnRetry = func(context.Context, policy.Event) {
		close(g.read)
		<-g.done
	}
	code, got := do(t, cfg, request(t, "PUT", "http://h.example/", seeker{strings.NewReader(string(pattern(1 << 20)))}))
	assert.Equal(t, 200, code)
	assert.Equal(t, string(pattern(4)), got)
}

func TestAnOverrideChangesOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		var left time.Duration
		base := tripper(func(r *http.Request) (*http.Response, error) {
			sent++
			deadline, _ := r.Context().Deadline()
			left = time.Until(deadline).Round(time.Millisecond)
			return answer(r, 503, ""), nil
		})
		own := breaker.NewCircuit(breaker.Config{Name: "own", FailureThreshold: 1})
		cfg := ductilehttp.Config{Base: base, Circuits: breaker.Config{FailureThreshold: 100}}
		tr := ductilehttp.NewTransport(cfg)
		for _, c := range []struct {
			o    ductilehttp.Override
			sent int
			left time.Duration
		}{
			{ductilehttp.Override{}, 3, 10 * time.Second},
			{ductilehttp.Override{MaxAttempts: 1}, 1, 10 * time.Second},
			{ductilehttp.Override{AttemptTimeout: time.Second, MaxAttempts: 2}, 2, time.Second},
			{ductilehttp.Override{TotalTimeout: 3 * time.Second, MaxAttempts: 1}, 1, time.Second},
			{ductilehttp.Override{NoCircuit: true}, 3, 10 * time.Second},
		} {
			sent = 0
			resp, err := tr.RoundTrip(request(t, "GET", "http://h.example", nil).WithContext(ductilehttp.WithOverride(t.Context(), c.o)))
			require.NoError(t, err)
			read(t, resp)
			assert.Equal(t, c.sent, sent, "%+v", c.o)
			assert.Equal(t, c.left, left, "%+v", c.o)
		}
		sent = 0
		_, err := tr.RoundTrip(request(t, "GET", "http://h.example", nil).WithContext(ductilehttp.WithOverride(t.Context(), ductilehttp.Override{Circuit: own})))
		require.ErrorIs(t, err, breaker.ErrOpen)
		assert.Equal(t, 1, sent)
		_, err = tr.RoundTrip(request(t, "GET", "http://h.example", nil).WithContext(
			ductilehttp.WithOverride(t.Context(), ductilehttp.Override{AttemptTimeout: time.Hour})))
		require.ErrorContains(t, err, "ductilehttp: Override.AttemptTimeout is 1h0m0s, want less than TotalTimeout, 30s")
	})
}

func TestAnOverrideBoundsTheAttemptsOfAPipeline(t *testing.T) {
	s := serve(t, statuses(503))
	tr := ductilehttp.NewTransport(own(s.base, plainRetry(fake.NewClock(fake.AutoAdvance()))))
	resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil).WithContext(ductilehttp.WithOverride(t.Context(), ductilehttp.Override{MaxAttempts: 1})))
	require.NoError(t, err)
	assert.Equal(t, 503, resp.StatusCode)
	read(t, resp)
	assert.EqualValues(t, 1, s.requests.Load())
}

func TestCallReturnsTheStatusAndHeaders(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Retry-Attempt") == "1" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Trailer", "Sum")
		w.Header().Set("Etag", `"1"`)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"name":"Ada"}`)
		w.Header().Set("Sum", "42")
	})
	cfg, _ := config(s.base)
	cfg.AttemptHeader = "X-Retry-Attempt"
	c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: s.URL, Base: ductilehttp.NewTransport(cfg)})
	var out student
	a, err := c.Call(t.Context(), http.MethodPut, "/", student{}, &out)
	require.NoError(t, err)
	assert.Equal(t, 201, a.StatusCode)
	assert.Equal(t, `"1"`, a.Header.Get("Etag"))
	assert.Equal(t, "42", a.Trailer.Get("Sum"))
	assert.Equal(t, 2, a.Attempts)
	assert.Equal(t, "Ada", out.Name)
}

func TestARequestWithoutABodyIsSentWithoutOne(t *testing.T) {
	for name, configure := range map[string]func(*httptest.Server){
		"HTTP/1.1": func(s *httptest.Server) { s.Start() }, "HTTP/1.1 with TLS": func(s *httptest.Server) { s.StartTLS() }, "HTTP/2": overHTTP2,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				assert.Zero(t, r.ContentLength)
				assert.Empty(t, r.TransferEncoding)
				assert.Empty(t, r.Header.Get("Content-Length"))
			}, configure)
			cfg, _ := config(s.base)
			tr := ductilehttp.NewTransport(cfg)
			for range 3 {
				for _, method := range []string{"GET", "HEAD", "OPTIONS", "DELETE"} {
					require.NoError(t, send(t, tr, method, s.URL, nil))
				}
			}
		})
	}
}

func TestAGetWithABodyIsRepeatedWithIt(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		assert.Equal(t, `{"name":"Ada"}`, string(b))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	c, _ := clientOf(s.base, s.URL)
	require.Error(t, c.Do(t.Context(), http.MethodGet, "/_search", student{"Ada"}, nil))
	assert.EqualValues(t, 3, s.requests.Load())
}

func TestProxyStatusesAreRetried(t *testing.T) {
	for _, code := range []int{421, 520, 522, 524, 530} {
		s := serve(t, statuses(code, 200))
		cfg, _ := config(s.base)
		got, _ := do(t, cfg, request(t, "GET", s.URL, nil))
		assert.Equal(t, 200, got, code)
	}
	assert.False(t, ductilehttp.RetryableStatus(531))
	assert.False(t, ductilehttp.RetryableStatus(519))
}

func TestAllSpellingsOfAHostShareOneCircuit(t *testing.T) {
	for _, spellings := range [][]string{
		{"https://api.example.com", "https://API.Example.COM:443/a", "https://api.example.com.", "https://api.example.com.:443"},
		{"https://b\u00fccher.example", "https://xn--bcher-kva.example", "https://B\u00dcCHER.example."},
		{"http://[::1]", "http://[0:0:0:0:0:0:0:1]:80", "http://[0::1]"},
		{"http://[fe80::AB]:8080", "http://[fe80:0::ab]:8080"},
	} {
		tr := okTransport(func(*ductilehttp.Config) {})
		for _, url := range spellings {
			visit(t, tr, url)
		}
		assert.Len(t, hosts(tr), 1, "%v", spellings)
		_, ok := tr.Circuits().Get(spellings[len(spellings)-1])
		assert.True(t, ok)
	}
}

func TestAKnownHostCostsNoExtraAllocationAmongMany(t *testing.T) {
	tr := okTransport(func(c *ductilehttp.Config) { c.Retry.Clock = nil })
	r := request(t, "GET", "http://known.example", nil)
	call := func() {
		resp, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	call()
	few := allocs.Fewest(100, call)
	for i := range 3 * ductilehttp.MaxCircuits {
		visit(t, tr, "http://"+strconv.Itoa(i)+".example")
		if i%100 == 0 {
			call()
		}
	}
	call()
	assert.LessOrEqual(t, allocs.Fewest(100, call), few)
}

func TestTheExportedPartsMakeTheSameTransport(t *testing.T) {
	frozen(t, func(t *testing.T) {
		s := serve(t, statuses(503, 503, 200))
		clk := fake.NewClock(fake.AutoAdvance())
		circuit := breaker.NewCircuit(breaker.Config{})
		p := pipeline.New(
			policy.Policy[*http.Response](policy.NewTimeout[*http.Response](policy.TimeoutConfig{Name: "total", After: 30 * time.Second, Clock: clk})),
			ductilehttp.Retry(retry.Config{Clock: clk, JitterFactor: retry.NoJitter}),
			ductilehttp.Breaker(circuit),
			policy.NewTimeout[*http.Response](policy.TimeoutConfig{Name: "attempt", After: 10 * time.Second, Clock: clk}),
		)
		code, _ := do(t, ductilehttp.Config{Base: s.base, Pipeline: p}, request(t, "GET", s.URL, nil))
		assert.Equal(t, 200, code)
		assert.EqualValues(t, 3, s.requests.Load())
		assert.EqualValues(t, 1, s.connections.Load())
		assert.Zero(t, circuit.Snapshot().Counts.Failures, "the success reset the count")
	})
}

func TestAttemptsReturnsWhyThereWasNoFurtherAttempt(t *testing.T) {
	s := serve(t, statuses(503))
	cfg, _ := config(s.base)
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	n, gaveUp := ductilehttp.Attempts(resp)
	assert.Equal(t, 3, n)
	require.ErrorIs(t, gaveUp, retry.ErrExhausted)
	read(t, resp)
	n, gaveUp = ductilehttp.Attempts(&http.Response{})
	assert.Equal(t, 1, n)
	assert.Nil(t, gaveUp)
	s = serve(t, statuses(503, 204))
	cfg.Base = s.base
	resp, err = ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	n, _ = ductilehttp.Attempts(resp)
	assert.Equal(t, 2, n)
	read(t, resp)
}

func TestAttemptsCountsForAResponseWithoutABody(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		for _, c := range []struct {
			method string
			last   int
		}{{"HEAD", 200}, {"HEAD", 503}, {"GET", 204}, {"GET", 304}} {
			var sent atomic.Int64
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if sent.Add(1) == 1 {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				w.WriteHeader(c.last)
			}, overTLS)
			cfg, _ := config(s.base)
			cfg.Retry.MaxAttempts = 2
			resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, c.method, s.URL, nil))
			require.NoError(t, err)
			assert.Equal(t, c.last, resp.StatusCode)
			n, gaveUp := ductilehttp.Attempts(resp)
			assert.Equal(t, 2, n, "%s %d", c.method, c.last)
			assert.Equal(t, c.last == 503, gaveUp != nil, "%s %d", c.method, c.last)
			assert.Empty(t, read(t, resp))
		}
	})
}
