package ductilegrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/throttle"
)

// fullGate returns a gate without a free place.
func fullGate(t *testing.T) *bulkhead.Gate {
	g := bulkhead.NewGate(bulkhead.Config{Name: "secret", Limit: 1})
	place, ok := g.TryAcquire()
	require.True(t, ok)
	t.Cleanup(place.Release)
	return g
}

// emptyLimiter returns a limiter that has its next token in an hour.
func emptyLimiter(t *testing.T) *ratelimit.Limiter {
	l := ratelimit.NewLimiter(ratelimit.Config{Name: "secret", Limit: 1, Per: time.Hour, Clock: fake.NewClock()})
	require.True(t, l.Allow(1))
	return l
}

func fullAdaptive(t *testing.T) *adaptive.Limiter {
	l := adaptive.NewLimiter(adaptive.Config{Name: "secret", Initial: 1})
	permit, err := l.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { permit.Record(policy.Ignored) })
	return l
}

func sheddingThrottle(t *testing.T) *throttle.Throttle {
	th := throttle.NewThrottle(throttle.Config{Name: "secret", Clock: fake.NewClock(), Rand: fake.Rand(0)})
	for range 10 {
		p, err := th.Acquire(t.Context())
		require.NoError(t, err)
		p.Record(policy.Failure)
	}
	return th
}

// tripped returns the error of a circuit that stays open for a minute and a half millisecond.
func tripped(t *testing.T) error {
	c := breaker.NewCircuit(breaker.Config{Name: "secret", Clock: fake.NewClock()})
	c.Trip(time.Minute+500*time.Microsecond, "secret")
	_, err := c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen)
	return err
}

func isolated(t *testing.T) error {
	c := breaker.NewCircuit(breaker.Config{})
	c.Isolate("secret")
	_, err := c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen)
	return err
}

func TestARefusalLeavesWithItsStatusAndTheWaitIfItIsKnown(t *testing.T) {
	costly := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Cost: func(context.Context) int { return 2 }})
	for name, c := range map[string]struct {
		cfg     ductilegrpc.ServerConfig
		handler error
		code    codes.Code
		wait    time.Duration
		trailer []string
	}{
		"a limiter":          {ductilegrpc.ServerConfig{Limiter: emptyLimiter(t)}, nil, codes.ResourceExhausted, time.Hour, []string{"3600000"}},
		"a cost over burst":  {ductilegrpc.ServerConfig{Limiter: costly}, nil, codes.ResourceExhausted, 0, nil},
		"a full gate":        {ductilegrpc.ServerConfig{Gate: fullGate(t)}, nil, codes.Unavailable, 0, nil},
		"an adaptive limit":  {ductilegrpc.ServerConfig{Adaptive: fullAdaptive(t)}, nil, codes.Unavailable, 0, nil},
		"a throttle":         {ductilegrpc.ServerConfig{Throttle: sheddingThrottle(t)}, nil, codes.Unavailable, 0, nil},
		"too little time":    {ductilegrpc.ServerConfig{MinRemaining: 24 * time.Hour}, nil, codes.DeadlineExceeded, 0, nil},
		"a circuit, inside":  {ductilegrpc.ServerConfig{}, tripped(t), codes.Unavailable, time.Minute + 500*time.Microsecond, []string{"60001"}},
		"an isolated one":    {ductilegrpc.ServerConfig{}, isolated(t), codes.Unavailable, 0, nil},
		"a wrapped refusal":  {ductilegrpc.ServerConfig{}, fmt.Errorf("stock: %w", tripped(t)), codes.Unavailable, time.Minute + 500*time.Microsecond, []string{"60001"}},
		"a policy of others": {ductilegrpc.ServerConfig{}, fmt.Errorf("secret: %w", policy.ErrRejected), codes.Unavailable, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t, &backend{
				unary:  func(context.Context) error { return c.handler },
				stream: func(duplex) error { return c.handler },
			}, interceptors(c.cfg))
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			for kind, call := range map[string]func(context.Context) (map[string][]string, error){
				"unary":  func(ctx context.Context) (map[string][]string, error) { md, err := s.call(ctx); return md, err },
				"stream": func(ctx context.Context) (map[string][]string, error) { md, err := s.open(ctx); return md, err },
			} {
				trailer, err := call(ctx)
				assert.Equal(t, c.code, code(err), "%s: %v", kind, err)
				assert.Equal(t, c.wait, retryInfo(err), kind)
				assert.Equal(t, c.trailer, trailer[pushback], kind)
				assert.NotContains(t, err.Error(), "secret", kind)
			}
		})
	}
}

