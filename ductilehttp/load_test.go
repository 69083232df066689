package ductilehttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

// slowFirst is a base that never answers the first request.
type slowFirst struct {
	mu     sync.Mutex
	bodies []string
	lost   atomic.Int64 // number of requests whose context ended
}

func (s *slowFirst) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		body = string(b)
	}
	s.mu.Lock()
	s.bodies = append(s.bodies, body)
	first := len(s.bodies) == 1
	s.mu.Unlock()
	if first {
		<-r.Context().Done()
		s.lost.Add(1)
		return nil, r.Context().Err()
	}
	return answer(r, 200, "ok"), nil
}

func hedged() ductilehttp.Config {
	return ductilehttp.Config{
		Hedge: &hedge.Config{Delay: time.Second, Budget: hedge.NoBudget}, Retry: retry.Config{MaxAttempts: 1},
		Circuits: breaker.Config{FailureThreshold: 1},
	}
}

func TestASlowRequestIsHedged(t *testing.T) {
	for name, body := range map[string]io.Reader{"without a body": nil, "with GetBody": strings.NewReader("all of it")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := new(slowFirst)
				cfg := hedged()
				cfg.Base = base
				tr := ductilehttp.NewTransport(cfg)
				resp, err := tr.RoundTrip(request(t, "PUT", "http://h.example", body))
				require.NoError(t, err)
				assert.Equal(t, "ok", read(t, resp))
				synctest.Wait()
				require.Len(t, base.bodies, 2)
				assert.Equal(t, base.bodies[0], base.bodies[1])
				assert.EqualValues(t, 1, base.lost.Load(), "the first is cancelled")
				n, _ := ductilehttp.Attempts(resp)
				assert.Equal(t, 2, n)
				circuit, _ := tr.Circuits().Get("http://h.example")
				assert.Equal(t, breaker.Closed, circuit.State(), "a loser says nothing about the server")
			})
		})
	}
}

func TestRequestsThatMustNotOverlapAreNotHedged(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		body   io.Reader
	}{
		"a POST without a key": {"POST", strings.NewReader("charge")},
		"a stream":             {"PUT", io.MultiReader(strings.NewReader("stream"))},
		"a file":               {"PUT", struct{ io.ReadSeeker }{bytes.NewReader([]byte("file"))}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := new(slowFirst)
				cfg := hedged()
				cfg.Base, cfg.AttemptTimeout = base, 5*time.Second
				rec := fake.NewRecorder()
				cfg.Observer = rec.Observe
				err := send(t, ductilehttp.NewTransport(cfg), c.method, "http://h.example", c.body)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Len(t, base.bodies, 1)
				for _, e := range rec.Events() {
					assert.NotEqual(t, policy.Hedged, e.Kind)
				}
			})
		})
	}
}

// The exchange never sends a POST twice, even under a user-defined hedge.
func TestAHedgeInAPipelineSendsAPostOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := new(slowFirst)
		tr := ductilehttp.NewTransport(ductilehttp.Config{Base: base, Pipeline: pipeline.New[*http.Response](
			policy.Timeout[*http.Response](5*time.Second), ductilehttp.Hedge(hedge.Config{Delay: time.Second, Budget: hedge.NoBudget}),
		)})
		err := send(t, tr, "POST", "http://h.example", strings.NewReader("charge"))
		require.Error(t, err)
		assert.Len(t, base.bodies, 1)
	})
}

func TestTheLosingResponseIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bodies := make([]*closeCounter, 2)
		var n atomic.Int64
		base := tripper(func(r *http.Request) (*http.Response, error) {
			i := n.Add(1) - 1
			if i == 0 {
				time.Sleep(1500 * time.Millisecond) // ignores its context
			}
			resp := answer(r, 200, "")
			bodies[i] = &closeCounter{Reader: strings.NewReader("ok")}
			resp.Body = bodies[i]
			return resp, nil
		})
		cfg := hedged()
		cfg.Base = base
		cfg.Hedge.Abandon = true
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", "http://h.example", nil))
		require.NoError(t, err)
		assert.Equal(t, "ok", read(t, resp))
		time.Sleep(time.Second)
		synctest.Wait()
		assert.EqualValues(t, 1, bodies[0].closed.Load(), "the loser's")
		assert.EqualValues(t, 1, bodies[1].closed.Load(), "the winner's, by its caller")
	})
}

func TestAPlaceIsHeldUntilTheBodyHasEnded(t *testing.T) {
	cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 200, "ok"), nil }))
	cfg.Gates = bulkhead.Config{Limit: 1}
	tr := ductilehttp.NewTransport(cfg)
	first, err := tr.RoundTrip(request(t, "GET", "http://a.example", nil))
	require.NoError(t, err)
	err = send(t, tr, "GET", "http://a.example", nil)
	require.ErrorIs(t, err, bulkhead.ErrFull)
	require.ErrorIs(t, err, policy.ErrRejected)
	require.ErrorContains(t, err, `gate "http://a.example" is full`)
	require.NoError(t, send(t, tr, "GET", "http://b.example", nil), "another host has its own gate")
	assert.Equal(t, "ok", read(t, first))
	require.NoError(t, send(t, tr, "GET", "http://a.example", nil))
	circuit, _ := tr.Circuits().Get("http://a.example")
	assert.Zero(t, circuit.Snapshot().Counts.Failures)
}

