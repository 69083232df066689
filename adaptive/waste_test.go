package adaptive_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/fake"
)

// counting is a clock that counts its readings.
type counting struct {
	*fake.Clock
	readings atomic.Int64
}

func (c *counting) Now() time.Time {
	c.readings.Add(1)
	return c.Clock.Now()
}

func TestARefusedCallReadsNoClock(t *testing.T) {
	clk := &counting{Clock: fake.NewClock()}
	l, _ := taken(t, adaptive.Config{Clock: clk})
	a := adaptive.New[int](l)
	clk.readings.Store(0)
	_, err := a.Do(t.Context(), one)
	require.ErrorIs(t, err, adaptive.ErrLimited)
	_, err = l.Acquire(t.Context())
	require.ErrorIs(t, err, adaptive.ErrLimited)
	assert.Zero(t, clk.readings.Load())
}

// A call completes a window, and another one closes it while the first passes its value on.
func TestAWindowThatWasClosedMeanwhileCostsNoReading(t *testing.T) {
	clk := &counting{Clock: fake.NewClock()}
	l := adaptive.NewLimiter(adaptive.Config{Initial: 10, Target: time.Hour, MinCalls: 1, Window: 1, Clock: clk})
	a := adaptive.New[int](l).WithKeep(func(ctx context.Context, v int, release func()) int {
		_, err := adaptive.Do(ctx, l, one)
		assert.NoError(t, err)
		release()
		clk.readings.Store(0)
		return v
	})
	_, err := a.Do(t.Context(), func(context.Context) (int, error) {
		clk.Advance(ms)
		return 1, nil
	})
	require.NoError(t, err)
	assert.Zero(t, clk.readings.Load())
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
