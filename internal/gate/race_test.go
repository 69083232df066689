package gate

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// until runs f again and again beside work, until work returns.
func until(work, f func()) {
	var over atomic.Bool
	var all sync.WaitGroup
	all.Go(func() {
		for !over.Load() {
			f()
		}
	})
	work()
	over.Store(true)
	all.Wait()
}

// One config has a place for the call, the other a queue. Between them there is no moment
// with neither.
func TestNoCallIsRefusedThatBothConfigsAdmit(t *testing.T) {
	twoProcessors(t)
	g := made(Config{Limit: 2})
	g.Enter()
	refused := 0
	until(func() {
		for range 10_000 {
			c, err := acquire(t.Context(), g)
			if err != nil {
				refused++
				continue
			}
			g.Leave(c)
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
func TestAGateWhosePlaceMovesBetweenCellsIsNeverIdle(t *testing.T) {
	g := spreadGate(t, 64, 0)
	cells := g.spread.Load().cells
	held := &cells[0]
	held.take()
	idle := 0
	until(func() {
		for range 3000 {
			if g.Idle() {
				idle++
			}
		}
	}, func() {
		for i := range cells {
			next := &cells[i]
			next.take()
			g.Leave(held)
			held = next
		}
	})
	assert.Zero(t, idle)
	g.Leave(held)
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
