package coalesce_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// flying is a flight that runs until release is called.
type flying struct {
	c       *coalesce.Coalesce[string, int]
	ctx     context.Context // the flight's
	release func()
	all     sync.WaitGroup
}

// fly begins a flight for a caller with the context.
func fly(first context.Context) *flying {
	end := make(chan struct{})
	f := &flying{c: oneKey(), release: sync.OnceFunc(func() { close(end) })}
	f.all.Go(func() {
		_, _ = f.c.Do(first, func(ctx context.Context) (int, error) {
			f.ctx = ctx
			<-end
			return 42, nil
		})
	})
	synctest.Wait()
	return f
}

// join adds a caller.
func (f *flying) join(ctx context.Context) {
	f.all.Go(func() { _, _ = f.c.Do(ctx, after(0, 0, errDown)) })
	synctest.Wait()
}

func (f *flying) end() {
	f.release()
	f.all.Wait()
}

// within returns the time to the flight's deadline, or -1 if it has none.
func (f *flying) within() time.Duration {
	if d, ok := f.ctx.Deadline(); ok {
		return time.Until(d)
	}
	return -1
}

// until returns a context with a deadline.
func until(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx, cancel
}

func TestAFlightHasTheValuesOfItsFirstCallerAlone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(with(t.Context(), "first"))
		f := fly(ctx)
		f.join(with(t.Context(), "second"))
		leave()
		synctest.Wait()
		assert.Equal(t, "first", f.ctx.Value(keyOf{}), "also when that caller has left")
		assert.NoError(t, f.ctx.Err())
		assert.NoError(t, context.Cause(f.ctx), "its caller's end is not its own")
		f.end()
	})
}

func TestAFlightHasTheLatestDeadlineOfThoseThatWait(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		first, leaveFirst := until(t, 5*time.Second)
		f := fly(first)
		assert.Equal(t, 5*time.Second, f.within())

		second, _ := until(t, 3*time.Second)
		f.join(second)
		assert.Equal(t, 5*time.Second, f.within(), "an earlier one changes nothing")

		third, leaveThird := until(t, time.Minute)
		f.join(third)
		assert.Equal(t, time.Minute, f.within(), "a later one extends it")

		fourth, leaveFourth := context.WithCancel(t.Context())
		f.join(fourth)
		assert.EqualValues(t, -1, f.within(), "a caller without a deadline removes it")

		leaveFourth()
		synctest.Wait()
		assert.Equal(t, time.Minute, f.within(), "until it leaves")
		leaveThird()
		synctest.Wait()
		assert.Equal(t, 5*time.Second, f.within(), "it shrinks when the caller with the latest leaves")
		leaveFirst()
		synctest.Wait()
		assert.Equal(t, 3*time.Second, f.within())
		assert.NoError(t, f.ctx.Err())

		time.Sleep(3 * time.Second)
		synctest.Wait()
		assert.Equal(t, context.DeadlineExceeded, f.ctx.Err())
		assert.Zero(t, f.within(), "the last one's deadline stays")
		f.end()
	})
}

func TestACallersLimitEndsItsWaitAndNotTheFlight(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := fly(t.Context())
		limited := pipeline.New[int](policy.Timeout[int](time.Second), f.c)
		_, err := limited.Do(t.Context(), after(0, 0, errDown))
		var timeout *policy.TimeoutError
		assert.ErrorAs(t, err, &timeout)
		assert.NoError(t, f.ctx.Err())
		f.end()
	})
}

// A context of the standard library sets no timer if its parent's deadline is earlier. A
// timeout in a flight must not rely on that: a caller that joins makes the parent's later.
func TestATimeoutInsideAFlightHoldsAfterItsDeadlineWasExtended(t *testing.T) {
	clocks := map[string]func() policy.Clock{"real": func() policy.Clock { return nil }, "plain": func() policy.Clock { return bubbleClock{} }}
	for name, clock := range clocks {
		for _, abandon := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", abandon ", abandon), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					p := pipeline.New[int](oneKey(), policy.NewTimeout[int](policy.TimeoutConfig{After: 10 * time.Second, Abandon: abandon, Clock: clock()}))
					begun := time.Now()
					first, _ := until(t, 5*time.Second)
					var all sync.WaitGroup
					for _, ctx := range []context.Context{first, t.Context()} {
						all.Go(func() {
							_, err := p.Do(ctx, func(ctx context.Context) (int, error) {
								<-ctx.Done()
								assert.Equal(t, 10*time.Second, time.Since(begun))
								return 0, ctx.Err()
							})
							assert.ErrorIs(t, err, context.DeadlineExceeded)
						})
						synctest.Wait()
					}
					all.Wait()
					assert.Equal(t, 10*time.Second, time.Since(begun))
				})
			})
		}
	}
}

// bubbleClock is a clock of another package in real time, which is virtual in a bubble.
type bubbleClock struct{}

func (bubbleClock) Now() time.Time                         { return time.Now() }
func (bubbleClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (bubbleClock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func TestAFlightHasTheHighestPriorityOfThoseThatWait(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := fly(policy.WithPriority(t.Context(), policy.Sheddable))
		assert.Equal(t, policy.Sheddable, policy.PriorityOf(f.ctx))
		ctx, leave := context.WithCancel(policy.WithPriority(t.Context(), policy.Critical))
		f.join(ctx)
		assert.Equal(t, policy.Critical, policy.PriorityOf(f.ctx))
		f.join(t.Context())
		leave()
		synctest.Wait()
		assert.Equal(t, policy.Normal, policy.PriorityOf(f.ctx))
		f.end()
	})
}

func TestAFlightIsSpeculativeIfAllItsCallersAre(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := fly(policy.WithSpeculative(t.Context()))
		assert.True(t, policy.Speculative(f.ctx))
		ctx, leave := context.WithCancel(t.Context())
		f.join(ctx)
		assert.False(t, policy.Speculative(f.ctx))
		leave()
		synctest.Wait()
		assert.True(t, policy.Speculative(f.ctx))
		f.end()
	})
}

// A hedge's extra attempt begins a flight, and a plain call joins it: the gate inside
// would refuse the first, and queue the second.
func TestACallThatJoinsASpeculativeOneMayQueue(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1})
		p := pipeline.New[int](oneKey(), late{time.Second}, bulkhead.New[int](gate))
		place, ok := gate.TryAcquire()
		require.True(t, ok)
		var all sync.WaitGroup
		for _, ctx := range []context.Context{policy.WithSpeculative(t.Context()), t.Context()} {
			all.Go(func() {
				v, err := p.Do(ctx, after(time.Second, 42, nil))
				assert.Equal(t, 42, v)
				assert.NoError(t, err)
			})
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		assert.Equal(t, 1, gate.Snapshot().Waiting)
		place.Release()
		all.Wait()
	})
}

// late is a policy that sleeps before it goes on.
type late struct{ d time.Duration }

func (l late) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	if err := policy.Sleep(ctx, nil, l.d); err != nil {
		return 0, err
	}
	return next.Do(ctx)
}
