package gate

import (
	"context"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/readings"
	"github.com/ductile-go/ductile/policy"
)

// A collision on the cell of such a gate is on the path of a success.
func TestACollisionThatSpreadsNothingAllocatesNothing(t *testing.T) {
	twoProcessors(t)
	busy := made(Config{Limit: 64})
	enterAll(t, busy, 49)
	for name, g := range map[string]*Gate{"few places": made(Config{Limit: 63}), "few free places": busy} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { g.spreadOut() }), name)
		assert.Nil(t, g.spread.Load(), name)
	}
}

// A call reads the clock only for Delay, and then once, also if it finds room in a queue that
// looked full to it.
func TestACallReadsTheClockOnceAndOnlyForDelay(t *testing.T) {
	for delay, want := range map[CoDel]int{{}: 0, codel: 1} {
		for _, seen := range []int64{0, 1} { // the estimate of the calls in the queue
			clk := readings.NewClock()
			g := asking(Config{Clock: clk, Delay: delay}, func(g *Gate) { g.waits.Store(seen) })
			read := clk.Of(func() {
				waited := goEnter(g)
				g.Leave(&g.main)
				require.NoError(t, <-waited)
			})
			assert.Equal(t, want, read, "delay %v, %d seen in the queue", delay, seen)
		}
	}
}

// scripted makes waiters that end their waits, and run what they are given when they are woken.
type scripted struct {
	*fake.Clock
	waiters chan policy.Waiter
}

func (s scripted) NewWaiter() policy.Waiter { return <-s.waiters }

type script struct{ wait, wake func() }

func (s script) Wait(context.Context) error { s.wait(); return nil }
func (s script) Wake()                      { s.wake() }

// The caller of a call that was granted a place has left. The next call is granted the place,
// and its clock panics when it is woken.
func TestAPlaceIsPassedOnOnceIfAWakePanics(t *testing.T) {
	clk := scripted{fake.NewClock(), make(chan policy.Waiter, 2)}
	g := made(Config{Limit: 1, MaxQueue: 2, Clock: clk})
	g.Enter()
	ctx, cancel := context.WithCancel(t.Context())
	var next *waiter
	clk.waiters <- script{wake: func() {}, wait: func() {
		j := joining{gate: g}
		j.makeWaiter()
		next = j.waiter
		g.mu.Lock()
		j.join(g.rules.Load())
		g.mu.Unlock()
		g.Leave(&g.main) // the call that runs ends
		cancel()
	}}
	clk.waiters <- script{wake: func() { panic("down") }}
	assert.PanicsWithValue(t, "down", func() { _, _ = g.EnterSlowly(ctx) })
	assert.Equal(t, granted, next.state)
	assert.Equal(t, 1, g.Snapshot().InUse, "the place of the next call")
	g.Leave(&g.main)
	assert.True(t, g.Idle())
}

// A call that has left may stay for long in an observer.
func TestACallThatHasLeftTheQueueKeepsNoOtherInMemory(t *testing.T) {
	var q queue
	kept, other := func() (*waiter, weak.Pointer[waiter]) {
		a, b := new(waiter), new(waiter)
		q.push(a, false)
		q.push(b, false)
		q.remove(b)
		q.remove(a)
		return b, weak.Make(a)
	}()
	runtime.GC()
	assert.Nil(t, other.Value())
	runtime.KeepAlive(kept)
}

func TestACallThatWasWokenKeepsNoOtherInMemory(t *testing.T) {
	kept, other := func() (*waiter, weak.Pointer[waiter]) {
		var l woken
		a, b := &waiter{ready: script{wake: func() {}}}, &waiter{ready: script{wake: func() {}}}
		l.push(a)
		l.push(b)
		l.wake()
		return a, weak.Make(b)
	}()
	runtime.GC()
	assert.Nil(t, other.Value())
	runtime.KeepAlive(kept)
}
