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

// docs/testing.md says how many to wait for.
func TestWhatWaitsCountsAsThePageSays(t *testing.T) {
	two := func(context.Context) (int, error) { return 2, nil }
	for name, row := range map[string]struct {
		counts int
		wait   func(ctx context.Context, clk *fake.Clock) error
	}{
		"a bulkhead's queue": {1, func(ctx context.Context, clk *fake.Clock) error {
			_, err := full(clk, 0).Acquire(ctx)
			return err
		}},
		"with MaxWait": {2, func(ctx context.Context, clk *fake.Clock) error {
			_, err := full(clk, time.Hour).Acquire(ctx)
			return err
		}},
		"a rate limit's queue": {1, func(ctx context.Context, clk *fake.Clock) error {
			return spent(clk).Wait(ctx, 1)
		}},
		"within a timeout": {2, func(ctx context.Context, clk *fake.Clock) error {
			limit := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Minute, Clock: clk})
			_, err := pipeline.New(limit, bulkhead.New[int](full(clk, 0))).Do(ctx, two)
			return err
		}},
		"a hedge": {2, func(ctx context.Context, clk *fake.Clock) error {
			_, err := hedge.New[int](hedge.Config{Delay: time.Second, Clock: clk}).Do(ctx, func(ctx context.Context) (int, error) {
				return 2, clk.Sleep(ctx, time.Minute)
			})
			return err
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			clk, done := fake.NewClock(fake.For(t)), make(chan error, 1)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { done <- row.wait(ctx, clk) }()
			synctest.Wait()
			assert.Equal(t, row.counts, clk.Waiters(), name)
			cancel()
			require.ErrorIs(t, <-done, context.Canceled, name)
		})
	}
}

func full(clk policy.Clock, maxWait time.Duration) *bulkhead.Gate {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1, MaxWait: maxWait, Clock: clk})
	_, _ = gate.TryAcquire()
	return gate
}

func spent(clk policy.Clock) *ratelimit.Limiter {
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Clock: clk})
	limiter.Allow(1)
	return limiter
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
