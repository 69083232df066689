package fake_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
)

type valueKey struct{}

// Each way derives a context from one with a deadline.
var between = map[string]func(context.Context) context.Context{
	"nothing": func(ctx context.Context) context.Context { return ctx },
	"a value": func(ctx context.Context) context.Context { return context.WithValue(ctx, valueKey{}, 1) },
	"two values": func(ctx context.Context) context.Context {
		return context.WithValue(context.WithValue(ctx, valueKey{}, 1), valueKey{}, 2)
	},
	"a cancel": func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(context.WithValue(ctx, valueKey{}, 1))
		context.AfterFunc(ctx, cancel)
		return ctx
	},
}

func TestDerivedContextsEndBeforeAdvanceReturns(t *testing.T) {
	for name, way := range between {
		clk := fake.NewClock()
		outer, cancel := clk.WithTimeout(t.Context(), time.Second)
		child, cancelChild := context.WithCancel(way(outer))
		inner, cancelInner := clk.WithTimeout(way(outer), time.Minute)
		under, cancelUnder := context.WithCancel(way(inner))
		clk.Advance(time.Second)
		for _, ctx := range []context.Context{outer, child, inner, under} {
			assert.ErrorIs(t, ctx.Err(), context.DeadlineExceeded, name)
		}
		assert.Zero(t, clk.Waiters(), name)
		for _, end := range []context.CancelFunc{cancelUnder, cancelInner, cancelChild, cancel} {
			end()
		}
	}
}

func TestACauseReachesEveryContextBelow(t *testing.T) {
	errGone := errors.New("gone")
	for name, way := range between {
		clk := fake.NewClock()
		parent, cancelParent := context.WithCancelCause(t.Context())
		outer, cancel := clk.WithTimeout(parent, time.Second)
		inner, cancelInner := clk.WithTimeout(way(outer), time.Minute)
		under, cancelUnder := context.WithCancel(way(inner))
		cancelParent(errGone)
		<-under.Done()
		<-outer.Done()
		for _, ctx := range []context.Context{outer, inner, under} {
			assert.ErrorIs(t, ctx.Err(), context.Canceled, name)
			assert.ErrorIs(t, context.Cause(ctx), errGone, name)
		}
		assert.Zero(t, clk.Waiters(), name)
		cancelUnder()
		cancelInner()
		cancel()
	}
}

func TestAnAutomaticClockStopsAtADeadlineBehindAValue(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	start := clk.Now()
	ctx, cancel := clk.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	inner, cancelInner := clk.WithTimeout(context.WithValue(ctx, valueKey{}, 1), time.Minute)
	defer cancelInner()
	require.ErrorIs(t, clk.Sleep(inner, time.Hour), context.DeadlineExceeded)
	assert.Equal(t, 2*time.Second, clk.Now().Sub(start))
}

func TestADeadlineThatHasPassedHasEndedItsContext(t *testing.T) {
	clk := fake.NewClock()
	ctx, cancel := clk.WithTimeout(t.Context(), 0)
	defer cancel()
	require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
	inner, cancelInner := clk.WithTimeout(ctx, time.Second)
	defer cancelInner()
	require.ErrorIs(t, inner.Err(), context.DeadlineExceeded)
	gone, cancelGone := context.WithCancel(t.Context())
	cancelGone()
	inner, cancelInner = clk.WithTimeout(gone, time.Second)
	defer cancelInner()
	require.ErrorIs(t, inner.Err(), context.Canceled)
	assert.Zero(t, clk.Waiters())
}

func TestADetachedContextDoesNotEndWithTheContextItCameFrom(t *testing.T) {
	for name, detach := range map[string]func(context.Context) context.Context{
		"plain": context.WithoutCancel,
		"with an end of its own": func(ctx context.Context) context.Context {
			ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
			t.Cleanup(cancel)
			return ctx
		},
	} {
		t.Run(name, func(t *testing.T) {
			clk := fake.NewClock()
			outer, cancelOuter := clk.WithTimeout(t.Context(), time.Second)
			defer cancelOuter()
			inner, cancelInner := clk.WithTimeout(detach(outer), 3*time.Second)
			defer cancelInner()
			clk.Advance(2 * time.Second)
			require.ErrorIs(t, outer.Err(), context.DeadlineExceeded)
			require.NoError(t, inner.Err())
			clk.Advance(time.Second)
			require.ErrorIs(t, inner.Err(), context.DeadlineExceeded)
		})
	}
}

func TestADetachedContextEndsWithItsOwnParentAfterTheContextItCameFrom(t *testing.T) {
	clk := fake.NewClock()
	outer, cancelOuter := clk.WithTimeout(t.Context(), time.Second)
	parent, cancelParent := context.WithCancel(context.WithoutCancel(outer))
	inner, cancelInner := clk.WithTimeout(parent, time.Minute)
	defer cancelInner()
	cancelOuter()
	require.NoError(t, inner.Err())
	cancelParent()
	<-inner.Done()
	require.ErrorIs(t, inner.Err(), context.Canceled)
}

func TestAnAutomaticClockPassesTheDeadlineThatADetachedContextCameFrom(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	start := clk.Now()
	outer, cancelOuter := clk.WithTimeout(t.Context(), time.Second)
	defer cancelOuter()
	inner, cancelInner := clk.WithTimeout(context.WithoutCancel(outer), 3*time.Second)
	defer cancelInner()
	_, err := fake.NewFunc[int]().Block().Do(inner)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, 3*time.Second, clk.Now().Sub(start))
}

// asking is a context whose deadline depends on the clock.
type asking struct {
	context.Context
	clk *fake.Clock
}

func (a asking) Deadline() (time.Time, bool) { return a.clk.Now().Add(time.Hour), true }

func TestTheDeadlineOfAParentMayAskTheClock(t *testing.T) {
	clk := fake.NewClock()
	ctx, cancel := clk.WithTimeout(asking{t.Context(), clk}, time.Second)
	defer cancel()
	clk.Advance(time.Second)
	require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
}
