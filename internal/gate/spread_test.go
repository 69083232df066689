package gate

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
)

// twoProcessors makes new gates use 8 cells.
func twoProcessors(t *testing.T) {
	was := runtime.GOMAXPROCS(2)
	t.Cleanup(func() { runtime.GOMAXPROCS(was) })
}

// spreadGate returns a gate that is spread. A collision cannot be forced, so it calls
// spreadOut.
func spreadGate(t *testing.T, limit, maxQueue int) *Gate {
	t.Helper()
	twoProcessors(t)
	g := made(Config{Limit: limit, MaxQueue: maxQueue})
	g.spreadOut()
	require.NotNil(t, g.spread.Load())
	return g
}

// voice is the voice of the gates of these tests.
var voice = &Voice{Kind: "gate", Noun: "gate", Full: func(*Full) error { return policy.ErrRejected }}

func made(cfg Config) *Gate {
	g := new(Gate)
	g.Init(cfg, voice)
	return g
}

func enterAll(t *testing.T, g *Gate, n int) []*Cell {
	t.Helper()
	places := make([]*Cell, n)
	for i := range places {
		places[i], _ = g.Enter()
		require.NotNil(t, places[i], "place %d", i)
	}
	return places
}

func TestASpreadGateAdmitsLimitCalls(t *testing.T) {
	g := spreadGate(t, 67, 0)
	places := enterAll(t, g, 67)
	assert.Equal(t, Snapshot{Limit: 67, InUse: 67, Admitted: 67}, g.Snapshot())
	assert.Nil(t, g.TryEnter())
	assert.Nil(t, g.spread.Load(), "a full gate is gathered, so fullness refers to one moment")
	for _, c := range places {
		g.Leave(c)
	}
	assert.Equal(t, Snapshot{Limit: 67, Admitted: 67, Rejected: 1}, g.Snapshot())
	assert.True(t, g.Idle())
}

func TestPlacesTakenBeforeAndAfterASpreadAreConserved(t *testing.T) {
	twoProcessors(t)
	g := made(Config{Limit: 64})
	before := enterAll(t, g, 30)
	g.spreadOut()
	after := enterAll(t, g, 10)
	assert.Equal(t, 40, g.Snapshot().InUse)
	for _, c := range before {
		g.Leave(c)
	}
	assert.Equal(t, 10, g.Snapshot().InUse)
	rest := enterAll(t, g, 54) // places released to the main cell have moved to the cells
	assert.Nil(t, cellOf(g.enterOrFull()))
	for _, c := range append(after, rest...) {
		g.Leave(c)
	}
	assert.True(t, g.Idle())
	assert.EqualValues(t, 94, g.Snapshot().Admitted)
}

func TestSetLimitAppliesToASpreadGate(t *testing.T) {
	g := spreadGate(t, 64, 0)
	places := enterAll(t, g, 20)
	g.SetLimit(10)
	for _, c := range places[:10] {
		assert.Nil(t, cellOf(g.enterOrFull()), "no call is admitted until drained")
		g.Leave(c)
	}
	assert.Nil(t, cellOf(g.enterOrFull()))
	g.Leave(places[10])
	assert.NotNil(t, cellOf(g.enterOrFull()))
}

func TestOnlyALargeGateWithFreePlacesIsSpread(t *testing.T) {
	twoProcessors(t)
	small := made(Config{Limit: 63})
	small.spreadOut()
	assert.Nil(t, small.spread.Load(), "it has fewer than 8 places per cell")
	busy := made(Config{Limit: 64})
	places := enterAll(t, busy, 49)
	busy.spreadOut()
	assert.Nil(t, busy.spread.Load(), "less than a quarter of its places are free")
	busy.Leave(places[0])
	busy.spreadOut()
	assert.NotNil(t, busy.spread.Load())
	cells := busy.spread.Load()
	busy.spreadOut()
	assert.Same(t, cells, busy.spread.Load())
	runtime.GOMAXPROCS(1)
	alone := made(Config{Limit: 1000})
	alone.spreadOut()
	assert.Nil(t, alone.spread.Load(), "one processor needs no cells")
}

func TestAGateWithWaitersIsNotSpread(t *testing.T) {
	twoProcessors(t)
	g := made(Config{Limit: 64, MaxQueue: 1})
	g.queue.push(&waiter{}, false)
	g.spreadOut()
	assert.Nil(t, g.spread.Load())
}

func cellOf(c *Cell, _ int64) *Cell { return c }

func acquire(ctx context.Context, g *Gate) (*Cell, error) {
	if c, _ := g.Enter(); c != nil {
		return c, nil
	}
	e, err := g.EnterSlowly(ctx)
	return e.Cell, err
}

// counted returns a cell with the given places whose word shows n admissions.
func counted(n, places, halves int64) *Cell {
	c := new(Cell)
	c.word.Store(n<<partBits + places)
	c.halves.Store(halves)
	return c
}

func TestAdmissionsAreCountedBeyondTheRangeOfTheWord(t *testing.T) {
	half, whole := int64(1)<<(countBits-1), int64(1)<<countBits
	for _, free := range []int64{3, 0, -2} {
		for halves, near := range []int64{half - 2, whole - 2} {
			c := counted(near, free, int64(halves))
			for n := range int64(4) {
				assert.Equal(t, near+n, c.admitted())
				assert.Equal(t, free, places(c.word.Load()))
				c.admit()
			}
			assert.EqualValues(t, halves+1, c.halves.Load())
		}
	}
}