func TestABadResponseReleasesItsPlaceBeforeTheDelay(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 503, "down"), nil }))
	cfg.Gate = gate
	cfg.Retry.OnRetry = func(context.Context, policy.Event) { assert.Zero(t, gate.Snapshot().InUse) }
	resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", "http://h.example", nil))
	require.NoError(t, err)
	assert.Equal(t, "down", read(t, resp))
	assert.EqualValues(t, 3, gate.Snapshot().Admitted)
	assert.Zero(t, gate.Snapshot().InUse)
}

func TestEachHostHasItsOwnLimiter(t *testing.T) {
	cfg, clk := config(tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 200, ""), nil }))
	cfg.Clock = clk
	cfg.Limiters = ratelimit.Config{Limit: 2, Per: time.Minute, Burst: 2}
	tr := ductilehttp.NewTransport(cfg)
	for range 2 {
		require.NoError(t, send(t, tr, "GET", "http://a.example", nil))
	}
	err := send(t, tr, "GET", "http://a.example", nil)
	require.ErrorIs(t, err, ratelimit.ErrExceeded)
	after, ok := policy.RetryAfter(err)
	assert.True(t, ok)
	assert.Equal(t, 30*time.Second, after)
	require.NoError(t, send(t, tr, "GET", "http://b.example", nil))
}

func TestARetryAfterPausesTheLimiterForEveryCaller(t *testing.T) {
	for code, held := range map[int]bool{429: true, 503: false} {
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1000, Burst: 1000})
		cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) {
			return answer(r, code, "", "Retry-After", "3600"), nil
		}))
		cfg.Limiter = limiter
		require.NoError(t, send(t, ductilehttp.NewTransport(cfg), "GET", "http://h.example", nil))
		if !held {
			assert.Zero(t, limiter.Snapshot().Paused, "a 503 says nothing about a quota")
			continue
		}
		assert.InDelta(t, retry.DefaultMaxRetryAfter, limiter.Snapshot().Paused, float64(10*time.Second), "a server cannot pause the limiter for an hour")
	}
}

// A host whose gate is in use keeps it, however many other hosts are used.
func TestAGateInUseIsNotEvicted(t *testing.T) {
	cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 200, "ok"), nil }))
	cfg.Gates = bulkhead.Config{Limit: 1}
	tr := ductilehttp.NewTransport(cfg)
	held, err := tr.RoundTrip(request(t, "GET", "http://busy.example", nil))
	require.NoError(t, err)
	for i := range 2 * ductilehttp.MaxCircuits {
		require.NoError(t, send(t, tr, "GET", fmt.Sprintf("http://h%d.example", i), nil))
	}
	require.ErrorIs(t, send(t, tr, "GET", "http://busy.example", nil), bulkhead.ErrFull)
	read(t, held)
	require.NoError(t, send(t, tr, "GET", "http://busy.example", nil))
}

func TestLimitsWithoutEffectAreRefused(t *testing.T) {
	limiter, gate := ratelimit.NewLimiter(ratelimit.Config{Limit: 1}), bulkhead.NewGate(bulkhead.Config{Limit: 1})
	through := pipeline.New[*http.Response]()
	for want, cfg := range map[string]ductilehttp.Config{
		"ductilehttp: Config.Limiters is set, want zero beside Limiter":                                  {Limiter: limiter, Limiters: ratelimit.Config{Limit: 1}},
		"ductilehttp: Config.Gates is set, want zero beside Gate":                                        {Gate: gate, Gates: bulkhead.Config{Limit: 1}},
		"ductilehttp: Config.Gates.Limit is 0, want 1 to 2147483647":                                     {Gates: bulkhead.Config{Name: "hosts"}},
		"ductilehttp: Config.Gate: bulkhead: zero Gate, want one made by NewGate":                        {Gate: new(bulkhead.Gate)},
		"ductilehttp: Config.Limiter: ratelimit: zero Limiter, want one made by NewLimiter":              {Limiter: new(ratelimit.Limiter)},
		"ductilehttp: Config.Hedge.MaxExtra is 17, want 0 for 1, or at most 16":                          {Hedge: &hedge.Config{MaxExtra: 17}},
		"ductilehttp: Config.Hedge is set, want zero beside Pipeline":                                    {Pipeline: through, Hedge: &hedge.Config{}},
		"ductilehttp: Config.Gate is set, want zero beside Pipeline":                                     {Pipeline: through, Gate: gate},
		"ductilehttp: Config.Limiters is set, want zero beside Pipeline":                                 {Pipeline: through, Limiters: ratelimit.Config{Limit: 1}},
		"ductilehttp: Config.Limiters.Limit is -1, want 1 to 16000000000, 16 for each nanosecond of Per": {Limiters: ratelimit.Config{Limit: -1}},
	} {
		assert.EqualError(t, cfg.Validate(), want)
	}
}

