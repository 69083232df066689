package hedge_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// If the condition panics, no caller gets the value, so it must be discarded.
func TestAValueIsDiscardedIfTheConditionPanics(t *testing.T) {
	for name, cfg := range map[string]hedge.Config{
		"first":     {Delay: time.Hour, Budget: hedge.NoBudget},
		"abandoned": {Delay: time.Hour, Budget: hedge.NoBudget, Abandon: true},
		"extra":     {Delay: time.Second, Budget: hedge.NoBudget, Abandon: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var discarded, begun atomic.Int64
				h := hedge.New[int](cfg).WithDiscard(func(int) { discarded.Add(1) }).
					WithCondition(func(int, error) bool { panic("boom") })
				assert.PanicsWithValue(t, "boom", func() {
					_, _ = h.Do(t.Context(), func(ctx context.Context) (int, error) {
						if begun.Add(1) == 1 && name == "extra" {
							<-ctx.Done()
							return 0, ctx.Err()
						}
						return 7, nil
					})
				})
				synctest.Wait()
				assert.EqualValues(t, 1, discarded.Load())
			})
		})
	}
}

func TestAValueIsDiscardedIfHedgeIfPanics(t *testing.T) {
	var discarded int
	h := hedge.New[int](hedge.Config{Delay: time.Hour, Budget: hedge.NoBudget, OnFailure: true, HedgeIf: func(error) bool { panic("boom") }}).
		WithDiscard(func(int) { discarded++ })
	assert.PanicsWithValue(t, "boom", func() {
		_, _ = h.Do(t.Context(), func(context.Context) (int, error) { return 7, errors.New("down") })
	})
	assert.Equal(t, 1, discarded)
}

// An observer's panic replaces the result.
func TestAWinnerIsDiscardedAndItsContextEndsIfAnObserverPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var discarded atomic.Int64
		var extra context.Context
		h := hedge.New[int](hedge.Config{Delay: time.Second, Budget: hedge.NoBudget}).WithDiscard(func(int) { discarded.Add(1) })
		p := pipeline.New[int](h).WithObserver(func(context.Context, policy.Event) { panic("boom") }, policy.Recovered)
		assert.PanicsWithValue(t, "boom", func() {
			_, _ = p.Do(t.Context(), func(ctx context.Context) (int, error) {
				if hedge.Attempt(ctx) == 2 {
					extra = ctx
					return 7, nil
				}
				<-ctx.Done()
				return 0, ctx.Err()
			})
		})
		require.Error(t, extra.Err(), "the winner's context")
		assert.EqualValues(t, 1, discarded.Load())
	})
}
