package ductilegrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/throttle"
)

func tapped(cfg ductilegrpc.ServerConfig) []grpc.ServerOption {
	return []grpc.ServerOption{grpc.InTapHandle(ductilegrpc.Tap(cfg))}
}

func TestATapRefusesWithResourceExhausted(t *testing.T) {
	taken := perCaller()
	require.True(t, taken.Get("ann").Allow(1))
	ann := func(context.Context, string) (string, bool) { return "ann", true }
	paused := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Clock: fake.NewClock()})
	paused.Pause(time.Minute)
	costly := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Cost: func(context.Context) int { return 2 }})
	for name, c := range map[string]struct {
		cfg    ductilegrpc.ServerConfig
		code   codes.Code
		wait   time.Duration
		policy string
		reason string
		key    string
	}{
		"a limiter":         {ductilegrpc.ServerConfig{Limiter: emptyLimiter(t)}, codes.ResourceExhausted, time.Hour, "ratelimit", "limit", unaryMethod},
		"a paused limiter":  {ductilegrpc.ServerConfig{Limiter: paused}, codes.ResourceExhausted, time.Minute, "ratelimit", "paused", unaryMethod},
		"a cost over burst": {ductilegrpc.ServerConfig{Limiter: costly}, codes.ResourceExhausted, 0, "ratelimit", "cost", unaryMethod},
		"a caller's":        {ductilegrpc.ServerConfig{Limiters: taken, Caller: ann}, codes.ResourceExhausted, -1, "ratelimit", "limit", "ann"},
		"a full gate":       {ductilegrpc.ServerConfig{Gate: fullGate(t)}, codes.ResourceExhausted, 0, "bulkhead", "queue_full", unaryMethod},
		"an adaptive limit": {ductilegrpc.ServerConfig{Adaptive: fullAdaptive(t)}, codes.ResourceExhausted, 0, "adaptive", "queue_full", unaryMethod},
		"a throttle":        {ductilegrpc.ServerConfig{Throttle: sheddingThrottle(t)}, codes.ResourceExhausted, 0, "throttle", "throttled", unaryMethod},
		"too little time":   {ductilegrpc.ServerConfig{MinRemaining: 24 * time.Hour}, codes.DeadlineExceeded, 0, "min_remaining", "deadline", unaryMethod},
	} {
		t.Run(name, func(t *testing.T) {
			rec := fake.NewRecorder()
			c.cfg.Observer = rec.Observe
			s := run(t, &backend{unary: func(context.Context) error { return errBroken }}, tapped(c.cfg))
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			trailer, err := s.call(ctx)
			assert.Equal(t, c.code, code(err), "%v", err)
			assert.NotContains(t, err.Error(), "secret")
			assert.Empty(t, trailer[pushback], "gRPC sends no trailer of a tap")
			if c.wait >= 0 {
				assert.Equal(t, c.wait, retryInfo(err))
			} else {
				assert.Positive(t, retryInfo(err))
			}
			require.Len(t, rec.Events(), 1)
			e := rec.Events()[0]
			assert.Equal(t, []string{"rejected", c.policy, c.reason, unaryMethod, c.key}, []string{string(e.Kind), e.Policy, e.Reason, e.Pipeline, e.Key})
			require.ErrorIs(t, e.Err, policy.ErrRejected)
		})
	}
}

func TestATapAloneHoldsAPlaceUntilTheCallEnds(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 10})
	limit := adaptive.NewLimiter(adaptive.Config{Initial: 1})
	handler, started, release := block()
	s := run(t, &backend{unary: handler}, tapped(ductilegrpc.ServerConfig{Gate: gate, Adaptive: limit}))
	first := make(chan error, 1)
	go func() { _, err := s.call(t.Context()); first <- err }()
	<-started
	_, err := s.call(t.Context())
	assert.Equal(t, codes.ResourceExhausted, code(err), "a tap does not queue")
	release <- struct{}{}
	require.NoError(t, <-first)
	await(t, "the places come back", func() bool { return gate.Idle() && limit.Snapshot().InUse == 0 })

	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, err := s.call(ctx); first <- err }()
	<-started
	cancel()
	assert.Equal(t, codes.Canceled, code(<-first))
	await(t, "the places come back", func() bool { return gate.Idle() && limit.Snapshot().InUse == 0 })
}

func TestARefusalOfATapGivesBackWhatOuterPoliciesGave(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	s := run(t, new(backend), tapped(ductilegrpc.ServerConfig{Gate: gate, Adaptive: fullAdaptive(t)}))
	for range 3 {
		_, err := s.call(t.Context())
		assert.Equal(t, codes.ResourceExhausted, code(err))
	}
	assert.True(t, gate.Idle())
	assert.EqualValues(t, 3, gate.Snapshot().Admitted)
}

