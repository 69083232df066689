package ductilehttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

type httpPolicy = policy.Policy[*http.Response]

// own returns a Config with a user-defined pipeline.
func own(base http.RoundTripper, policies ...httpPolicy) ductilehttp.Config {
	return ductilehttp.Config{Base: base, Pipeline: pipeline.New(policies...)}
}

func plainRetry(clk *fake.Clock) *retry.Retry[*http.Response] {
	return retry.New[*http.Response](retry.Config{Clock: clk, JitterFactor: retry.NoJitter})
}

func TestAPlainRetryInAPipelineFollowsTheMarks(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		body := strings.Repeat("down ", 100_000)
		for method, requests := range map[string]int64{"GET": 3, "POST": 1} {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = io.WriteString(w, body)
			}, overTLS)
			clk := fake.NewClock(fake.AutoAdvance())
			circuit := breaker.NewCircuit(breaker.Config{})
			code, got := do(t, own(s.base, plainRetry(clk), breaker.New[*http.Response](circuit),
				policy.Timeout[*http.Response](time.Minute)), request(t, method, s.URL, nil))
			assert.Equal(t, 503, code)
			assert.Equal(t, body, got)
			assert.Equal(t, requests, s.requests.Load())
			for _, d := range clk.Sleeps() {
				assert.Equal(t, 7*time.Second, d)
			}
			assert.Equal(t, requests, circuit.Snapshot().Counts.Failures)
		}
	})
}

func TestAnEmptyPipelineActsAsTheBase(t *testing.T) {
	s := serve(t, statuses(503))
	code, _ := do(t, own(s.base), request(t, "GET", s.URL, nil))
	assert.Equal(t, 503, code)
	tr := ductilehttp.NewTransport(own(s.base))
	assert.Zero(t, tr.Circuits().Len())
	_, ok := tr.Circuits().Get(s.URL)
	assert.False(t, ok)
}

func TestABodyOutlivesATimeoutThatDoesNotKeepIt(t *testing.T) {
	goOn := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-goOn
		_, _ = w.Write(pattern(1 << 20))
	})
	resp, err := ductilehttp.NewTransport(own(s.base, policy.Timeout[*http.Response](time.Minute))).
		RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	close(goOn)
	assert.Equal(t, string(pattern(1<<20)), read(t, resp))
}

func TestATimeoutWithHoldBodyCoversTheBodyInAPipeline(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	clk := fake.NewClock()
	limit := policy.NewTimeout[*http.Response](policy.TimeoutConfig{After: time.Second, Clock: clk}).WithKeep(ductilehttp.HoldBody)
	resp, err := ductilehttp.NewTransport(own(s.base, limit)).RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	clk.Advance(time.Second)
	_, err = io.ReadAll(resp.Body)
	var timeout *policy.TimeoutError
	require.ErrorAs(t, err, &timeout)
	require.NoError(t, resp.Body.Close())
}

func TestTheCallersCancelReachesABodyInAPipeline(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := ductilehttp.NewTransport(own(s.base, policy.Timeout[*http.Response](time.Minute))).
		RoundTrip(request(t, "GET", s.URL, nil).WithContext(ctx))
	require.NoError(t, err)
	cancel()
	_, err = io.ReadAll(resp.Body)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, resp.Body.Close())
}

func TestAFallbackResponseReplacesAndClosesTheBadOne(t *testing.T) {
	bad := &closeCounter{Reader: strings.NewReader("bad")}
	base := tripper(func(r *http.Request) (*http.Response, error) {
		resp := answer(r, 503, "")
		resp.Body = bad
		return resp, nil
	})
	stale := policy.Fallback(func(context.Context, error) (*http.Response, error) { return answer(nil, 200, "stale"), nil })
	code, body := do(t, own(base, stale), request(t, "GET", "http://h.example", nil))
	assert.Equal(t, 200, code)
	assert.Equal(t, "stale", body)
	assert.EqualValues(t, 1, bad.closed.Load())

	nothing := policy.FallbackValue[*http.Response](nil)
	resp, err := ductilehttp.NewTransport(own(base, nothing)).RoundTrip(request(t, "GET", "http://h.example", nil))
	require.ErrorContains(t, err, "neither a response nor an error")
	assert.Nil(t, resp)
}

// replacing is a policy that gives each response another body.
type replacing func(io.ReadCloser) io.ReadCloser

func (f replacing) Execute(ctx context.Context, next policy.Call[*http.Response]) (*http.Response, error) {
	resp, err := next.Do(ctx)
	if resp != nil {
		resp.Body = f(resp.Body)
	}
	return resp, err
}

