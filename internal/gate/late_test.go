package gate

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// returnLate does the first half of Leave at a gate with a queue: the place is in the word,
// and the goroutine that returned it does not have the lock yet.
func returnLate(g *Gate) { g.main.word.Add(1) }

// A goroutine that returned a place is held up before it hands the place over. Whatever
// takes the lock before it does so in its place, and wakes the call.
func TestAPlaceReturnedLateIsHandedOverByWhateverLooksFirst(t *testing.T) {
	for name, look := range map[string]func(t *testing.T, g *Gate){
		"Snapshot": func(t *testing.T, g *Gate) {
			assert.Equal(t, 0, g.Snapshot().Waiting)
		},
		"Idle":     func(t *testing.T, g *Gate) { assert.False(t, g.Idle()) },
		"TryEnter": func(t *testing.T, g *Gate) { assert.Nil(t, g.TryEnter(), "the place is not for a newcomer") },
		"SetLimit": func(_ *testing.T, g *Gate) { g.SetLimit(2); g.SetLimit(1) },
		"Reconfigure": func(_ *testing.T, g *Gate) {
			g.Reconfigure(Config{Limit: 1})
		},
		"a newcomer": func(t *testing.T, g *Gate) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := g.EnterSlowly(ctx)
			assert.ErrorIs(t, err, context.Canceled)
		},
		"the end of another wait": func(_ *testing.T, g *Gate) {
			w := &waiter{gate: g, state: gone}
			w.expire()
		},
	} {
		g := made(Config{Limit: 1, MaxQueue: 1})
		g.Enter()
		waited := goEnter(g)
		returnLate(g)
		look(t, g)
		require.NoError(t, <-waited, name)
		g.Leave(&g.main)
		assert.True(t, g.Idle(), name)
	}
}

// MaxWait ends while a place is on its way: the place is used.
func TestAWaitThatEndsAsAPlaceIsReturnedGetsThePlace(t *testing.T) {
	clk := fake.NewClock()
	g := made(Config{Limit: 1, MaxQueue: 1, MaxWait: time.Second, Clock: clk})
	g.Enter()
	waited := goEnter(g)
	require.NoError(t, clk.BlockUntil(t.Context(), 2))
	returnLate(g)
	clk.Advance(time.Second)
	require.NoError(t, <-waited)
	assert.Equal(t, Snapshot{Limit: 1, InUse: 1, Admitted: 2}, g.Snapshot())
}

// A place is returned after a newcomer found none and before it shuts the gate.
func TestACallThatShutsTheGateTakesAPlaceReturnedMeanwhile(t *testing.T) {
	g := made(Config{Limit: 1, MaxQueue: 1})
	j := joining{gate: g}
	j.makeWaiter()
	g.mu.Lock()
	j.join(g.rules.Load())
	g.mu.Unlock()
	j.wake.wake()
	require.NoError(t, j.waiter.ready.Wait(t.Context()))
	assert.Equal(t, granted, j.waiter.state)
	assert.Equal(t, 1, g.Snapshot().InUse)
	g.Leave(&g.main)
	assert.True(t, g.Idle())
}

// asking makes a gate with one place, which is taken, and a queue. The gate's Priority runs
// during before a call joins the queue.
func asking(cfg Config, during func(g *Gate)) *Gate {
	cfg.Limit, cfg.MaxQueue = 1, max(1, cfg.MaxQueue)
	g := new(Gate)
	cfg.Priority = func(ctx context.Context) policy.Priority {
		if during != nil {
			during(g)
		}
		return policy.PriorityOf(ctx)
	}
	g.Init(cfg, voice)
	g.Enter()
	return g
}

