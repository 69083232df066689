package coalesce_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

func TestForgetBeginsANewFlightBesideTheOldOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := byKey[string, int]()
		ctx := with(t.Context(), "a")
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				v, err := c.Do(ctx, after(time.Minute, 1, nil))
				assert.Equal(t, 1, v, "callers of the old flight get its result")
				assert.NoError(t, err)
			})
		}
		synctest.Wait()
		c.Forget("b")
		assert.Equal(t, 1, c.Snapshot().InFlight, "another key")
		c.Forget("a")
		assert.Zero(t, c.Snapshot().InFlight)
		for range 2 {
			all.Go(func() {
				v, err := c.Do(ctx, after(time.Hour, 2, nil))
				assert.Equal(t, 2, v)
				assert.NoError(t, err)
			})
		}
		time.Sleep(2 * time.Minute)
		assert.Equal(t, coalesce.Snapshot{InFlight: 1, Flights: 2, Joined: 2}, c.Snapshot(), "the old one deletes only itself")
		all.Wait()
		c.Forget("a")
		assert.Equal(t, coalesce.Snapshot{Flights: 2, Joined: 2}, c.Snapshot())
	})
}

func TestEveryCallerGetsAClone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := coalesce.New[string, *int](func(context.Context) (string, bool) { return "", true }).
			WithClone(func(v *int) *int { w := *v; return &w })
		made := new(int)
		var mu sync.Mutex
		got := map[*int]bool{}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				v, err := c.Do(t.Context(), func(context.Context) (*int, error) { time.Sleep(time.Second); return made, nil })
				assert.NoError(t, err)
				mu.Lock()
				defer mu.Unlock()
				got[v] = true
			})
		}
		all.Wait()
		assert.Len(t, got, 10)
		assert.False(t, got[made])

		_, err := c.Do(t.Context(), func(context.Context) (*int, error) { return nil, errDown })
		assert.Same(t, errDown, err, "the zero value of a failure is not cloned")
		v, err := c.Do(t.Context(), func(context.Context) (*int, error) { return made, errDown })
		assert.NotSame(t, made, v, "another value of a failure is")
		assert.Same(t, errDown, err)
	})
}

func TestTheZeroValueOfASuccessIsCloned(t *testing.T) {
	c := oneKey().WithClone(func(v int) int { return v + 7 })
	v, err := c.Do(t.Context(), after(0, 0, nil))
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

// An observer of Joined keeps no caller from its result.
func TestObservedCallersGetTheResultThatTheyHaveJoined(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		rec := fake.NewRecorder()
		p := pipeline.New[int](oneKey()).WithObserver(rec.Observe, policy.Joined, policy.FinishedLate)
		first, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := p.Do(first, after(time.Minute, 42, nil))
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		for range 2 {
			all.Go(func() {
				v, err := p.Do(t.Context(), after(time.Minute, 43, nil))
				assert.NoError(t, err)
				assert.Equal(t, 42, v)
			})
		}
		synctest.Wait()
		leave()
		all.Wait()
		joined := policy.Event{Kind: policy.Joined, Policy: "coalesce"}
		assert.Equal(t, []policy.Event{joined, joined}, rec.Events(), "the flight of the caller that left was wanted to its end")
	})
}

// tardyClock is a clock whose waiters report the end of the context although they were
// woken before it: the moment in which both are there.
type tardyClock struct {
	bubbleClock
	leave func()
}

func (c tardyClock) NewWaiter() policy.Waiter {
	return &tardyWaiter{woken: make(chan struct{}), leave: c.leave}
}

type tardyWaiter struct {
	woken chan struct{}
	once  sync.Once
	leave func()
}

func (w *tardyWaiter) Wake() { w.once.Do(func() { close(w.woken) }) }

func (w *tardyWaiter) Wait(ctx context.Context) error {
	<-w.woken
	w.leave()
	return ctx.Err()
}

func TestAResultThatIsThereWhenTheContextEndsIsReturned(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		v, err := oneKey().WithClock(tardyClock{leave: leave}).Do(ctx, after(0, 42, nil))
		require.NoError(t, err)
		assert.Equal(t, 42, v)
		assert.ErrorIs(t, ctx.Err(), context.Canceled)
	})
}

// The caller's goroutine may notice the end before the function has returned, or after.
func TestACallWhoseContextEndsInItsFunctionHasTheResultOrTheEnd(t *testing.T) {
	for range 200 {
		inBubble(t, func(t *testing.T) {
			c := oneKey()
			ctx, leave := context.WithCancel(t.Context())
			v, err := c.Do(ctx, func(context.Context) (int, error) { leave(); return 42, nil })
			if err != nil {
				assert.ErrorIs(t, err, context.Canceled)
				return
			}
			assert.Equal(t, 42, v)
		})
	}
}

// When the retry asks, the limit inside has no token left. The flight of another caller, which
// has taken the last one, answers the second attempt.
func TestARetryOutsideJoinsTheFlightOfAnotherCaller(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		limit := ratelimit.New[int](ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour, Burst: 2}))
		var other sync.WaitGroup
		v, err := pipeline.New[int](retry.New[int](retry.Config{}), c, limit).Do(t.Context(), func(context.Context) (int, error) {
			c.Forget("key")
			other.Go(func() {
				v, err := pipeline.New[int](c, limit).Do(t.Context(), after(time.Minute, 42, nil))
				assert.NoError(t, err)
				assert.Equal(t, 42, v)
			})
			synctest.Wait()
			return 0, errDown
		})
		require.NoError(t, err)
		assert.Equal(t, 42, v)
		other.Wait()
	})
}

func TestDoTakesOffTheMarks(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := oneKey()
		_, err := c.Do(t.Context(), func(context.Context) (int, error) { return 0, markPermanent(errDown) })
		assert.Same(t, errDown, err)
		_, err = c.Execute(t.Context(), policy.CallOf(func(context.Context) (int, error) { return 0, markPermanent(errDown) }))
		assert.NotSame(t, errDown, err)
		assert.ErrorIs(t, err, errDown)
	})
}
