package bulkhead_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestAnInvalidReconfigurationChangesNothing(t *testing.T) {
	clk := fake.NewClock()
	g := bulkhead.NewGate(bulkhead.Config{Name: "db", Limit: 2, MaxQueue: 1, Clock: clk})
	was := g.Config()
	bad := bulkhead.Config{Name: "db", Clock: clk, MaxQueue: -1}
	assert.Equal(t, bad.Validate(), g.Reconfigure(bad))
	assert.EqualError(t, g.Reconfigure(bulkhead.Config{Name: "cache", Limit: 5, Clock: clk}),
		`bulkhead: Config.Name is "cache", want "db": a gate keeps its name`)
	assert.EqualError(t, g.Reconfigure(bulkhead.Config{Name: "db", Limit: 5}),
		`bulkhead: Config.Clock is <nil>, want the *fake.Clock that gate "db" was made with: a gate keeps its clock`)
	assert.Equal(t, was, g.Config())
	assert.NoError(t, g.Reconfigure(was))
	assert.Equal(t, was, g.Config())
}

func TestHoldersStayAndTheirPlacesComeBack(t *testing.T) {
	g := bulkhead.NewGate(bulkhead.Config{Limit: 100})
	places := take(t, g, 100)
	require.NoError(t, g.Reconfigure(bulkhead.Config{Limit: 3}))
	assert.Equal(t, 100, g.Snapshot().InUse)
	for i, p := range places {
		_, ok := g.TryAcquire()
		require.False(t, ok, "%d hold a place, the limit is 3", 100-i)
		if i == 97 {
			break
		}
		p.Release()
	}
	for _, p := range places[97:] {
		p.Release()
	}
	take(t, g, 3)
	_, ok := g.TryAcquire()
	assert.False(t, ok)
}

func TestAHigherLimitAdmitsTheQueueAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 3})
		defer place.Release()
		a, b := arrive(g, policy.Normal), arrive(g, policy.Normal)
		require.NoError(t, g.Reconfigure(bulkhead.Config{Limit: 3})) // and no queue any more
		synctest.Wait()
		assert.True(t, a.isIn() && b.isIn())
		a.leaves()
		b.leaves()
	})
}

func TestWaitersStayWhenTheQueueIsMadeShorter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 4})
		first, second, low := arrive(g, policy.Normal), arrive(g, policy.Normal), arrive(g, policy.Low)
		require.NoError(t, g.Reconfigure(bulkhead.Config{Limit: 1, MaxQueue: 1}))
		assert.Equal(t, 3, g.Snapshot().Waiting)
		assert.True(t, arrive(g, policy.Low).isRefused())
		instead := arrive(g, policy.Normal)
		synctest.Wait()
		assert.True(t, low.isRefused(), "a call of a higher priority has its place in the queue")
		assert.True(t, instead.waits())

		require.NoError(t, g.Reconfigure(bulkhead.Config{Limit: 1}))
		assert.True(t, arrive(g, policy.High).isRefused(), "no newcomer waits any more")
		place.Release()
		for _, v := range []*visit{first, second, instead} {
			synctest.Wait()
			require.True(t, v.isIn())
			v.leaves()
		}
		assert.True(t, g.Idle())
	})
}

func TestWaitersKeepTheBoundOfTheirWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 4, MaxWait: time.Second})
		defer place.Release()
		before := arrive(g, policy.Normal)
		require.NoError(t, g.Reconfigure(bulkhead.Config{Limit: 1, MaxQueue: 4, MaxWait: time.Minute}))
		after := arrive(g, policy.Normal)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.True(t, before.isRefused())
		assert.True(t, after.waits())
		require.NoError(t, g.Reconfigure(bulkhead.Config{Limit: 1, MaxQueue: 4, MaxWait: time.Millisecond}))
		time.Sleep(58 * time.Second)
		synctest.Wait()
		assert.True(t, after.waits())
		time.Sleep(time.Second)
		synctest.Wait()
		assert.True(t, after.isRefused())
	})
}

