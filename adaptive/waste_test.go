package adaptive_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/internal/readings"
)

func TestARefusedCallReadsNoClock(t *testing.T) {
	clk := readings.NewClock()
	l, _ := taken(t, adaptive.Config{Clock: clk})
	a := adaptive.New[int](l)
	assert.Zero(t, clk.Of(func() {
		_, err := a.Do(t.Context(), one)
		require.ErrorIs(t, err, adaptive.ErrLimited)
		_, err = l.Acquire(t.Context())
		require.ErrorIs(t, err, adaptive.ErrLimited)
	}))
}

// A call completes a window, and another one closes it while the first passes its value on.
func TestAWindowThatWasClosedMeanwhileCostsNoReading(t *testing.T) {
	clk := readings.NewClock()
	l := adaptive.NewLimiter(adaptive.Config{Initial: 10, Target: time.Hour, MinCalls: 1, Window: 1, Clock: clk})
	before := 0
	a := adaptive.New[int](l).WithKeep(func(ctx context.Context, v int, release func()) int {
		_, err := adaptive.Do(ctx, l, one)
		assert.NoError(t, err)
		release()
		before = clk.Count()
		return v
	})
	_, err := a.Do(t.Context(), func(context.Context) (int, error) {
		clk.Advance(ms)
		return 1, nil
	})
	require.NoError(t, err)
	assert.Equal(t, before, clk.Count())
}

func TestAnOnChangeThatMovesTheLimitDoesNotDeepenTheStack(t *testing.T) {
	var l *adaptive.Limiter
	move := func(to int) {
		cfg := l.Config()
		cfg.Min, cfg.Initial, cfg.Max = to, to, to
		assert.NoError(t, l.Reconfigure(cfg))
	}
	var depths []int
	pcs := make([]uintptr, 10_000)
	l = adaptive.NewLimiter(adaptive.Config{Initial: 1, OnChange: func(c adaptive.Change) {
		if depths = append(depths, runtime.Callers(0, pcs)); len(depths) < 100 {
			move(3 - c.To)
		}
	}})
	move(2)
	require.Len(t, depths, 100)
	assert.Equal(t, depths[0], depths[99])
}
