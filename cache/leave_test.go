package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
)

// staged is a clock whose goroutines and waiters a test holds up.
type staged struct {
	policy.Clock
	begin func(f func())                      // starts f; nil means as usual
	over  func(w policy.Waiter) policy.Waiter // replaces a waiter; nil means none
}

func (s *staged) Go(f func()) {
	if s.begin != nil {
		s.begin(f)
		return
	}
	go f()
}

func (s *staged) NewWaiter() policy.Waiter {
	w := policy.NewWaiter(nil)
	if s.over != nil {
		return s.over(w)
	}
	return w
}

func TestACallThatLeavesDuringNegativeHasItsOwnError(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := cache.New(exactly(config{NegativeTTL: time.Hour, Negative: func(error) bool { time.Sleep(time.Minute); return true }}))
		ctx, cancel := context.WithTimeout(with(t.Context(), "a"), time.Second)
		defer cancel()
		_, err := c.Do(ctx, (&source{v: 3, err: errMissing}).do)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Hour)
	})
}

func TestACallThatEndsBeforeItsFunctionBeginsHasItsCause(t *testing.T) {
	clk := &staged{Clock: newFake()}
	c, f := cache.New(exactly(config{Clock: clk})), &source{v: 1}
	do, rec := observed[int](c)
	ctx, cancel := context.WithCancelCause(with(t.Context(), "a"))
	clk.begin = func(f func()) {
		cancel(errDown)
		f()
	}
	_, err := do(ctx, f.do)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errDown)
	assert.Zero(t, f.count())
	assert.Empty(t, only(rec, policy.FinishedLate), "the function did not begin")
}

func TestOnlyAFlightThatAllHaveLeftFinishesLate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f := cache.New(exactly(config{})), &source{v: 1, took: time.Second}
		do, rec := observed[int](c)
		ctx := with(t.Context(), "a")
		_, err := do(ctx, f.do)
		require.NoError(t, err)
		synctest.Wait()
		assert.Empty(t, only(rec, policy.FinishedLate))

		require.NoError(t, c.Delete(ctx, "a"))
		short, cancel := context.WithTimeout(ctx, time.Second/2)
		defer cancel()
		go func() { _, _ = do(short, f.do) }()
		_, err = do(ctx, f.do)
		require.NoError(t, err, "another caller has left")
		synctest.Wait()
		assert.Empty(t, only(rec, policy.FinishedLate))
	})
}

func TestACallWhoseObserverOfJoinedPanicsLeavesTheFlight(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f := cache.New(exactly(config{})), &source{held: make(chan struct{})}
		defer close(f.held)
		ctx, cancel := context.WithTimeout(with(t.Context(), "a"), time.Second)
		defer cancel()
		ended := make(chan error)
		go func() { _, err := c.Do(ctx, f.do); ended <- err }()
		synctest.Wait()
		chain := policy.NewChain("", []policy.Listener{{
			Observe: func(context.Context, policy.Event) { panic("observer") },
			Kinds:   []policy.EventKind{policy.Joined},
		}}, policy.Policy[int](c))
		assert.PanicsWithValue(t, "observer", func() { _, _ = chain.Call(f.do).Do(with(t.Context(), "a")) })
		require.ErrorIs(t, <-ended, context.DeadlineExceeded)
		synctest.Wait()
		assert.ErrorIs(t, f.last.Err(), context.DeadlineExceeded, "the last caller has left")
	})
}

// heldWake is a waiter whose Wake returns when the test releases it.
type heldWake struct {
	policy.Waiter
	released chan struct{}
}

func (w heldWake) Wake() {
	w.Waiter.Wake()
	<-w.released
}

// The goroutine of the flight goes no further than to wake the caller.
func TestTheBuiltInStoreHasAnEntryWhenItsCallReturns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		released := make(chan struct{})
		defer close(released)
		clk := &staged{Clock: &brittleWaits{}, over: func(w policy.Waiter) policy.Waiter { return heldWake{w, released} }}
		c, f, ctx := cache.New(exactly(config{Clock: clk})), &source{v: 1}, with(t.Context(), "a")
		_, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 1, c.Snapshot().Entries)
		require.NoError(t, c.Close(ctx), "nothing is on its way to the store")
	})
}
