package ductilegrpc_test

import (
	"context"
	"io"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/throttle"
)

// perCaller returns limiters that allow each caller one call an hour.
func perCaller() *keyed.Map[string, *ratelimit.Limiter] {
	return keyed.New(keyed.Config[string, *ratelimit.Limiter]{Make: func(caller string) *ratelimit.Limiter {
		return ratelimit.NewLimiter(ratelimit.Config{Name: caller, Limit: 1, Per: time.Hour})
	}})
}

// callerOf returns the caller that the metadata names.
func callerOf(ctx context.Context, _ string) (string, bool) {
	names := metadata.ValueFromIncomingContext(ctx, "caller")
	return append(names, "")[0], len(names) > 0
}

func from(ctx context.Context, caller string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "caller", caller)
}

func TestEachCallerHasALimiterOfItsOwn(t *testing.T) {
	rec := fake.NewRecorder()
	s := run(t, new(backend), interceptors(ductilegrpc.ServerConfig{Limiters: perCaller(), Caller: callerOf, Observer: rec.Observe}))
	for _, caller := range []string{"ann", "bob"} {
		_, err := s.call(from(t.Context(), caller))
		require.NoError(t, err)
		_, err = s.call(from(t.Context(), caller))
		assert.Equal(t, codes.ResourceExhausted, code(err), caller)
		last := rejectedOf(rec.Events())
		assert.Equal(t, caller, last[len(last)-1].Key)
		assert.Equal(t, unaryMethod, last[len(last)-1].Pipeline)
	}
	for range 3 {
		_, err := s.call(t.Context())
		require.NoError(t, err, "without a key there is no limit")
	}
}

func rejectedOf(events []policy.Event) (rejected []policy.Event) {
	for _, e := range events {
		if e.Kind == policy.Rejected {
			rejected = append(rejected, e)
		}
	}
	return rejected
}

func TestEventsNameTheMethod(t *testing.T) {
	rec := fake.NewRecorder()
	cfg := ductilegrpc.ServerConfig{Gate: fullGate(t), Observer: rec.Observe}
	s := run(t, new(backend), interceptors(cfg))
	_, err := s.call(t.Context())
	require.Error(t, err)
	_, err = s.open(t.Context())
	require.Error(t, err)
	require.Error(t, direct(t.Context(), cfg, succeed), "without a server too")
	var methods []string
	for _, e := range rejectedOf(rec.Events()) {
		assert.Equal(t, "bulkhead", e.Policy)
		assert.Equal(t, bulkhead.ReasonQueueFull, e.Reason)
		require.ErrorIs(t, e.Err, bulkhead.ErrFull)
		assert.Equal(t, e.Pipeline, e.Key)
		methods = append(methods, e.Pipeline)
	}
	assert.Equal(t, []string{unaryMethod, streamMethod, unaryMethod}, methods)
}

func TestTooLittleTimeIsAnEvent(t *testing.T) {
	rec := fake.NewRecorder()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := ductilegrpc.ServerConfig{MinRemaining: time.Hour, Observer: rec.Observe}
	require.ErrorIs(t, direct(ctx, cfg, succeed), ductilegrpc.ErrRemaining)
	require.Len(t, rejectedOf(rec.Events()), 1)
	e := rejectedOf(rec.Events())[0]
	assert.Equal(t, []string{"min_remaining", "deadline", unaryMethod}, []string{e.Policy, e.Reason, e.Pipeline})
	assert.EqualError(t, e.Err, "ductilegrpc: less than 1h0m0s remains until the deadline")
	assert.Equal(t, "deadline", observe.ErrorType(e.Err))
}

func TestHigherPrioritiesAreServedFirst(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 10})
	place, ok := gate.TryAcquire()
	require.True(t, ok)
	observe, queued := signal(policy.Queued)
	var served []policy.Priority
	s := run(t, &backend{unary: func(ctx context.Context) error {
		served = append(served, policy.PriorityOf(ctx)) // one at a time
		return nil
	}}, interceptors(ductilegrpc.ServerConfig{Gate: gate, Observer: observe, Priority: ductilegrpc.PriorityFromMetadata("priority")}))
	var calls sync.WaitGroup
	for _, class := range []string{"low", "sheddable", "high", "anything", "critical", "normal"} {
		calls.Go(func() {
			_, err := s.call(metadata.AppendToOutgoingContext(t.Context(), "priority", class))
			assert.NoError(t, err)
		})
		<-queued
	}
	place.Release()
	calls.Wait()
	assert.Equal(t, []policy.Priority{policy.Critical, policy.High, policy.Normal, policy.Normal, policy.Low, policy.Sheddable}, served)
}