func TestACrossingNotYetInHalvesIsCounted(t *testing.T) {
	half, whole := int64(1)<<(countBits-1), int64(1)<<countBits
	assert.Equal(t, half, counted(half, 0, 0).admitted())
	assert.Equal(t, half, counted(half, 0, 1).admitted())
	assert.Equal(t, whole, counted(whole, 0, 1).admitted())
	assert.Equal(t, whole, counted(whole, 0, 2).admitted())
}

func TestEnterCountsACrossing(t *testing.T) {
	g := made(Config{Limit: 5})
	g.main.word.Add((int64(1)<<(countBits-1) - 1) << partBits)
	before := g.Snapshot().Admitted
	g.Leave(cellOf(g.Enter()))
	assert.Equal(t, before+1, g.Snapshot().Admitted)
	assert.EqualValues(t, 1, g.main.halves.Load())
	g.Leave(cellOf(g.Enter()))
	assert.Equal(t, before+2, g.Snapshot().Admitted)
	assert.EqualValues(t, 1, g.main.halves.Load())
}

func TestThePartsOfAWordAreIndependent(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		n, free := rnd.Int64N(1<<countBits), rnd.Int64N(1<<32)-1<<31+1
		closed := rnd.IntN(2) == 0
		w := n<<partBits + free
		if closed {
			w -= shut
		}
		require.Equal(t, n, count(w))
		require.Equal(t, closed, isShut(w))
		require.Equal(t, free > 0 && !closed, isFree(w))
	}
}

func TestFreeReportsNoMomentWhileCellsChange(t *testing.T) {
	g := spreadGate(t, 64, 0)
	n, moment := g.spread.Load().free()
	assert.True(t, moment)
	assert.EqualValues(t, 64, n)
	empty := spread{make([]Cell, 2)}
	n, moment = empty.free()
	assert.True(t, moment)
	assert.Zero(t, n)
}

// Callers acquire and release on all cores while the limit changes, so the gate is spread
// and gathered many times. It never admits more than the largest limit, and at the end
// all its places are free.
func TestPlacesAreConservedWhileTheGateIsSpreadAndGathered(t *testing.T) {
	twoProcessors(t)
	for _, maxQueue := range []int{0, 50} {
		g := made(Config{Limit: 64, MaxQueue: maxQueue})
		var in atomic.Int64
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), 5))
				for range 300 {
					p, err := acquire(t.Context(), g)
					if err != nil {
						runtime.Gosched()
						continue
					}
					assert.LessOrEqual(t, in.Add(1), int64(66))
					for range rnd.IntN(4) {
						runtime.Gosched()
					}
					in.Add(-1)
					g.Leave(p)
					if rnd.IntN(50) == 0 {
						g.spreadOut()
					}
				}
			})
		}
		all.Go(func() {
			for range 200 {
				g.SetLimit(66)
				_ = g.Snapshot()
				_ = g.Idle()
				runtime.Gosched()
				g.SetLimit(64)
			}
		})
		all.Wait()
		s := g.Snapshot()
		assert.Zero(t, s.InUse+s.Waiting)
		assert.EqualValues(t, 100*300, s.Admitted+s.Rejected)
		assert.True(t, g.Idle())
		assert.Len(t, enterAll(t, g, 64), 64)
		assert.Nil(t, cellOf(g.enterOrFull()))
	}
}

func TestExhaustedReportsTheLastFreePlace(t *testing.T) {
	spread := spreadGate(t, 64, 0)
	queued := made(Config{Limit: 1, MaxQueue: 1})
	for name, g := range map[string]*Gate{"one cell": made(Config{Limit: 3}), "cells": spread, "a queue": queued} {
		limit := g.Limit()
		for n := range limit {
			c, left := g.Enter()
			require.NotNil(t, c)
			require.Equal(t, n == limit-1, g.Exhausted(c, left), "%s: place %d of %d", name, n+1, limit)
		}
	}
	full := spread.main.word.Load()
	assert.True(t, isShut(full), "its places are spread")
	assert.Nil(t, spread.TryEnter())
	assert.True(t, spread.Exhausted(&spread.main, 0))
	var gone Cell
	assert.True(t, spread.Exhausted(&gone, 0), "a cell that was gathered while the gate is full")
	spread.Leave(&spread.main)
	assert.False(t, spread.Exhausted(&gone, 0))
}

func TestASlowEntryIsCrowdedIfItTookTheLastPlaceOrWaited(t *testing.T) {
	g := made(Config{Limit: 2, MaxQueue: 1})
	for n := range 2 {
		e, err := g.EnterSlowly(t.Context())
		require.NoError(t, err)
		assert.Equal(t, n == 1, e.Crowded)
	}
	ctx := policy.WithSpeculative(t.Context())
	_, err := g.EnterSlowly(ctx)
	require.ErrorIs(t, err, policy.ErrRejected)
	waited := make(chan bool)
	go func() {
		e, err := g.EnterSlowly(context.Background())
		waited <- err == nil && e.Crowded
	}()
	for g.Snapshot().Waiting == 0 {
		runtime.Gosched()
	}
	g.Leave(&g.main)
	assert.True(t, <-waited)
}
