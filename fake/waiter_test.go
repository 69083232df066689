package fake_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// The clock has all methods that package policy looks for.
var _ interface {
	policy.Clock
	Sleep(ctx context.Context, d time.Duration) error
	NewWaiter() policy.Waiter
	Go(f func())
	AfterFunc(d time.Duration, f func()) (stop func() bool)
} = (*fake.Clock)(nil)

func TestAWaitCountsUntilItIsWoken(t *testing.T) {
	for _, clk := range []*fake.Clock{fake.NewClock(), fake.NewClock(fake.AutoAdvance())} {
		begun := clk.Now()
		w := policy.NewWaiter(clk)
		assert.Zero(t, clk.Waiters(), "no waiters yet")
		ended := make(chan error, 2)
		for range 2 {
			policy.Go(clk, func() { ended <- w.Wait(t.Context()) })
		}
		require.NoError(t, clk.BlockUntil(t.Context(), 2))
		w.Wake()
		assert.Zero(t, clk.Waiters(), "before the goroutines run on, too")
		w.Wake()
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
		require.NoError(t, w.Wait(t.Context()), "a wake is for good")
		assert.Zero(t, clk.Waiters())
		assert.Equal(t, begun, clk.Now(), "waiting moves no time")
	}
}

func TestAWaitEndsWithItsContextInStepWithADeadline(t *testing.T) {
	for name, way := range between {
		for range 200 {
			clk := fake.NewClock()
			ctx, cancel := clk.WithTimeout(t.Context(), time.Second)
			ended := make(chan error)
			w := clk.NewWaiter()
			go func() { ended <- w.Wait(way(ctx)) }()
			go func() { ended <- clk.Sleep(way(ctx), time.Hour) }()
			require.NoError(t, clk.BlockUntil(t.Context(), 3))
			clk.Advance(time.Second)
			if name != "a cancel" { // which may reach the source by a goroutine of context.AfterFunc
				assert.Zero(t, clk.Waiters(), name)
			}
			assert.ErrorIs(t, <-ended, context.DeadlineExceeded)
			assert.ErrorIs(t, <-ended, context.DeadlineExceeded)
			w.Wake()
			assert.Zero(t, clk.Waiters())
			cancel()
		}
	}
}

func TestAWaitUnderADetachedContextGoesOnToCount(t *testing.T) {
	clk := fake.NewClock()
	ctx, cancel := clk.WithTimeout(t.Context(), time.Second)
	defer cancel()
	ended := make(chan error)
	w := clk.NewWaiter()
	go func() { ended <- w.Wait(context.WithoutCancel(ctx)) }()
	require.NoError(t, clk.BlockUntil(t.Context(), 2))
	clk.Advance(time.Second)
	assert.Equal(t, 1, clk.Waiters())
	w.Wake()
	assert.NoError(t, <-ended)
}

func TestAWaitWhoseCallerLeavesStopsCounting(t *testing.T) {
	clk := fake.NewClock()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	w := clk.NewWaiter()
	go func() { ended <- w.Wait(ctx) }()
	require.NoError(t, clk.BlockUntil(t.Context(), 1))
	cancel()
	assert.ErrorIs(t, <-ended, context.Canceled)
	assert.Zero(t, clk.Waiters())
	assert.ErrorIs(t, w.Wait(ctx), context.Canceled)
	w.Wake()
	assert.NoError(t, w.Wait(ctx), "a wake wins over an ended context")
}

func TestWakeAndTheEndOfAContextCountOnce(t *testing.T) {
	for range 2000 {
		clk := fake.NewClock()
		ctx, cancel := clk.WithTimeout(t.Context(), time.Second)
		w := clk.NewWaiter()
		var wg sync.WaitGroup
		wg.Go(func() { _ = w.Wait(ctx) })
		wg.Go(w.Wake)
		wg.Go(func() { clk.Advance(time.Second) })
		wg.Wait()
		assert.Zero(t, clk.Waiters())
		cancel()
	}
}

func TestAfterFuncCallsOnTheGoroutineThatMovesTime(t *testing.T) {
	clk := fake.NewClock()
	begun := clk.Now()
	var at []time.Duration
	note := func() { at = append(at, clk.Now().Sub(begun)) }
	stop := clk.AfterFunc(2*time.Second, note)
	clk.AfterFunc(time.Second, func() {
		note()
		clk.AfterFunc(time.Second, note) // fires in the same Advance
	})
	assert.Equal(t, 2, clk.Waiters())
	clk.Advance(time.Minute)
	assert.Equal(t, []time.Duration{time.Second, 2 * time.Second, 2 * time.Second}, at)
	assert.False(t, stop())
	stop = policy.AfterFunc(clk, time.Second, note)
	assert.True(t, stop())
	assert.False(t, stop())
	clk.Advance(time.Minute)
	assert.Len(t, at, 3)
	assert.Zero(t, clk.Waiters())
}

