package bulkhead_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// early is a context that has closed Done and does not have its error yet.
type early struct{ context.Context }

func (early) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func TestACallWhoseContextEndsWithoutAnErrorGetsNoPlaceBeyondTheLimit(t *testing.T) {
	g, place := taken(t, bulkhead.Config{MaxQueue: 1})
	_, err := g.Acquire(early{t.Context()})
	require.ErrorIs(t, err, policy.ErrRejected)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, g.Snapshot().InUse)
	assert.Zero(t, g.Snapshot().Waiting)
	place.Release()
	assert.True(t, g.Idle())
}

// An extra attempt never waits. It must not end the mark of the first one, which does.
func TestAHedgedCallThatIsAbandonedInTheQueueCountsAsRejected(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 1})
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		p := pipeline.New[int](
			breaker.New[int](c),
			policy.NewTimeout[int](policy.TimeoutConfig{After: 2 * time.Second, Abandon: true}),
			hedge.New[int](hedge.Config{Delay: time.Second, Budget: hedge.NoBudget}),
			bulkhead.New[int](g),
		).WithObserver(func(context.Context, policy.Event) { time.Sleep(time.Millisecond) }, policy.Rejected) // the limit comes first
		_, err := p.Do(t.Context(), func(context.Context) (int, error) { return 0, errDown })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, policy.ErrRejected, "the function did not run")
		assert.Equal(t, breaker.Closed, c.State(), "our own queue says nothing about the dependency")
		place.Release()
		assert.True(t, g.Idle())
	})
}

func TestAPlaceTakenInsideOfTheLastOneIsRefusedOrEndsWithItsWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		nested := func(cfg bulkhead.Config) error {
			g := bulkhead.NewGate(cfg)
			_, err := bulkhead.Do(t.Context(), g, func(ctx context.Context) (int, error) {
				return bulkhead.Do(ctx, g, func(context.Context) (int, error) { return 1, nil })
			})
			assert.True(t, g.Idle())
			return err
		}
		assert.ErrorIs(t, nested(bulkhead.Config{Limit: 1}), bulkhead.ErrFull)
		assert.ErrorIs(t, nested(bulkhead.Config{Limit: 1, MaxQueue: 1, MaxWait: time.Second}), bulkhead.ErrFull)
		assert.NoError(t, nested(bulkhead.Config{Limit: 2}))
	})
}
