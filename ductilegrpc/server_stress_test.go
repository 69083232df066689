package ductilegrpc_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/internal/yield"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

// recovering turns a panic into an error, as servers do that want to live on.
func recovering(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return handler(ctx, req)
}

// A thousand callers ask for 16 places. Some leave while they wait, some while they are
// served, some meet a panic, and some come by stream. In the end nothing is held.
func TestPlacesAndTokensBalanceUnderAThousandCallers(t *testing.T) {
	for name, callers := range map[string]int{"interceptors": 1000, "with a tap": 300} {
		t.Run(name, func(t *testing.T) {
			withTap := callers < 1000
			gate := bulkhead.NewGate(bulkhead.Config{Limit: 16, MaxQueue: callers})
			limit := adaptive.NewLimiter(adaptive.Config{Initial: 12, MaxQueue: callers})
			limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: callers * 3 / 4})
			cfg := ductilegrpc.ServerConfig{Gate: gate, Adaptive: limit, Limiter: limiter}
			var running, most, ran atomic.Int64
			handle := func(ctx context.Context) error {
				n := running.Add(1)
				defer running.Add(-1)
				for old := most.Load(); n > old; old = most.Load() {
					most.CompareAndSwap(old, n)
				}
				if ran.Add(1)%17 == 0 {
					panic("out of paper")
				}
				yield.Times(20, func() bool { return ctx.Err() != nil })
				return ctx.Err()
			}
			options := []grpc.ServerOption{
				grpc.ChainUnaryInterceptor(recovering, ductilegrpc.UnaryServer(cfg)),
				grpc.ChainStreamInterceptor(recoveringStream, ductilegrpc.StreamServer(cfg)),
			}
			if withTap {
				options = append(options, grpc.InTapHandle(ductilegrpc.Tap(cfg)))
			}
			s := run(t, &backend{unary: handle, stream: func(stream duplex) error { return handle(stream.Context()) }}, options)
			var all sync.WaitGroup
			for seed := range uint64(callers) { //nolint:gosec // not negative
				all.Go(func() { misbehave(t.Context(), s, rand.New(rand.NewPCG(seed, 18))) })
			}
			all.Wait()
			await(t, "places come back", func() bool {
				return running.Load() == 0 && gate.Idle() && limit.Snapshot().InUse == 0 && limit.Snapshot().Waiting == 0
			})
			assert.LessOrEqual(t, most.Load(), int64(16))
			assert.Positive(t, ran.Load())
			spent := limiter.Snapshot()
			assert.LessOrEqual(t, spent.Admitted, int64(callers), "one token a call at most")
			assert.LessOrEqual(t, gate.Snapshot().Admitted, spent.Admitted)
			assert.LessOrEqual(t, ran.Load(), gate.Snapshot().Admitted)
		})
	}
}

func recoveringStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return handler(srv, stream)
}

// misbehave makes a call, which it may leave.
func misbehave(ctx context.Context, s *running, r *rand.Rand) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if r.IntN(3) == 0 {
		turns := r.IntN(200)
		go func() {
			yield.Times(turns, func() bool { return false })
			cancel()
		}()
	}
	if r.IntN(4) == 0 {
		_, _ = s.open(ctx)
	} else {
		_, _ = s.call(ctx)
	}
}

// crowd fills the one place of a gate and its queue, and returns the results of all calls.
func crowd(t *testing.T, queued int) (s *running, gate *bulkhead.Gate, results chan error, release chan<- struct{}, leave context.CancelFunc) {
	gate = bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: queued})
	observe, waiting := signal(policy.Queued)
	handler, started, release := block()
	s = run(t, &backend{unary: handler}, interceptors(ductilegrpc.ServerConfig{Gate: gate, Observer: observe}))
	results = make(chan error, queued+1)
	ctx, leave := context.WithCancel(t.Context())
	go func() { _, err := s.call(t.Context()); results <- err }()
	<-started
	for range queued {
		go func() { _, err := s.call(ctx); results <- err }()
		<-waiting
	}
	return s, gate, results, release, leave
}

func TestAGracefulStopServesTheQueue(t *testing.T) {
	const queued = 20
	s, gate, results, release, leave := crowd(t, queued)
	defer leave()
	stopped := make(chan struct{})
	go func() { s.server.GracefulStop(); close(stopped) }()
	for range queued + 1 {
		release <- struct{}{}
		require.NoError(t, <-results)
	}
	<-stopped
	assert.True(t, gate.Idle())
	assert.EqualValues(t, queued+1, gate.Snapshot().Admitted)
}

func TestAStopEndsTheQueue(t *testing.T) {
	const queued = 20
	s, gate, results, _, leave := crowd(t, queued)
	defer leave()
	s.server.Stop()
	for range queued + 1 {
		require.Error(t, <-results)
	}
	await(t, "the places come back", gate.Idle) // Stop does not wait for handlers
}

func TestCallersThatLeaveTheQueueMakeRoom(t *testing.T) {
	const queued = 20
	s, gate, results, release, leave := crowd(t, queued)
	leave()
	for range queued {
		assert.Equal(t, codes.Canceled, code(<-results))
	}
	await(t, "the queue is empty", func() bool { return gate.Snapshot().Waiting == 0 })
	release <- struct{}{}
	require.NoError(t, <-results)
	assert.EqualValues(t, 1, gate.Snapshot().Admitted)
	go func() { release <- struct{}{} }()
	_, err := s.call(t.Context())
	require.NoError(t, err)
}
