package gate

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// together runs functions at the same time. Each begins when all are running.
func together(fs ...func()) {
	var arrived atomic.Int64
	var all sync.WaitGroup
	for _, f := range fs {
		all.Go(func() {
			arrived.Add(1)
			for spins := 1; arrived.Load() < int64(len(fs)); spins++ {
				if spins%1000 == 0 {
					runtime.Gosched()
				}
			}
			f()
		})
	}
	all.Wait()
}

// until runs f again and again beside work, until work returns.
func until(work, f func()) {
	var over atomic.Bool
	together(func() {
		defer over.Store(true)
		work()
	}, func() {
		for !over.Load() {
			f()
		}
	})
}

// One config has a place for the call, the other a queue. Between them there is no moment
// with neither. The call's context has ended, so that it leaves the queue at once.
func TestNoCallIsRefusedThatBothConfigsAdmit(t *testing.T) {
	twoProcessors(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := made(Config{Limit: 2})
	g.Enter()
	refused := 0
	until(func() {
		for range 20_000 {
			e, err := g.EnterSlowly(ctx)
			switch {
			case err == nil:
				g.Leave(e.Cell)
			case !errors.Is(err, context.Canceled):
				refused++
			}
		}
	}, func() {
		g.Reconfigure(Config{Limit: 1, MaxQueue: 1})
		g.Reconfigure(Config{Limit: 2})
	})
	assert.Zero(t, refused)
	g.Leave(&g.main)
	assert.True(t, g.Idle())
}

// A place of one cell is taken before that of another is returned, so one is always in use.
// A look that reads the first cell before and the last one after sees none.
func TestAGateWhosePlaceMovesBetweenCellsIsNeverIdle(t *testing.T) {
	g := spreadGate(t, 64, 0)
	cells := g.spread.Load().cells
	first, last := &cells[0], &cells[len(cells)-1]
	last.take()
	idle := 0
	until(func() {
		for range 20_000 {
			if g.Idle() {
				idle++
			}
		}
	}, func() {
		first.take()
		g.Leave(last)
		last.take()
		g.Leave(first)
	})
	assert.Zero(t, idle)
	g.Leave(last)
	assert.True(t, g.Idle())
}

// A place is handed over in the moment in which it is returned: no snapshot shows both a
// free place and a call that waits.
func TestNoSnapshotShowsAFreePlaceBesideAWaitingCall(t *testing.T) {
	twoProcessors(t)
	g := made(Config{Limit: 1, MaxQueue: 9})
	var all sync.WaitGroup
	wrong := 0
	until(func() {
		for range 4 {
			all.Go(func() {
				for range 1000 {
					c, err := acquire(t.Context(), g)
					assert.NoError(t, err)
					runtime.Gosched()
					g.Leave(c)
				}
			})
		}
		all.Wait()
	}, func() {
		if s := g.Snapshot(); s.Waiting > 0 && s.InUse < s.Limit {
			wrong++
		}
	})
	assert.Zero(t, wrong)
	require.True(t, g.Idle())
	assert.EqualValues(t, 4000, g.Snapshot().Admitted)
}

// waitingGate returns a gate of n places, all of which are taken, with a queue of n calls,
// and the names of those that were woken.
func waitingGate(n int) (g *Gate, woken *[]int) {
	g, woken = made(Config{Limit: n, MaxQueue: n}), new([]int)
	for range n {
		g.main.take()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range n {
		j := joining{gate: g, waiter: &waiter{gate: g, ready: named{i, woken}}}
		j.join(g.rules.Load())
	}
	return g, woken
}

func TestPlacesReturnedDuringSnapshotsAreGrantedOnce(t *testing.T) {
	const calls = 5000
	twoProcessors(t)
	g, woken := waitingGate(calls)
	wrong := 0
	look := func() {
		if s := g.Snapshot(); s.Waiting > 0 && s.InUse < s.Limit {
			wrong++
		}
	}
	until(func() {
		for range calls {
			returnLate(g)
		}
	}, look)
	look()
	assert.Zero(t, wrong)
	assert.Len(t, *woken, calls)
	assert.Equal(t, Snapshot{Limit: calls, InUse: calls, Admitted: calls}, g.Snapshot())
}

// The word changes while a place is handed over: calls that were granted one count their
// admissions. No place stays behind with a call that waits for it.
func TestTheLastPlaceIsHandedOverBesideAdmissions(t *testing.T) {
	const calls = 5
	twoProcessors(t)
	for range 100 {
		g, woken := waitingGate(calls)
		until(func() {
			for range calls {
				g.Leave(&g.main)
			}
		}, g.main.admit)
		require.Len(t, *woken, calls)
		require.Equal(t, calls, g.Snapshot().InUse)
	}
}

func TestPlacesReturnedToASpreadGateAtTheSameTimeAreConserved(t *testing.T) {
	const limit, each, rounds = 60_000, 500, 40
	twoProcessors(t)
	g := made(Config{Limit: limit})
	for range rounds * 2 * each {
		g.main.take()
	}
	require.True(t, g.spreadOut())
	leave := func() {
		for range each {
			g.Leave(&g.main)
		}
	}
	for range rounds {
		together(leave, leave)
	}
	assert.Equal(t, Snapshot{Limit: limit, Admitted: rounds * 2 * each}, g.Snapshot())
}

func TestAGateSpreadBesideCallsKeepsItsPlaces(t *testing.T) {
	twoProcessors(t)
	g := made(Config{Limit: 64})
	until(func() {
		for range 1000 {
			g.spreadOut()
			g.SetLimit(65) // gathers the cells
			g.SetLimit(64)
		}
	}, func() {
		if c, _ := g.Enter(); c != nil {
			g.Leave(c)
		}
	})
	assert.Zero(t, g.Snapshot().InUse)
}

// held runs during while f waits for the lock of g, as far as the scheduler lets it get
// there, and waits for f.
func held(g *Gate, f, during func()) {
	var all sync.WaitGroup
	g.mu.Lock()
	all.Go(f)
	for range 1000 {
		runtime.Gosched()
	}
	during()
	g.mu.Unlock()
	all.Wait()
}

func TestAGateIsNotSpreadIfThatIsNotWorthwhileAnyMore(t *testing.T) {
	for name, during := range map[string]func(*Gate){
		"its places were taken":     func(g *Gate) { enterAll(t, g, 60) },
		"its limit was lowered":     func(g *Gate) { g.obey(Config{Limit: 10}) },
		"below what is in use":      func(g *Gate) { enterAll(t, g, 20); g.obey(Config{Limit: 10}) },
		"a call waits in its queue": func(g *Gate) { g.queue.push(&waiter{}, false) },
	} {
		twoProcessors(t)
		g := made(Config{Limit: 64})
		done := true
		held(g, func() { done = g.spreadOut() }, func() { during(g) })
		assert.False(t, done, name)
		assert.Nil(t, g.spread.Load(), name)
	}
}

// The queue opens while the call looks for a place.
func TestACallThatFindsNoPlaceJoinsAQueueOpenedMeanwhile(t *testing.T) {
	g := spreadGate(t, 64, 0)
	enterAll(t, g, 64)
	var err error
	var entered sync.WaitGroup
	entered.Go(func() {
		held(g, func() { _, err = g.EnterSlowly(t.Context()) }, func() { g.obey(Config{Limit: 64, MaxQueue: 1}) })
	})
	for g.Snapshot().Waiting == 0 && g.Snapshot().Rejected == 0 {
		runtime.Gosched()
	}
	g.Leave(&g.main)
	entered.Wait()
	assert.NoError(t, err)
}