func TestAPolicyMayReplaceTheBodyOfAResponse(t *testing.T) {
	for name, replace := range map[string]replacing{
		"around it":                              func(b io.ReadCloser) io.ReadCloser { return struct{ io.ReadCloser }{b} },
		"around it, and Close does not reach it": func(b io.ReadCloser) io.ReadCloser { return io.NopCloser(io.LimitReader(b, 4)) },
	} {
		for _, code := range []int{200, 503} {
			t.Run(fmt.Sprint(name, ", ", code), func(t *testing.T) {
				var bodies []*closeCounter
				base := tripper(func(r *http.Request) (*http.Response, error) {
					resp := answer(r, code, "")
					bodies = append(bodies, &closeCounter{Reader: strings.NewReader("body")})
					resp.Body = bodies[len(bodies)-1]
					return resp, nil
				})
				cfg, clk := config(base)
				limit := policy.NewTimeout[*http.Response](policy.TimeoutConfig{After: time.Minute, Clock: clk}).WithKeep(ductilehttp.HoldBody)
				for _, tr := range []*ductilehttp.Transport{
					ductilehttp.NewTransport(cfg).With(replace),
					ductilehttp.NewTransport(own(base, ductilehttp.Retry(retry.Config{Clock: clk}), limit, replace)),
				} {
					bodies = nil
					resp, err := tr.RoundTrip(request(t, "GET", "http://h.example", nil))
					require.NoError(t, err)
					n, _ := ductilehttp.Attempts(resp)
					assert.Len(t, bodies, n)
					assert.Zero(t, bodies[n-1].closed.Load(), "the caller has it")
					assert.Equal(t, "body", read(t, resp))
					for _, b := range bodies {
						assert.NotZero(t, b.closed.Load())
					}
				}
			})
		}
	}
}

func TestARequestFaultIsNotCountedInAPipeline(t *testing.T) {
	fault := errors.New("net/http: invalid header field name")
	clk := fake.NewClock(fake.AutoAdvance())
	circuit := breaker.NewCircuit(breaker.Config{})
	base := tripper(func(*http.Request) (*http.Response, error) { return nil, fault })
	resp, err := ductilehttp.NewTransport(own(base, plainRetry(clk), breaker.New[*http.Response](circuit))).
		RoundTrip(request(t, "GET", "http://h.example", nil))
	assert.Nil(t, resp)
	assert.Equal(t, fault, err)
	assert.Zero(t, circuit.Snapshot().Counts.Failures)
	assert.Empty(t, clk.Sleeps())
}

func TestALateResponseOfAnAbandonedAttemptIsClosed(t *testing.T) {
	goOn, late := make(chan struct{}), make(chan struct{})
	bodies := []*closeCounter{{Reader: strings.NewReader("late")}, {Reader: strings.NewReader("early")}}
	var sent atomic.Int64
	base := tripper(func(r *http.Request) (*http.Response, error) {
		n := sent.Add(1)
		resp := answer(r, 200, "")
		resp.Body = bodies[n-1]
		if n == 1 {
			<-goOn
		}
		return resp, nil
	})
	clk := fake.NewClock()
	abandon := policy.NewTimeout[*http.Response](policy.TimeoutConfig{After: time.Second, Abandon: true, Clock: clk}).
		WithOnLate(func(*http.Response, error) { close(late) })
	again := retry.New[*http.Response](retry.Config{Backoff: retry.Constant(0), Clock: clk})
	done := make(chan string)
	go func() {
		resp, err := ductilehttp.NewTransport(own(base, again, abandon)).RoundTrip(request(t, "GET", "http://h.example", nil))
		if assert.NoError(t, err) {
			b, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			done <- string(b)
		}
	}()
	eventually(t, func() bool { return sent.Load() == 1 })
	clk.Advance(time.Second)
	assert.Equal(t, "early", <-done)
	close(goOn)
	<-late
	for _, b := range bodies {
		assert.EqualValues(t, 1, b.closed.Load())
	}
}

// twice is a hedge whose second attempt starts when the first has returned.
type twice struct{ second chan *http.Response }

func (h twice) Execute(ctx context.Context, next policy.Call[*http.Response]) (*http.Response, error) {
	first, err := next.Do(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		second, _ := next.Do(ctx)
		h.second <- second
	}()
	<-done
	return first, err
}

func TestASecondHedgedAttemptDoesNotCloseTheFirstResponse(t *testing.T) {
	s := serve(t, statuses(200))
	h := twice{make(chan *http.Response, 1)}
	code, got := do(t, own(s.base, h), request(t, "GET", s.URL, nil))
	assert.Equal(t, 200, code)
	assert.Equal(t, "OK", got)
	loser := <-h.second
	_, err := loser.Body.Read(make([]byte, 1))
	require.Error(t, err, "it was closed with the exchange")
	assert.EqualValues(t, 2, s.requests.Load())
}