func TestARefusalMatchesThePolicysErrorForInterceptorsOutside(t *testing.T) {
	err := direct(t.Context(), ductilegrpc.ServerConfig{Gate: fullGate(t)}, succeed)
	require.ErrorIs(t, err, bulkhead.ErrFull)
	require.ErrorIs(t, err, policy.ErrRejected)
	assert.Contains(t, err.Error(), "secret")
	assert.Equal(t, codes.Unavailable, code(err))
}

// A handler that calls another server through a client of ours passes its refusals on.
func TestARefusalOfAClientInAHandlerLeavesWithItsWait(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{Name: "secret", Clock: fake.NewClock()})
	circuit.Trip(time.Minute, "secret")
	behind := run(t, new(backend), nil, ductilegrpc.DialOptions(ductilegrpc.Config{Circuit: circuit})...)
	s := run(t, &backend{unary: func(ctx context.Context) error { _, err := behind.call(ctx); return err }}, interceptors(ductilegrpc.ServerConfig{}))
	trailer, err := s.call(t.Context())
	assert.Equal(t, codes.Unavailable, code(err))
	assert.Equal(t, time.Minute, retryInfo(err))
	assert.Equal(t, []string{"60000"}, trailer[pushback])
	assert.NotContains(t, err.Error(), "secret")
}

func TestErrorsOfHandlersPassUnchanged(t *testing.T) {
	detailed, err := status.New(codes.NotFound, "no such cart").WithDetails(&errdetails.ResourceInfo{ResourceName: "cart"})
	require.NoError(t, err)
	for name, want := range map[string]error{
		"plain":               io.ErrUnexpectedEOF,
		"a status":            detailed.Err(),
		"a wrapped status":    fmt.Errorf("cart: %w", detailed.Err()),
		"a status of refusal": status.Error(codes.ResourceExhausted, "of a server further on"),
	} {
		got := direct(t.Context(), ductilegrpc.ServerConfig{Gate: bulkhead.NewGate(bulkhead.Config{Limit: 1})}, func(context.Context) error { return want })
		assert.Same(t, want, got, name) //nolint:testifylint // the same value, not an equal one
	}
	s := run(t, &backend{unary: func(context.Context) error { return detailed.Err() }}, interceptors(ductilegrpc.ServerConfig{}))
	_, err = s.call(t.Context())
	assert.Len(t, status.Convert(err).Details(), 1)
}

func TestATimeoutLeavesAsDeadlineExceeded(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := ductilegrpc.ServerConfig{MaxTimeout: time.Second, Clock: clk}
	err := direct(t.Context(), cfg, func(ctx context.Context) error {
		if err := policy.Sleep(ctx, clk, time.Minute); err != nil {
			return status.Error(codes.Internal, "the database did not answer")
		}
		return nil
	})
	assert.Equal(t, codes.DeadlineExceeded, code(err), "not the handler's Internal")
	assert.Equal(t, "no result in time", status.Convert(err).Message(), "nor its text")
	assert.Equal(t, time.Second, clk.Now().Sub(fake.NewClock().Now()))

	err = direct(t.Context(), ductilegrpc.ServerConfig{}, func(context.Context) error { return fmt.Errorf("cart: %w", &policy.TimeoutError{After: time.Second}) })
	assert.Equal(t, codes.DeadlineExceeded, code(err), "a timeout further in")
	assert.Zero(t, retryInfo(err))
	assert.Equal(t, "no result in time", status.Convert(err).Message(), "names of policies stay in the server")
}

func TestWorkWithTooLittleTimeLeftIsRefused(t *testing.T) {
	clk := fake.NewClock()
	cfg := ductilegrpc.ServerConfig{MinRemaining: time.Second, Clock: clk}
	for left, want := range map[time.Duration]error{time.Second - 1: ductilegrpc.ErrRemaining, time.Second: nil, time.Minute: nil} {
		ctx, cancel := clk.WithTimeout(t.Context(), left)
		calls := fake.NewFunc[int]()
		err := direct(ctx, cfg, func(ctx context.Context) error { _, err := calls.Do(ctx); return err })
		require.ErrorIs(t, err, want, "%v", left)
		if want != nil {
			assert.Equal(t, codes.DeadlineExceeded, code(err))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorIs(t, err, policy.ErrRejected)
			assert.Zero(t, calls.Calls(), "no time, no call")
		}
		cancel()
	}
	require.NoError(t, direct(t.Context(), cfg, succeed), "no deadline")
}

