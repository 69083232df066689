package hedge_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/hedge"
)

// delayOf returns the time until a call's next attempt starts, or 0 if none starts within
// an hour.
func delayOf(t *testing.T, h *hedge.Hedge[int]) time.Duration {
	start := time.Now()
	var at notes[time.Duration]
	_, err := h.Do(t.Context(), attempts{
		func(ctx context.Context) (int, error) { _, _ = after(time.Hour, 0, nil)(ctx); return 0, errDown },
		func(context.Context) (int, error) { at.add(time.Since(start)); return 0, errDown },
	}.run)
	require.ErrorIs(t, err, errDown)
	synctest.Wait()
	if len(at.get()) == 0 {
		return 0
	}
	return at.get()[0]
}

// feed makes n calls that take the durations that takes returns.
func feed(t *testing.T, h *hedge.Hedge[int], n int, takes func(i int) time.Duration) {
	for i := range n {
		_, err := h.Do(t.Context(), attempts{after(takes(i), 1, nil), after(time.Hour, 0, errDown)}.run)
		require.NoError(t, err)
	}
	synctest.Wait()
}

func TestNoDelayIsLearnedBeforeMinCalls(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{MinCalls: 20, Budget: hedge.NoBudget})
		feed(t, h, 19, func(int) time.Duration { return 10 * ms })
		assert.Zero(t, delayOf(t, h))
		feed(t, h, 1, func(int) time.Duration { return 10 * ms })
		assert.InDelta(t, 10*ms, delayOf(t, h), float64(ms))
	})
}

func TestALearnedDelayIsTheUpperBoundOfTheQuantilesBucket(t *testing.T) {
	for _, q := range []float64{0.5, 0.9, 0.95, 0.99} {
		inBubble(t, func(t *testing.T) {
			h := hedge.New[int](hedge.Config{Quantile: q, Budget: hedge.NoBudget})
			feed(t, h, 100, func(i int) time.Duration { return time.Duration(1+i*37%100) * ms }) // 1 to 100 ms, mixed
			exact := time.Duration(100*q) * ms
			d := delayOf(t, h)
			assert.GreaterOrEqual(t, d, exact, "%v", q)
			assert.LessOrEqual(t, d, exact*11/10, "%v", q)
		})
	}
}

func TestALearnedDelayIsBoundedByMinDelayAndMaxDelay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{MinCalls: 1, MinDelay: 20 * ms, MaxDelay: 30 * ms, Budget: hedge.NoBudget})
		feed(t, h, 10, func(int) time.Duration { return time.Microsecond })
		assert.Equal(t, 20*ms, delayOf(t, h))
		feed(t, h, 100, func(int) time.Duration { return time.Second })
		assert.Equal(t, 30*ms, delayOf(t, h))
		tiny := hedge.New[int](hedge.Config{MinCalls: 1, Budget: hedge.NoBudget})
		feed(t, tiny, 10, func(int) time.Duration { return 0 })
		assert.Equal(t, hedge.DefaultMinDelay, delayOf(t, tiny))
	})
}

func TestALearnedDelayFollowsChangesOfTheLatency(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{})
		feed(t, h, 3000, func(int) time.Duration { return 10 * ms })
		feed(t, h, 2100, func(int) time.Duration { return 50 * ms })
		assert.InDelta(t, 50*ms, delayOf(t, h), float64(5*ms))
	})
}

func TestLatenciesOfLosingValuesAreNotLearned(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{MinCalls: 1}).WithCondition(func(v int, err error) bool { return err == nil && v == 1 })
		for range 10 {
			_, err := h.Do(t.Context(), attempts{after(ms, 503, nil)}.run)
			require.NoError(t, err)
		}
		assert.Zero(t, delayOf(t, h))
	})
}