func TestAfterFuncWithoutDelayCallsAtOnce(t *testing.T) {
	clk := fake.NewClock()
	called := make(chan struct{})
	stop := clk.AfterFunc(0, func() { close(called) })
	assert.False(t, stop())
	<-called
}

func TestStopOfAfterFuncReportsWhetherItWasInTime(t *testing.T) {
	for range 2000 {
		clk := fake.NewClock()
		var called atomic.Bool
		stop := clk.AfterFunc(time.Second, func() { called.Store(true) })
		var stopped bool
		var wg sync.WaitGroup
		wg.Go(func() { clk.Advance(time.Second) })
		wg.Go(func() { stopped = stop() })
		wg.Wait()
		assert.NotEqual(t, stopped, called.Load())
	}
}

func TestBlockUntilCountsEverythingThatWaits(t *testing.T) {
	clk := fake.NewClock()
	clk.After(time.Second)
	_, cancel := clk.WithTimeout(t.Context(), time.Second)
	defer cancel()
	clk.NewTimer(time.Second)
	ticker := clk.NewTicker(time.Second)
	clk.AfterFunc(time.Second, func() {})
	go func() { _ = clk.Sleep(t.Context(), time.Second) }()
	w := clk.NewWaiter()
	go func() { _ = w.Wait(t.Context()) }()
	require.NoError(t, clk.BlockUntil(t.Context(), 7))
	clk.Advance(time.Second)
	assert.Equal(t, 2, clk.Waiters(), "the ticker and the wait")
	ticker.Stop()
	w.Wake()
	assert.Zero(t, clk.Waiters())
}

// asked is a context that calls a function when it is first asked for a value, or when it
// is asked for an error: between two looks of a wait at its context.
type asked struct {
	context.Context
	value, err func()
}

func (a *asked) Value(key any) any {
	if f := a.value; f != nil {
		a.value = nil
		f()
	}
	return a.Context.Value(key)
}

func (a *asked) Err() error {
	if a.err != nil {
		a.err()
	}
	return a.Context.Err()
}

func TestAWaitThatEndsAsItBeginsNeverCounts(t *testing.T) {
	for name, wait := range map[string]func(ctx context.Context, clk *fake.Clock) error{
		"sleep": func(ctx context.Context, clk *fake.Clock) error { return clk.Sleep(ctx, time.Minute) },
		"wait":  func(ctx context.Context, clk *fake.Clock) error { return clk.NewWaiter().Wait(ctx) },
	} {
		synctest.Test(t, func(t *testing.T) {
			clk := fake.NewClock()
			limited, release := clk.WithTimeout(t.Context(), time.Second)
			defer release()
			counting, leave := context.WithCancel(t.Context())
			counted := make(chan error)
			ctx := &asked{Context: limited, value: func() {
				clk.Advance(time.Second)
				go func() { counted <- clk.BlockUntil(counting, 1) }()
				synctest.Wait()
			}}
			assert.ErrorIs(t, wait(ctx, clk), context.DeadlineExceeded, name)
			synctest.Wait()
			leave()
			assert.ErrorIs(t, <-counted, context.Canceled, name)
			assert.Empty(t, clk.Sleeps(), name)
		})
	}
}

func TestWhatHasEndedAlreadyNeverCounts(t *testing.T) {
	for name, begin := range map[string]func(ctx, ended context.Context, clk *fake.Clock){
		"a timeout of 0":          func(ctx, _ context.Context, clk *fake.Clock) { timeout(ctx, clk, 0) },
		"a timeout under an end":  func(_, ended context.Context, clk *fake.Clock) { timeout(ended, clk, time.Second) },
		"a Wait under an end":     func(_, ended context.Context, clk *fake.Clock) { _ = clk.NewWaiter().Wait(ended) },
		"a Sleep under an end":    func(_, ended context.Context, clk *fake.Clock) { _ = clk.Sleep(ended, time.Second) },
		"a timer of 0":            func(_, _ context.Context, clk *fake.Clock) { clk.NewTimer(0) },
		"a timeout under another": func(ctx, _ context.Context, clk *fake.Clock) { timeout(timeout(ctx, clk, 0), clk, time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clk := fake.NewClock()
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				counted := false
				go func() { counted = clk.BlockUntil(t.Context(), 1) == nil }()
				synctest.Wait()
				begin(t.Context(), ended, clk)
				synctest.Wait()
				assert.False(t, counted, "Waiters is %d", clk.Waiters())
			})
		})
	}
}

// timeout returns a context that may have ended, and does not leave it to the clock.
func timeout(parent context.Context, clk *fake.Clock, d time.Duration) context.Context {
	ctx, cancel := clk.WithTimeout(parent, d)
	defer cancel()
	return ctx
}
