package adaptive_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// ripeKept makes calls on r, the last of which keeps its value and moves the limit.
func ripeKept(r *rig, observe policy.Observer) {
	slow := func(context.Context) (int, error) { r.clk.Advance(60 * ms); return 1, nil }
	for range 9 {
		_, err := adaptive.Do(context.Background(), r.Limiter, slow)
		require.NoError(r.t, err)
	}
	a, _ := kept(r.Limiter)
	_, _ = pipeline.New[int](a).WithObserver(observe, policy.LimitChanged).Do(context.Background(), slow)
}

// No caller gets a value whose call panics, so none would release its place.
func TestAKeptPlaceGoesBackIfAnObserverOrOnChangeEndsTheCall(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 10, Target: 50 * ms})
	assert.PanicsWithValue(t, "boom", func() { ripeKept(r, func(context.Context, policy.Event) { panic("boom") }) })
	assert.Equal(t, 9, r.Limit())
	assert.Zero(t, r.Snapshot().InUse)

	r = newRig(t, adaptive.Config{Initial: 10, Target: 50 * ms, OnChange: func(adaptive.Change) { runtime.Goexit() }})
	var done sync.WaitGroup
	done.Go(func() { ripeKept(r, func(context.Context, policy.Event) {}) })
	done.Wait()
	assert.Equal(t, 9, r.Limit())
	assert.Zero(t, r.Snapshot().InUse)
}

func TestAKeptPlaceGoesBackIfTheClockPanicsAfterHold(t *testing.T) {
	panics := 0
	for n := 1; n < 6; n++ {
		clk := &broken{Clock: fake.NewClock()}
		l := adaptive.NewLimiter(adaptive.Config{Initial: 4, Target: 1, MinCalls: 1, Window: 1, Clock: clk})
		a, release := kept(l)
		clk.left = n
		func() {
			defer func() {
				if recover() != nil {
					panics++
				}
			}()
			_, err := a.Do(t.Context(), func(context.Context) (int, error) { clk.Advance(ms); return 1, nil })
			require.NoError(t, err)
			release()
		}()
		require.Zero(t, l.Snapshot().InUse, "panic at reading %d", n)
	}
	assert.Equal(t, 3, panics, "at the start, at the end, and when the window is closed")
}

// ending is a context whose Err panics while it is told to.
type ending struct {
	context.Context
	panics bool
}

func (e *ending) Err() error {
	if e.panics {
		panic("no end")
	}
	return e.Context.Err()
}

func TestAContextThatPanicsInRecordLosesNoPlace(t *testing.T) {
	l := adaptive.NewLimiter(adaptive.Config{Initial: 1})
	ctx := &ending{Context: t.Context()}
	p, err := l.Acquire(ctx)
	require.NoError(t, err)
	ctx.panics = true
	assert.Panics(t, func() { p.Record(policy.Failure) })
	ctx.panics = false
	assert.True(t, p.Record(policy.Failure), "the first that counts")
	assert.False(t, p.Record(policy.Failure))
	assert.Zero(t, l.Snapshot().InUse)
}
