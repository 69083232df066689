package bulkhead_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// One goroutine releases the last place while another starts to wait. The waiter gets the
// place although no later release wakes it.
func TestAWaiterQueuedDuringTheLastReleaseGetsThePlace(t *testing.T) {
	for range 2000 {
		g, place := taken(t, bulkhead.Config{MaxQueue: 1})
		var both sync.WaitGroup
		both.Go(place.Release)
		both.Go(func() {
			p, err := g.Acquire(context.Background())
			assert.NoError(t, err)
			p.Release()
		})
		both.Wait()
		require.True(t, g.Idle())
	}
}

// 16 callers acquire and release in a loop. A waiter is served after the waiters before
// it.
func TestCallersInALoopDoNotStarveAWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const callers = 16
		g, place := taken(t, bulkhead.Config{MaxQueue: callers + 1})
		var admitted, before atomic.Int64
		stop, stopped := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for stop.Err() == nil {
					if p, err := g.Acquire(stop); err == nil {
						admitted.Add(1)
						time.Sleep(time.Millisecond)
						p.Release()
					}
				}
			})
		}
		synctest.Wait()
		all.Go(func() {
			p, err := g.Acquire(t.Context())
			assert.NoError(t, err)
			before.Store(admitted.Load())
			p.Release()
		})
		synctest.Wait()
		place.Release()
		time.Sleep(time.Second)
		stopped()
		all.Wait()
		assert.EqualValues(t, callers, before.Load())
	})
}

// failsafe-go admits 11 of 64 callers to a queue of 10, because it checks the bound
// before it enters.
func TestAQueueNeverHoldsMoreThanItsBound(t *testing.T) {
	for range 20 {
		g, place := taken(t, bulkhead.Config{MaxQueue: 10})
		var refused, in atomic.Int64
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				p, err := g.Acquire(context.Background())
				if err != nil {
					if refused.Add(1) == 54 {
						assert.Equal(t, 10, g.Snapshot().Waiting)
						place.Release()
					}
					return
				}
				in.Add(1)
				p.Release()
			})
		}
		all.Wait()
		require.EqualValues(t, 54, refused.Load())
		require.EqualValues(t, 10, in.Load())
	}
}

// failsafe-go's prioritized limiter serves low, low, high in this order.
func TestTheHighestPriorityIsServedFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 9})
		assert.Equal(t, []int{2, 0, 1}, served(place, arriveAll(g, policy.Low, policy.Low, policy.High)...))
	})
}

func TestAHighPriorityCallEntersAQueueFullOfLowOnes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 2})
		low := arriveAll(g, policy.Low, policy.Low)
		high := arrive(g, policy.High)
		require.True(t, low[1].isRefused())
		assert.Equal(t, []int{0, 1}, served(place, high, low[0]))
	})
}

func TestALoweredLimitAdmitsNoCallUntilDrained(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := bulkhead.NewGate(bulkhead.Config{Limit: 10, MaxQueue: 1})
		places := take(t, g, 10)
		g.SetLimit(2)
		w := arrive(g, policy.Normal)
		for _, p := range places[:8] {
			require.True(t, w.waits())
			p.Release()
			synctest.Wait()
		}
		require.True(t, w.waits(), "both places are in use")
		places[8].Release()
		synctest.Wait()
		assert.True(t, w.isIn())
		w.leaves()
	})
}

func TestARaisedLimitServesWaitersAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := bulkhead.NewGate(bulkhead.Config{Limit: 2, MaxQueue: 9})
		take(t, g, 2)
		v := arriveAll(g, make([]policy.Priority, 9)...)
		g.SetLimit(10)
		synctest.Wait()
		for i := range 8 {
			assert.True(t, v[i].isIn(), i)
		}
		assert.True(t, v[8].waits())
		assert.Equal(t, bulkhead.Snapshot{Limit: 10, InUse: 10, Waiting: 1, Admitted: 10}, g.Snapshot())
		for _, one := range v {
			one.leaves()
		}
	})
}

// failsafe-go's permit, recorded twice, admits a third call at a limit of two.
func TestAPlaceReleasedTwiceIsFreedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := bulkhead.NewGate(bulkhead.Config{Limit: 2, MaxQueue: 9})
		places := take(t, g, 2)
		v := arriveAll(g, 0, 0)
		places[0].Release()
		places[0].Release()
		go places[0].Release()
		synctest.Wait()
		assert.True(t, v[0].isIn())
		assert.True(t, v[1].waits())
		v[0].leaves()
		v[1].leaves()
	})
}

// deaf ignores its context for a minute, and records how many calls run at a time.
func deaf(in, most *atomic.Int64) policy.Func[int] {
	return func(context.Context) (int, error) {
		raise(most, in.Add(1))
		time.Sleep(time.Minute)
		in.Add(-1)
		return 1, nil
	}
}

// An abandoned function still holds its place if the gate is inside the timeout. In the
// other order more functions run than the limit allows.
func TestAbandonedFunctionsHoldTheirPlaces(t *testing.T) {
	bubble(t, func(t *testing.T) {
		timeout := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Abandon: true})
		inside := bulkhead.NewGate(bulkhead.Config{Limit: 2})
		outside := bulkhead.NewGate(bulkhead.Config{Limit: 2})
		var in, most, in2, most2 atomic.Int64
		right := pipeline.New(policy.Policy[int](timeout), bulkhead.New[int](inside))
		wrong := pipeline.New[int](bulkhead.New[int](outside), timeout)
		for range 5 {
			for range 2 {
				go func() { _, _ = right.Do(t.Context(), deaf(&in, &most)) }()
				go func() { _, _ = wrong.Do(t.Context(), deaf(&in2, &most2)) }()
			}
			time.Sleep(2 * time.Second)
		}
		assert.EqualValues(t, 2, most.Load())
		assert.EqualValues(t, 10, most2.Load(), "as the docs warn")
		time.Sleep(time.Hour)
		assert.True(t, inside.Idle())
	})
}

// One policy value is used in two bubbles, one after the other. Touching a channel or
// timer of the first bubble in the second would end the process.
func TestOneGateServesTwoBubbles(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{
		Limit: 1, MaxQueue: 2, MaxWait: time.Second, Order: bulkhead.Adaptive, Delay: codel,
	})
	b := bulkhead.New[int](g)
	for range 2 {
		bubble(t, func(t *testing.T) {
			hold := func(context.Context) (int, error) { time.Sleep(10 * time.Second); return 1, nil }
			go func() { _, _ = b.Do(t.Context(), hold) }()
			synctest.Wait()
			_, err := b.Do(t.Context(), one)
			require.ErrorIs(t, err, bulkhead.ErrFull)
			w := arrive(g, policy.Normal)
			w.leaves()
			time.Sleep(time.Minute)
			_, err = b.Do(t.Context(), one)
			require.NoError(t, err)
		})
	}
	assert.True(t, g.Idle())
}