// everything returns a config with each policy, wide open.
func everything() (ductilegrpc.ServerConfig, *throttle.Throttle) {
	th := throttle.NewThrottle(throttle.Config{})
	return ductilegrpc.ServerConfig{
		MinRemaining: time.Second, MaxTimeout: time.Hour, Caller: callerOf, Limiters: perCaller(), Throttle: th,
		Limiter:  ratelimit.NewLimiter(ratelimit.Config{Limit: 1_000_000, Burst: 1_000_000}),
		Gate:     bulkhead.NewGate(bulkhead.Config{Limit: 1}),
		Adaptive: adaptive.NewLimiter(adaptive.Config{Initial: 1}),
	}, th
}

func TestATapAndInterceptorsTakeOneTokenAndOnePlaceBetweenThem(t *testing.T) {
	cfg, th := everything()
	s := run(t, new(backend), append(tapped(cfg), interceptors(cfg)...))
	for range 5 {
		_, err := s.call(t.Context())
		require.NoError(t, err)
		_, err = s.open(t.Context())
		require.ErrorContains(t, err, "EOF")
	}
	_, err := s.call(from(t.Context(), "ann"))
	require.NoError(t, err, "the interceptor does not ask for a second token")
	_, err = s.call(from(t.Context(), "ann"))
	assert.Equal(t, codes.ResourceExhausted, code(err))
	assert.EqualValues(t, 11, cfg.Limiter.Snapshot().Admitted)
	assert.EqualValues(t, 11, cfg.Gate.Snapshot().Admitted)
	assert.EqualValues(t, 11, cfg.Adaptive.Snapshot().Admitted)
	assert.EqualValues(t, 11, th.Snapshot().Requests)
	await(t, "the places come back", func() bool { return cfg.Gate.Idle() && cfg.Adaptive.Snapshot().InUse == 0 })
}

// The place of a tap alone comes back when the client leaves. With an interceptor it does
// not, since the handler may work on.
func TestAnInterceptorKeepsThePlaceOfATapUntilTheHandlerReturns(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	cfg := ductilegrpc.ServerConfig{Gate: gate}
	started, left, release := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	s := run(t, &backend{unary: func(ctx context.Context) error {
		started <- struct{}{}
		<-ctx.Done()
		left <- struct{}{}
		<-release
		return nil
	}}, append(tapped(cfg), interceptors(cfg)...))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { _, err := s.call(ctx); ended <- err }()
	<-started
	cancel()
	<-left
	require.Error(t, <-ended)
	assert.Equal(t, 1, gate.Snapshot().InUse)
	close(release)
	await(t, "the place comes back", gate.Idle)
}

func TestThePoliciesOfATapLearnFromTheInterceptors(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{})
	tapOnly := ductilegrpc.ServerConfig{Throttle: th}
	s := run(t, &backend{unary: func(ctx context.Context) error {
		if _, ok := ctx.Deadline(); ok {
			return status.Error(codes.NotFound, "x")
		}
		return status.Error(codes.Internal, "x")
	}}, append(tapped(tapOnly), interceptors(ductilegrpc.ServerConfig{Throttle: th, Gate: bulkhead.NewGate(bulkhead.Config{Limit: 1})})...))
	_, err := s.call(t.Context())
	assert.Equal(t, codes.Internal, code(err))
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	_, err = s.call(ctx)
	assert.Equal(t, codes.NotFound, code(err))
	assert.Equal(t, []int64{2, 1}, []int64{th.Snapshot().Requests, th.Snapshot().Accepts})
}

// A client may leave between the tap and the handler. The interceptor then finds that the
// place has gone back, and refuses the call.
func TestACallThatEndsBetweenTapAndInterceptorLeavesNothing(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	cfg := ductilegrpc.ServerConfig{Gate: gate}
	ctx, cancel := context.WithCancel(t.Context())
	ctx, err := ductilegrpc.Tap(cfg)(ctx, &tap.Info{FullMethodName: unaryMethod})
	require.NoError(t, err)
	assert.Equal(t, 1, gate.Snapshot().InUse)
	cancel()
	await(t, "the place comes back", gate.Idle)
	calls := fake.NewFunc[int]()
	err = direct(ctx, cfg, func(ctx context.Context) error { _, err := calls.Do(ctx); return err })
	assert.Equal(t, codes.Canceled, code(err))
	assert.Zero(t, calls.Calls())
	assert.True(t, gate.Idle())
}

func TestATapLeavesAnEndedCallAlone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := ductilegrpc.Tap(ductilegrpc.ServerConfig{Gate: fullGate(t)})(ctx, &tap.Info{FullMethodName: unaryMethod})
	require.NoError(t, err)
	assert.Equal(t, ctx, got)
	got, err = ductilegrpc.Tap(ductilegrpc.ServerConfig{})(t.Context(), &tap.Info{})
	require.NoError(t, err)
	assert.Equal(t, t.Context(), got)
}

func TestATapReadsPriorities(t *testing.T) {
	cfg := ductilegrpc.ServerConfig{Priority: func(_ context.Context, method string) policy.Priority {
		return map[string]policy.Priority{unaryMethod: policy.Low}[method]
	}}
	ctx, err := ductilegrpc.Tap(cfg)(t.Context(), &tap.Info{FullMethodName: unaryMethod})
	require.NoError(t, err)
	assert.Equal(t, policy.Low, policy.PriorityOf(ctx))
}