func TestAPriorityInMetadataIsIgnoredUnlessTheServerReadsIt(t *testing.T) {
	s := run(t, &backend{unary: func(ctx context.Context) error {
		return status.Error(codes.OutOfRange, strconv.Itoa(int(policy.PriorityOf(ctx))))
	}}, interceptors(ductilegrpc.ServerConfig{Gate: bulkhead.NewGate(bulkhead.Config{Limit: 1})}))
	_, err := s.call(metadata.AppendToOutgoingContext(t.Context(), "priority", "critical"))
	assert.Equal(t, "0", status.Convert(err).Message())
}

func TestACallWithoutAPriorityInItsMetadataIsNormal(t *testing.T) {
	read := ductilegrpc.PriorityFromMetadata("priority")
	assert.Equal(t, policy.Normal, read(t.Context(), unaryMethod))
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("priority", "sheddable", "priority", "critical"))
	assert.Equal(t, policy.Sheddable, read(ctx, unaryMethod), "the first value")
}

func TestACallThatItsCallerCancelledSaysNothingAboutTheServer(t *testing.T) {
	clk := fake.NewClock()
	th := throttle.NewThrottle(throttle.Config{Clock: clk})
	limit := adaptive.NewLimiter(adaptive.Config{Target: time.Millisecond, MinCalls: 1, Window: time.Millisecond, Initial: 10, Clock: clk})
	cfg := ductilegrpc.ServerConfig{Throttle: th, Adaptive: limit}
	for _, text := range []error{io.ErrUnexpectedEOF, status.Error(codes.Internal, "the driver's words"), context.Canceled} {
		ctx, cancel := context.WithCancel(t.Context())
		err := direct(ctx, cfg, func(context.Context) error {
			cancel()
			clk.Advance(time.Second)
			return text
		})
		require.Error(t, err)
	}
	assert.Zero(t, th.Snapshot().Requests)
	assert.Equal(t, 10, limit.Limit())
}

func TestTheStatusCodeSaysWhetherTheServerIsWell(t *testing.T) {
	for c := range codes.Code(17) {
		th := throttle.NewThrottle(throttle.Config{})
		_ = direct(t.Context(), ductilegrpc.ServerConfig{Throttle: th}, func(context.Context) error { return status.Error(c, "x") })
		got := th.Snapshot()
		switch c {
		case codes.Canceled:
			assert.Zero(t, got.Requests, c)
		case codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Internal, codes.Unknown, codes.DataLoss:
			assert.Equal(t, []int64{1, 0}, []int64{got.Requests, got.Accepts}, c)
		default:
			assert.Equal(t, []int64{1, 1}, []int64{got.Requests, got.Accepts}, c)
		}
	}
	for name, c := range map[string]struct {
		err  error
		want []int64
	}{"plain": {errBroken, []int64{1, 0}}, "a refusal further in": {isolated(t), []int64{0, 0}}} {
		th := throttle.NewThrottle(throttle.Config{})
		_ = direct(t.Context(), ductilegrpc.ServerConfig{Throttle: th}, func(context.Context) error { return c.err })
		assert.Equal(t, c.want, []int64{th.Snapshot().Requests, th.Snapshot().Accepts}, name)
	}
}

func TestClassifyDecidesBeforeTheStatusCode(t *testing.T) {
	notFound := func(context.Context) error { return status.Error(codes.NotFound, "x") }
	failure := func(error) policy.Outcome { return policy.Failure }
	undecided := func(error) policy.Outcome { return policy.Undecided }
	for name, c := range map[string]struct {
		cfg, own func(error) policy.Outcome
		accepts  int64
	}{
		"the server's": {failure, nil, 0}, "the throttle's": {nil, failure, 0}, "undecided": {undecided, nil, 1},
		"the throttle's after an undecided one": {undecided, failure, 0}, "both undecided": {undecided, undecided, 0},
	} {
		th := throttle.NewThrottle(throttle.Config{Classify: c.own})
		_ = direct(t.Context(), ductilegrpc.ServerConfig{Throttle: th, Classify: c.cfg}, notFound)
		assert.Equal(t, []int64{1, c.accepts}, []int64{th.Snapshot().Requests, th.Snapshot().Accepts}, name)
	}
}