func TestAHandlerWhoseGateIsFullAnswers503(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Name: "front door", Limit: 1})
	place, ok := gate.TryAcquire()
	require.True(t, ok)
	var heard error
	h := ductilehttp.Handler(failingWith(nil), ductilehttp.HandlerConfig{Gate: gate, OnError: func(_ *http.Request, err error) { heard = err }})
	w := ask(t, h)
	assert.Equal(t, 503, w.Code)
	assert.Equal(t, "1", w.Header().Get("Retry-After"))
	require.ErrorIs(t, heard, bulkhead.ErrFull)
	place.Release()
	assert.Equal(t, 200, ask(t, h).Code)
	assert.Zero(t, gate.Snapshot().InUse)
	assert.PanicsWithError(t, "ductilehttp: HandlerConfig.Gate: bulkhead: zero Gate, want one made by NewGate", func() {
		ductilehttp.Handler(failingWith(nil), ductilehttp.HandlerConfig{Gate: new(bulkhead.Gate)})
	})
}

func TestAHandlerServesHighPrioritiesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 2})
		place, _ := gate.TryAcquire()
		var served []string
		h := ductilehttp.Handler(func(_ http.ResponseWriter, r *http.Request) error {
			served = append(served, r.URL.Path)
			if want := map[string]policy.Priority{"/health": policy.Critical}[r.URL.Path]; policy.PriorityOf(r.Context()) != want {
				return errors.New("the priority is not in the context")
			}
			return nil
		}, ductilehttp.HandlerConfig{Gate: gate, Priority: func(r *http.Request) policy.Priority {
			if r.URL.Path == "/health" {
				return policy.Critical
			}
			return policy.Normal
		}})
		codes := map[string]int{}
		var all sync.WaitGroup
		var mu sync.Mutex
		for _, path := range []string{"/1", "/2", "/health"} { // the third request displaces the second
			all.Go(func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
				mu.Lock()
				codes[path] = w.Code
				mu.Unlock()
			})
			synctest.Wait()
		}
		place.Release()
		all.Wait()
		assert.Equal(t, []string{"/health", "/1"}, served)
		assert.Equal(t, map[string]int{"/health": 200, "/1": 200, "/2": 503}, codes)
	})
}

func TestTheWaitForAPlaceIsBoundedByTheRequestsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 10})
		place, _ := gate.TryAcquire()
		defer place.Release()
		h := ductilehttp.Handler(failingWith(nil), ductilehttp.HandlerConfig{Gate: gate})
		start := time.Now()
		assert.Equal(t, 503, ask(t, h, ductilehttp.DefaultTimeoutHeader, "250").Code)
		assert.Equal(t, 250*time.Millisecond, time.Since(start))
	})
}

func TestStatusOfRejections(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	_, _ = gate.TryAcquire()
	_, full := gate.Acquire(t.Context())
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Minute, Burst: 1})
	limiter.Allow(1)
	exceeded := limiter.Wait(cancelledSoon(t), 1)
	_, over := limiter.Reserve(1, 0)
	for name, c := range map[string]struct {
		err  error
		code int
	}{"full": {full, 503}, "exceeded": {over, 429}, "left": {exceeded, 499}} {
		require.ErrorIs(t, c.err, policy.ErrRejected, name)
		code, after := ductilehttp.Status(c.err)
		assert.Equal(t, c.code, code, name)
		if code == 429 {
			assert.InDelta(t, time.Minute, after, float64(10*time.Second))
		}
	}
}

// The wait is computed when the response is written. By then the token may be available.
func TestALimitersRejectionIs429EvenIfATokenIsAvailable(t *testing.T) {
	clk := fake.NewClock()
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
	require.True(t, limiter.Allow(1))
	_, err := limiter.Reserve(1, 0)
	require.ErrorIs(t, err, ratelimit.ErrExceeded)
	clk.Advance(time.Second)
	code, after := ductilehttp.Status(err)
	assert.Equal(t, 429, code)
	assert.Equal(t, time.Second, after)
}

// cancelledSoon returns a context that is cancelled once a goroutine waits for it.
func cancelledSoon(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	return &soon{Context: ctx, cancel: cancel}
}

type soon struct {
	context.Context
	cancel context.CancelFunc
}

func (s *soon) Done() <-chan struct{} {
	s.cancel()
	return s.Context.Done()
}

func TestAResponseThatAPolicyRejectsReleasesItsPlaceBeforeTheDelay(t *testing.T) {
	frozen(t, func(t *testing.T) {
		s := serve(t, statuses(200))
		cfg, clk := config(s.base)
		cfg.Gates = bulkhead.Config{Limit: 1}
		rejected := errors.New("not what was asked for")
		tr := ductilehttp.NewTransport(cfg).With(policy.Check(func(*http.Response, error) error { return rejected }))
		err := send(t, tr, "GET", s.URL, nil)
		require.ErrorIs(t, err, rejected)
		require.ErrorIs(t, err, retry.ErrExhausted)
		assert.Len(t, clk.Sleeps(), 2)
		assert.EqualValues(t, 3, s.requests.Load())
		assert.EqualValues(t, 1, s.connections.Load())
	})
}