func TestANewOrderIsThatOfNewcomers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 4})
		a, b := arrive(g, policy.Normal), arrive(g, policy.Normal)
		require.NoError(t, g.Reconfigure(bulkhead.Config{Limit: 1, MaxQueue: 4, Order: bulkhead.LIFO}))
		c := arrive(g, policy.Normal)
		place.Release()
		for i, v := range []*visit{c, a, b} {
			synctest.Wait()
			require.True(t, v.isIn(), "the next is %d", i)
			v.leaves()
		}
	})
}

func TestDelayCountsFromWhenItIsTurnedOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{MaxQueue: 4})
		defer place.Release()
		standing := arrive(g, policy.Normal)
		time.Sleep(time.Hour)
		delay := bulkhead.CoDel{Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond}
		require.NoError(t, g.Reconfigure(bulkhead.Config{Limit: 1, MaxQueue: 4, Delay: delay}))
		burst := arrive(g, policy.Normal)
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		assert.True(t, burst.waits(), "the queue counts as empty at the change")
		time.Sleep(2 * time.Millisecond)
		late := arrive(g, policy.Normal)
		time.Sleep(5 * time.Millisecond)
		synctest.Wait()
		assert.True(t, burst.isRefused())
		assert.True(t, late.isRefused(), "the gate is overloaded")
		assert.True(t, standing.waits(), "it came when there was no bound")
		standing.leaves()
	})
}

// The time that an inner policy measures must not include the wait, also if the gate had no
// queue when the pipeline was made.
func TestAQueueThatComesLaterIsNoPartOfInnerTimes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, place := taken(t, bulkhead.Config{})
		var took time.Duration
		p := pipeline.New[int](bulkhead.New[int](g), retry.New[int](retry.Config{})).
			WithObserver(func(_ context.Context, e policy.Event) {
				if e.Kind == policy.Attempted {
					took = e.Took
				}
			})
		require.NoError(t, g.Reconfigure(bulkhead.Config{Limit: 1, MaxQueue: 1}))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = p.Do(t.Context(), func(context.Context) (int, error) {
				time.Sleep(time.Second)
				return 0, nil
			})
		}()
		synctest.Wait()
		time.Sleep(time.Hour)
		place.Release()
		<-ended
		assert.Equal(t, time.Second, took)
	})
}

// Calls of all kinds beside reconfigurations: each call ends in exactly one way, no more
// are in than the largest limit, and at the end every place is there.
func TestNothingIsLostWhileAGateIsReconfigured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const goroutines, each, most = 32, 60, 40
		g := bulkhead.NewGate(bulkhead.Config{Name: "m", Limit: most})
		var in, peak, admitted, full, left atomic.Int64
		var all sync.WaitGroup
		for i := range goroutines {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), 3))
				for range each {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+rnd.IntN(300))*time.Microsecond)
					switch p, err := g.Acquire(policy.WithPriority(ctx, policy.Priority(rnd.IntN(3)))); {
					case err == nil:
						admitted.Add(1)
						raise(&peak, in.Add(1))
						time.Sleep(time.Duration(rnd.IntN(30)) * time.Microsecond)
						in.Add(-1)
						p.Release()
					case isFull(err):
						full.Add(1)
					default:
						left.Add(1)
					}
					cancel()
				}
			})
		}
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(1, 4))
			for range 300 {
				cfg := randomConfig(rnd)
				if rnd.IntN(4) == 0 {
					cfg.Limit = most
				}
				assert.NoError(t, g.Reconfigure(cfg))
				time.Sleep(time.Duration(rnd.IntN(40)) * time.Microsecond)
			}
		})
		all.Wait()
		require.NoError(t, g.Reconfigure(bulkhead.Config{Name: "m", Limit: 7}))
		assert.Equal(t, bulkhead.Snapshot{Name: "m", Limit: 7, Admitted: admitted.Load(), Rejected: full.Load()}, g.Snapshot())
		assert.EqualValues(t, goroutines*each, admitted.Load()+full.Load()+left.Load())
		assert.LessOrEqual(t, peak.Load(), int64(most))
		take(t, g, 7)
	})
}
