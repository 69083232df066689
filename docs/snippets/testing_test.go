package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
	"github.com/ductile-go/ductile/ratelimit"
)

var errDown = errors.New("down")

func down(context.Context) (int, error) { return 0, errDown }

// What docs/testing.md shows.

func TestOpenCircuitRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		_, err := breaker.Do(t.Context(), circuit, down)
		require.ErrorIs(t, err, errDown)
		time.Sleep(30 * time.Second) // takes no time in the bubble
		assert.Equal(t, breaker.HalfOpen, circuit.State())
	})
}

func TestAdvanceReleasesWhatWaits(t *testing.T) {
	ctx, clk, done := t.Context(), fake.NewClock(), make(chan error)
	go func() { done <- clk.Sleep(ctx, time.Second) }()
	require.NoError(t, clk.BlockUntil(ctx, 1)) // 1. wait until the goroutine waits
	clk.Advance(time.Second)                   // 2. move time
	require.NoError(t, <-done)                 // 3. wait for what that does
}

func TestARecorderKeepsTheKindsOfEvents(t *testing.T) {
	ctx, call := t.Context(), fake.NewFunc[int]().Fail(errDown)
	rec := fake.NewRecorder()
	_, _ = pipeline.New(policy.FallbackValue(7)).WithObserver(rec.Observe).Do(ctx, call.Do)
	assert.Equal(t, []policy.EventKind{policy.Started, policy.FellBack, policy.Recovered, policy.Finished}, rec.Kinds())
}

type limit[T any] struct{ places chan struct{} }

func (l *limit[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	select {
	case l.places <- struct{}{}:
		defer func() { <-l.places }()
		return next.Do(ctx)
	default:
		return v, fmt.Errorf("limit: %w", policy.ErrRejected)
	}
}

func TestLimitKeepsThePromises(t *testing.T) {
	policytest.Run(t, func() policy.Policy[int] {
		return &limit[int]{make(chan struct{}, 10)}
	})
}

func TestACallWaitsForAPlaceInVain(t *testing.T) {
	ctx := t.Context()
	clk := fake.NewClock(fake.For(t))
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1, MaxWait: time.Second, Clock: clk})
	running, err := gate.Acquire(ctx)
	require.NoError(t, err)
	defer running.Release()

	waited := make(chan error)
	go func() {
		_, err := gate.Acquire(ctx)
		waited <- err
	}()
	require.NoError(t, clk.BlockUntil(ctx, 2)) // its place in the queue, and the timer of MaxWait
	clk.Advance(time.Second)
	require.ErrorIs(t, <-waited, bulkhead.ErrFull)
}

func TestCallsAreSpaced(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: ratelimit.NoBurst, Clock: clk})
	begin := clk.Now()
	for range 5 {
		require.NoError(t, limiter.Wait(t.Context(), 1))
	}
	assert.Equal(t, 400*time.Millisecond, clk.Now().Sub(begin))
}

func TestASlowReadIsHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hedge.New[string](hedge.Config{Delay: 50 * time.Millisecond})
		begin := time.Now()
		v, err := h.Do(t.Context(), func(ctx context.Context) (string, error) {
			if hedge.Attempt(ctx) == 1 {
				<-ctx.Done() // the slow replica
				return "", ctx.Err()
			}
			return "hello", nil
		})
		require.NoError(t, err)
		assert.Equal(t, "hello", v)
		assert.Equal(t, 50*time.Millisecond, time.Since(begin))
	})
}
