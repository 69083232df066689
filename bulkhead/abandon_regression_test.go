package bulkhead_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// A function may queue at a gate of its own, for a while, and go on without a place.
func TestAFunctionThatLeftAQueueIsAbandoned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 1})
		abandon := policy.NewTimeout[int](policy.TimeoutConfig{After: 2 * time.Second, Abandon: true})
		begun := time.Now()
		_, err := pipeline.New[int](abandon).Do(t.Context(), func(ctx context.Context) (int, error) {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := g.Acquire(short)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			time.Sleep(time.Hour) // ignores its context
			return 1, nil
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 2*time.Second, time.Since(begun))
		place.Release()
		time.Sleep(2 * time.Hour)
		require.True(t, g.Idle())
	})
}

// forking is a policy that makes two calls at a time.
type forking struct{}

func (forking) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	return twice(ctx, next.Do)
}

func twice(ctx context.Context, do policy.Func[int]) (int, error) {
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() { _, _ = do(ctx) })
	}
	calls.Wait()
	return 1, nil
}

// What makes several calls may do so in a function or in a policy. One of the calls waits in
// the queue when the limit passes, and the function of another ignores its context.
func TestACallWithAFunctionThatRunsIsAbandonedAlthoughAnotherIsQueued(t *testing.T) {
	ignore := func(context.Context) (int, error) { time.Sleep(time.Hour); return 1, nil }
	abandon := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
	for name, do := range map[string]func(context.Context, *bulkhead.Gate) (int, error){
		"by a function": func(ctx context.Context, g *bulkhead.Gate) (int, error) {
			return abandon.Do(ctx, func(ctx context.Context) (int, error) {
				return twice(ctx, func(ctx context.Context) (int, error) { return bulkhead.Do(ctx, g, ignore) })
			})
		},
		"by a policy": func(ctx context.Context, g *bulkhead.Gate) (int, error) {
			return pipeline.New[int](abandon, forking{}, bulkhead.New[int](g)).Do(ctx, ignore)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				g := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1})
				begun := time.Now()
				_, err := do(t.Context(), g)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.NotErrorIs(t, err, policy.ErrRejected)
				require.Equal(t, time.Second, time.Since(begun))
				time.Sleep(2 * time.Hour) // until the function has ended
				require.True(t, g.Idle())
			})
		})
	}
}

// The context of the wait is the one that ends at the limit.
func TestAFunctionThatLeavesAQueueAtTheLimitIsAbandoned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 1})
		abandon := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
		begun := time.Now()
		_, err := abandon.Do(t.Context(), func(ctx context.Context) (int, error) {
			_, err := g.Acquire(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			time.Sleep(time.Hour) // ignores its context
			return 1, nil
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(begun))
		place.Release()
		time.Sleep(2 * time.Hour)
		require.True(t, g.Idle())
	})
}