func TestTimeSpentInAQueueCountsAgainstMinRemaining(t *testing.T) {
	clk := fake.NewClock()
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1, Clock: clk})
	place, ok := gate.TryAcquire()
	require.True(t, ok)
	observe, queued := signal(policy.Queued)
	cfg := ductilegrpc.ServerConfig{MinRemaining: 5 * time.Second, Gate: gate, Clock: clk, Observer: observe}
	ctx, cancel := clk.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- direct(ctx, cfg, succeed) }()
	<-queued
	clk.Advance(6 * time.Second)
	place.Release()
	require.ErrorIs(t, <-ended, ductilegrpc.ErrRemaining)
	assert.True(t, gate.Idle())
}

func TestAWaitInAQueueEndsWithItsCaller(t *testing.T) {
	for name, c := range map[string]struct {
		cause error
		code  codes.Code
	}{"left": {context.Canceled, codes.Canceled}, "deadline": {context.DeadlineExceeded, codes.DeadlineExceeded}} {
		t.Run(name, func(t *testing.T) {
			clk := fake.NewClock()
			gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1, Clock: clk})
			place, ok := gate.TryAcquire()
			require.True(t, ok)
			observe, queued := signal(policy.Queued)
			ctx, cancel := clk.WithTimeout(t.Context(), time.Second)
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				ended <- direct(ctx, ductilegrpc.ServerConfig{Gate: gate, Observer: observe}, succeed)
			}()
			<-queued
			if c.code == codes.Canceled {
				cancel()
			} else {
				clk.Advance(time.Second)
			}
			err := <-ended
			assert.Equal(t, c.code, code(err))
			require.ErrorIs(t, err, c.cause)
			place.Release()
			assert.True(t, gate.Idle())
		})
	}
}

func TestAPanicOfAHandlerPassesThroughAndGivesPlacesBack(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	limit := adaptive.NewLimiter(adaptive.Config{Initial: 1})
	th := throttle.NewThrottle(throttle.Config{})
	cfg := ductilegrpc.ServerConfig{Gate: gate, Adaptive: limit, Throttle: th}
	recovered := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
		defer func() { err = fmt.Errorf("%v", recover()) }()
		return handler(ctx, req)
	}
	for name, tapped := range map[string][]grpc.ServerOption{"interceptors": nil, "with a tap": {grpc.InTapHandle(ductilegrpc.Tap(cfg))}} {
		options := append([]grpc.ServerOption{grpc.ChainUnaryInterceptor(recovered, ductilegrpc.UnaryServer(cfg))}, tapped...)
		s := run(t, &backend{unary: func(context.Context) error { panic("out of paper") }}, options)
		for range 3 {
			_, err := s.call(t.Context())
			assert.ErrorContains(t, err, "out of paper", name)
		}
		assert.True(t, gate.Idle(), name)
		assert.Zero(t, limit.Snapshot().InUse, name)
	}
	assert.EqualValues(t, 6, th.Snapshot().Requests, "each is a failure")
}

func TestInvalidServerConfigsAreRefused(t *testing.T) {
	for want, cfg := range map[string]ductilegrpc.ServerConfig{
		"MinRemaining is -1s, want 0 or more":                                   {MinRemaining: -time.Second},
		"MaxTimeout is -1s, want 0 or more":                                     {MaxTimeout: -time.Second},
		"MinRemaining is 2s, want at most MaxTimeout, or every call is refused": {MinRemaining: 2 * time.Second, MaxTimeout: time.Second},
		"Caller is nil, want a function, because Limiters is set":               {Limiters: perCaller()},
		"Limiters is nil, want a map made by keyed.New, because Caller is set":  {Caller: func(context.Context, string) (string, bool) { return "", false }},
		"Gate: ": {Gate: new(bulkhead.Gate)}, "Limiter: ": {Limiter: new(ratelimit.Limiter)},
		"Throttle: ": {Throttle: new(throttle.Throttle)}, "Adaptive: ": {Adaptive: new(adaptive.Limiter)},
	} {
		err := cfg.Validate()
		require.ErrorContains(t, err, "ductilegrpc: ServerConfig."+want)
		assert.PanicsWithError(t, err.Error(), func() { ductilegrpc.UnaryServer(cfg) })
		assert.PanicsWithError(t, err.Error(), func() { ductilegrpc.StreamServer(cfg) })
		assert.PanicsWithError(t, err.Error(), func() { ductilegrpc.Tap(cfg) })
	}
	assert.NoError(t, ductilegrpc.ServerConfig{}.Validate())
}

var errBroken = errors.New("broken")
