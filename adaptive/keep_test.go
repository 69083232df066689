package adaptive_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
)

// kept returns a policy that keeps places, and the function that releases the last one.
func kept(l *adaptive.Limiter) (*adaptive.Adaptive[int], func()) {
	var last func()
	a := adaptive.New[int](l).WithKeep(func(_ context.Context, v int, release func()) int {
		last = release
		return v + 1
	})
	return a, func() { last() }
}

func TestAKeptValueHoldsItsPlaceUntilReleased(t *testing.T) {
	l := adaptive.NewLimiter(adaptive.Config{Initial: 1})
	a, release := kept(l)
	v, err := a.Do(t.Context(), one)
	require.NoError(t, err)
	assert.Equal(t, 2, v, "the value of hold")
	_, err = a.Do(t.Context(), one)
	require.ErrorIs(t, err, adaptive.ErrLimited)
	release()
	release()
	assert.Zero(t, l.Snapshot().InUse)
	_, err = adaptive.Do(t.Context(), l, one)
	require.NoError(t, err)
}

// How long a value is used is up to its user: it is no latency.
func TestTheTimeUntilReleaseIsNoPartOfASample(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 10, Target: 50 * ms})
	a, release := kept(r.Limiter)
	for range 10 {
		_, err := a.Do(t.Context(), func(context.Context) (int, error) { r.clk.Advance(10 * ms); return 1, nil })
		require.NoError(t, err)
		r.clk.Advance(time.Minute)
		release()
	}
	assert.Equal(t, 10, r.Limit(), "within the target, and not reached")
}

func TestAKeptCallMayMoveTheLimit(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 10, Target: 50 * ms})
	a, release := kept(r.Limiter)
	for range 10 {
		_, err := a.Do(t.Context(), func(context.Context) (int, error) { r.clk.Advance(60 * ms); return 1, nil })
		require.NoError(t, err)
		release()
	}
	assert.Equal(t, 9, r.Limit())
}

func TestAFailureReleasesThePlaceWithoutHold(t *testing.T) {
	l := adaptive.NewLimiter(adaptive.Config{Initial: 1})
	a := adaptive.New[int](l).WithKeep(func(context.Context, int, func()) int { panic("called") })
	_, err := a.Do(t.Context(), func(context.Context) (int, error) { return 0, errDown })
	require.ErrorIs(t, err, errDown)
	assert.PanicsWithValue(t, "boom", func() { _, _ = a.Do(t.Context(), func(context.Context) (int, error) { panic("boom") }) })
	assert.PanicsWithValue(t, "called", func() { _, _ = a.Do(t.Context(), one) })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		exit := adaptive.New[int](l).WithKeep(func(context.Context, int, func()) int { runtime.Goexit(); return 0 })
		_, _ = exit.Do(context.Background(), one)
	}()
	<-ended
	assert.True(t, l.Idle())
}