// The queue is closed while a call is on its way to it.
func TestACallIsRefusedIfTheQueueIsClosedAsItArrives(t *testing.T) {
	g := asking(Config{}, func(g *Gate) { g.Reconfigure(Config{Limit: 1}) })
	_, err := g.EnterSlowly(t.Context())
	require.ErrorIs(t, err, policy.ErrRejected)

	g = asking(Config{}, nil)
	waited := goEnter(g)
	first := true
	g.Reconfigure(Config{Limit: 1, MaxQueue: 1, Priority: func(context.Context) policy.Priority {
		if first {
			first = false
			g.Reconfigure(Config{Limit: 1})
		}
		return policy.High
	}})
	_, err = g.EnterSlowly(t.Context())
	require.ErrorIs(t, err, policy.ErrRejected, "it displaces no call, because there is no queue any more")
	assert.Equal(t, 1, g.Snapshot().Waiting)
	g.Leave(&g.main)
	require.NoError(t, <-waited)
}

// codel bounds waits by a minute in a standing queue, and by an hour in a burst.
var codel = CoDel{Target: time.Minute, Interval: time.Hour}

// Delay is turned on, or the queue gets room, while a call is on its way to the queue.
func TestACallIsBoundedByADelayTurnedOnAsItArrives(t *testing.T) {
	clk := fake.NewClock()
	for name, maxQueue := range map[string]int{"into a free queue": 1, "into a queue that was full": 2} {
		g := asking(Config{Clock: clk}, func(g *Gate) {
			g.Reconfigure(Config{Limit: 1, MaxQueue: maxQueue, Delay: codel, Clock: clk})
		})
		if maxQueue > 1 {
			g.waits.Store(1) // as if another call waited
		}
		begun := clk.Now()
		ended := goEnter(g)
		require.NoError(t, clk.BlockUntil(t.Context(), 2), name)
		clk.AdvanceToNext()
		require.ErrorIs(t, <-ended, policy.ErrRejected, name)
		assert.Equal(t, codel.Interval, clk.Now().Sub(begun), name)
	}
}

// The clock is read anew for a call that arrived before Delay was turned on.
func TestACallThatArrivedBeforeDelayWasTurnedOnMeetsAStandingQueue(t *testing.T) {
	clk := fake.NewClock()
	calls := 0
	g := asking(Config{Clock: clk, MaxQueue: 2}, func(g *Gate) {
		if calls++; calls == 2 {
			g.Reconfigure(Config{Limit: 1, MaxQueue: 2, Delay: codel, Clock: clk})
			clk.Advance(codel.Interval + 1)
		}
	})
	first, second := goEnter(g), goEnter(g)
	require.NoError(t, clk.BlockUntil(t.Context(), 3))
	clk.Advance(codel.Target)
	require.ErrorIs(t, <-second, policy.ErrRejected)
	g.Leave(&g.main)
	require.NoError(t, <-first)
}

// A change that leaves Delay on does not end an overload.
func TestAStandingQueueIsOneAlsoAfterAReconfiguration(t *testing.T) {
	clk := fake.NewClock()
	cfg := Config{Limit: 1, MaxQueue: 9, Delay: codel, Clock: clk}
	g := made(cfg)
	g.Enter()
	first := goEnter(g)
	require.NoError(t, clk.BlockUntil(t.Context(), 2)) // it has armed its timer
	clk.Advance(codel.Interval - 1)
	second := goEnter(g)
	require.NoError(t, clk.BlockUntil(t.Context(), 4))
	clk.Advance(1)
	require.ErrorIs(t, <-first, policy.ErrRejected)
	cfg.MaxQueue = 8
	g.Reconfigure(cfg)
	clk.Advance(1)
	third := goEnter(g)
	require.NoError(t, clk.BlockUntil(t.Context(), 4))
	clk.Advance(codel.Target)
	require.ErrorIs(t, <-third, policy.ErrRejected, "the queue has not been empty for more than Interval")
	g.Leave(&g.main)
	require.NoError(t, <-second)
}

