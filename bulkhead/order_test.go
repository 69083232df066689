package bulkhead_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// served releases place, then each visit's place as the visit gets it, and returns the
// numbers of the visits in that order.
func served(place *bulkhead.Place, visits ...*visit) (order []int) {
	in := make([]bool, len(visits))
	for place != nil {
		place.Release()
		synctest.Wait()
		place = nil
		for i, v := range visits {
			if !in[i] && v.isIn() {
				in[i], place = true, &v.place
				order = append(order, i)
			}
		}
	}
	return order
}

func arriveAll(g *bulkhead.Gate, priorities ...policy.Priority) (visits []*visit) {
	for _, p := range priorities {
		visits = append(visits, arrive(g, p))
	}
	return visits
}

func TestFIFOServesTheFirstFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 9})
		assert.Equal(t, []int{0, 1, 2}, served(place, arriveAll(g, 0, 0, 0)...))
	})
}

func TestLIFOServesTheLastFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 9, Order: bulkhead.LIFO})
		assert.Equal(t, []int{2, 1, 0}, served(place, arriveAll(g, 0, 0, 0)...))
	})
}

func TestHigherPrioritiesAreServedFirstInAnyOrder(t *testing.T) {
	for order, want := range map[bulkhead.Order][]int{
		bulkhead.FIFO: {4, 5, 3, 1, 2, 0, 6},
		bulkhead.LIFO: {4, 5, 3, 2, 1, 0, 6},
	} {
		bubble(t, func(t *testing.T) {
			g, place := taken(t, bulkhead.Config{MaxQueue: 9, Order: order})
			visits := arriveAll(g, policy.Low, policy.Normal, policy.Normal, policy.High, 100, policy.Critical, -100)
			assert.Equal(t, want, served(place, visits...), order)
		})
	}
}

func TestConfigPriorityOverridesTheContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 9, Priority: func(ctx context.Context) policy.Priority {
			return -policy.PriorityOf(ctx)
		}})
		assert.Equal(t, []int{1, 0, 2}, served(place, arriveAll(g, policy.Normal, policy.Low, policy.High)...))
	})
}

func TestPriorityIsNotCalledWithoutAQueue(t *testing.T) {
	g, _ := taken(t, bulkhead.Config{Priority: func(context.Context) policy.Priority { panic("asked") }})
	_, err := g.Acquire(t.Context())
	require.ErrorIs(t, err, bulkhead.ErrFull)
}

func TestAHigherPriorityDisplacesTheNewestOfTheLowest(t *testing.T) {
	for _, order := range []bulkhead.Order{bulkhead.FIFO, bulkhead.LIFO} {
		bubble(t, func(t *testing.T) {
			g, place := taken(t, bulkhead.Config{MaxQueue: 4, Order: order})
			v := arriveAll(g, policy.Low, policy.Low, policy.Normal, policy.Normal)
			same := arrive(g, policy.Low)
			require.True(t, same.isRefused(), "an equal priority displaces no call")
			high := arrive(g, policy.High)
			require.True(t, high.waits())
			require.True(t, v[1].isRefused())
			require.ErrorIs(t, v[1].err, bulkhead.ErrFull)
			require.True(t, v[0].waits())
			high2 := arrive(g, policy.High)
			require.True(t, v[0].isRefused())
			high3 := arrive(g, policy.High)
			require.True(t, v[3].isRefused(), "without low calls, normal is the lowest")
			s := g.Snapshot()
			assert.Equal(t, 4, s.Waiting)
			assert.EqualValues(t, 4, s.Rejected)
			want := []int{0, 1, 2, 3}
			if order == bulkhead.LIFO {
				want = []int{2, 1, 0, 3}
			}
			assert.Equal(t, want, served(place, high, high2, high3, v[2]))
			assert.True(t, g.Idle())
		})
	}
}

// If newcomers are served first, the newest call is at the head of its level.
func TestTheNewestIsDisplacedIfNewcomersAreServedFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, _ := taken(t, bulkhead.Config{
			MaxQueue: 3, Order: bulkhead.Adaptive, Delay: bulkhead.CoDel{Target: time.Minute, Interval: time.Hour},
		})
		old := arrive(g, policy.Low)
		time.Sleep(time.Hour - time.Minute)
		alsoOld := arrive(g, policy.Low)
		time.Sleep(time.Minute) // old has expired, and the queue has not been empty for an hour
		synctest.Wait()
		require.True(t, old.isRefused())
		time.Sleep(time.Nanosecond)
		newest := arrive(g, policy.Low)
		alsoNew := arrive(g, policy.Normal)
		high := arrive(g, policy.High)
		assert.True(t, newest.isRefused())
		assert.True(t, alsoOld.waits())
		for _, v := range []*visit{alsoOld, alsoNew, high} {
			v.leaves()
		}
	})
}

func TestMaxWaitEndsAWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 9, MaxWait: time.Second})
		begun := time.Now()
		_, err := g.Acquire(t.Context())
		assert.Equal(t, time.Second, time.Since(begun))
		require.ErrorIs(t, err, bulkhead.ErrFull)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, bulkhead.Snapshot{Limit: 1, InUse: 1, Admitted: 1, Rejected: 1}, g.Snapshot())
		w := arrive(g, policy.Normal)
		time.Sleep(time.Second - 1)
		place.Release()
		synctest.Wait()
		assert.True(t, w.isIn())
		time.Sleep(time.Hour)
		w.leaves()
	})
}

// A place that is returned as MaxWait passes is used: the timer loses. The call finds both
// when it continues.
func TestAPlaceReturnedAsMaxWaitPassesIsGranted(t *testing.T) {
	clk := &scripted{Clock: fake.NewClock()}
	g, place := taken(t, bulkhead.Config{MaxQueue: 1, MaxWait: time.Second, Clock: clk})
	clk.AfterFunc(time.Second, place.Release) // before the timer of MaxWait
	clk.during = func() { clk.Advance(time.Second) }
	p, err := g.Acquire(t.Context())
	require.NoError(t, err)
	p.Release()
	assert.Equal(t, bulkhead.Snapshot{Limit: 1, Admitted: 2}, g.Snapshot())
}

var codel = bulkhead.CoDel{Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond}

// patience returns how long each visit waits from now.
func patience(v *visit) time.Duration {
	begun := time.Now()
	<-v.ended
	return time.Since(begun)
}

func TestDelayBoundsWaitsByTargetInAStandingQueueAndIntervalInABurst(t *testing.T) {
	for _, order := range []bulkhead.Order{bulkhead.FIFO, bulkhead.LIFO, bulkhead.Adaptive} {
		bubble(t, func(t *testing.T) {
			g, _ := taken(t, bulkhead.Config{MaxQueue: 9, Order: order, Delay: codel})
			first := arrive(g, policy.Normal)
			time.Sleep(50 * time.Millisecond)
			second := arrive(g, policy.Normal)
			assert.Equal(t, 50*time.Millisecond, patience(first), "a burst waits for Interval")
			third := arrive(g, policy.Normal) // the queue was empty exactly Interval ago
			time.Sleep(time.Nanosecond)
			fourth := arrive(g, policy.Normal) // the queue was empty more than Interval ago
			assert.Equal(t, 5*time.Millisecond, patience(fourth), "a standing queue waits for Target")
			<-second.ended
			require.ErrorIs(t, second.err, bulkhead.ErrFull)
			time.Sleep(50*time.Millisecond - 1)
			assert.True(t, third.waits())
			time.Sleep(50 * time.Millisecond)
			synctest.Wait()
			assert.True(t, third.isRefused())
			again := arrive(g, policy.Normal)
			assert.Equal(t, 100*time.Millisecond, patience(again), "the queue was empty just now")
		})
	}
}

func TestAShorterMaxWaitBoundsDelay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, _ := taken(t, bulkhead.Config{MaxQueue: 9, MaxWait: 20 * time.Millisecond, Delay: codel})
		assert.Equal(t, 20*time.Millisecond, patience(come(t.Context(), g)))
	})
}

func TestAdaptiveServesNewcomersFirstOnceOverloaded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 9, Order: bulkhead.Adaptive, Delay: codel})
		first := arrive(g, policy.Normal)
		time.Sleep(99 * time.Millisecond)
		a, b := arrive(g, policy.Normal), arrive(g, policy.Normal)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		require.True(t, first.isRefused())
		time.Sleep(time.Millisecond)
		c, d := arrive(g, policy.Normal), arrive(g, policy.Normal)
		assert.Equal(t, []int{3, 2, 0, 1}, served(place, a, b, c, d))
		take(t, g, 1)
		e, f := arrive(g, policy.Normal), arrive(g, policy.Normal)
		synctest.Wait()
		require.True(t, e.waits() && f.waits())
		g.SetLimit(2)
		synctest.Wait()
		assert.True(t, e.isIn() && f.waits(), "the queue was empty, so the order is FIFO again")
		f.leaves()
	})
}

// A call that displaces the only waiting call does not find the queue empty.
func TestADisplacedCallLeavesAStandingQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, _ := taken(t, bulkhead.Config{MaxQueue: 1, Delay: codel})
		arrive(g, policy.Low)
		time.Sleep(60 * time.Millisecond)
		second := arrive(g, policy.Normal)
		time.Sleep(60 * time.Millisecond)
		require.True(t, second.waits())
		third := arrive(g, policy.High)
		assert.Equal(t, 5*time.Millisecond, patience(third), "the queue was empty 120 ms ago")
	})
}