// How long the queue has not been empty is measured anew by the first call that finds the
// clock set back too far.
func TestAStandingQueueIsOneAgainAfterTheClockWasSetBack(t *testing.T) {
	for back, anew := range map[time.Duration]bool{24 * time.Hour: true, 2*codel.Interval - 1: false} {
		clk := fake.NewClock()
		g := made(Config{Limit: 1, MaxQueue: 9, Delay: codel, Clock: clk})
		g.Enter()
		join := func(waiting int) <-chan error {
			ended := goEnter(g)
			require.NoError(t, clk.BlockUntil(t.Context(), 2*waiting))
			return ended
		}
		first := join(1)
		clk.Set(clk.Now().Add(-back))
		clk.Advance(codel.Interval - 1)
		second := join(2)
		clk.Advance(1)
		require.ErrorIs(t, <-first, policy.ErrRejected)
		clk.Advance(codel.Interval - 2)
		third := join(2)
		clk.Advance(1)
		require.ErrorIs(t, <-second, policy.ErrRejected)
		clk.Advance(1)
		last := join(2)
		clk.Advance(codel.Target)
		if anew {
			require.ErrorIs(t, <-last, policy.ErrRejected, "the queue has not been empty for more than Interval")
		}
		g.Leave(&g.main)
		require.NoError(t, <-third)
		if !anew {
			g.Leave(&g.main)
			require.NoError(t, <-last)
		}
	}
}

func TestAWaitOfANanosecondEnds(t *testing.T) {
	clk := fake.NewClock()
	g := made(Config{Limit: 1, MaxQueue: 1, MaxWait: 1, Clock: clk})
	g.Enter()
	waited := goEnter(g)
	require.NoError(t, clk.BlockUntil(t.Context(), 2))
	clk.Advance(1)
	require.ErrorIs(t, <-waited, policy.ErrRejected)
}

func TestACallThatHasItsPlaceLeavesNoTimer(t *testing.T) {
	clk := fake.NewClock()
	g := made(Config{Limit: 1, MaxQueue: 1, MaxWait: time.Second, Clock: clk})
	g.Enter()
	waited := goEnter(g)
	require.NoError(t, clk.BlockUntil(t.Context(), 2))
	g.Leave(&g.main)
	require.NoError(t, <-waited)
	assert.Zero(t, clk.Waiters())
}

// named is a waiter that notes its name when it is woken.
type named struct {
	name  int
	woken *[]int
}

func (named) Wait(context.Context) error { return nil }
func (n named) Wake()                    { *n.woken = append(*n.woken, n.name) }

func TestWaitersAreWokenInTheOrderOfTheirGrants(t *testing.T) {
	for first := range 3 {
		for second := range 3 {
			var l, more woken
			var got, want []int
			for i := range first + second {
				to := &l
				if i >= first {
					to = &more
				}
				to.push(&waiter{ready: named{i, &got}})
				want = append(want, i)
			}
			l.append(more)
			l.wake()
			assert.Equal(t, want, got)
		}
	}
}

func TestAllWaitersAreWokenAlthoughAWakePanics(t *testing.T) {
	var l woken
	var got []int
	for i := range 4 {
		wake := func() { got = append(got, i) }
		if i%2 == 0 {
			wake = func() { got = append(got, i); panic(i) }
		}
		l.push(&waiter{ready: script{wake: wake}})
	}
	assert.PanicsWithValue(t, 2, l.wake)
	assert.Equal(t, []int{0, 1, 2, 3}, got)
}

// A test that sees a call in the queue moves the clock before the call has started its timer.
func TestMaxWaitCountsFromTheArrival(t *testing.T) {
	clk := fake.NewClock()
	for moved, left := range map[time.Duration]time.Duration{0: time.Second, time.Second - 1: 1, time.Second: 0, time.Hour: 0} {
		g := asking(Config{Clock: clk, MaxWait: time.Second}, nil)
		a := g.arrive(t.Context())
		require.NotNil(t, a.waiter)
		begun := clk.Now().Add(moved)
		clk.Advance(moved)
		a.waiter.arm()
		ended := make(chan error, 1)
		go func() {
			_, err := a.waiter.wait(t.Context())
			ended <- err
		}()
		if left > 0 {
			clk.AdvanceToNext()
		}
		require.ErrorIs(t, <-ended, policy.ErrRejected)
		assert.Equal(t, left, clk.Now().Sub(begun))
		assert.EqualValues(t, 1, g.Snapshot().Rejected)
		assert.Zero(t, clk.Waiters())
	}
}
