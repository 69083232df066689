package fake

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// mover is a call that moves time up to a moment. Of all movers, the one with the
// earliest moment has the turn; it gives the turn back after everything that it
// fires. So time cannot pass the moment of a call that has not returned yet.
type mover struct {
	at   time.Duration // on Clock.elapsed
	seq  int
	turn chan struct{} // closed when the turn may be this mover's; nil if it does not wait
}

// Advance moves time by d and fires what falls due on the way, in order of time,
// then of creation, with Now at the time of each, all before it returns. It panics
// if d is less than 0.
//
// Functions of AfterFunc run on this goroutine. They must not move time themselves,
// by Advance or, on an [AutoAdvance] clock, by Sleep or After: that deadlocks.
func (c *Clock) Advance(d time.Duration) {
	if d < 0 {
		panic(fmt.Sprintf("fake: Clock.Advance: d is %v, want 0 or more", d))
	}
	c.queueUp()
	defer c.nextInLine()
	c.mu.Lock()
	m := c.enter(c.after(d))
	c.mu.Unlock()
	c.move(m, nil, nil)
}

// AdvanceToNext moves time to the next thing that waits and fires what is due then.
// It returns by how much it moved, and false if nothing waits for time. Of two
// concurrent calls, the second sees what the first has left.
func (c *Clock) AdvanceToNext() (time.Duration, bool) {
	c.queueUp()
	defer c.nextInLine()
	c.mu.Lock()
	if len(c.queue) == 0 {
		c.mu.Unlock()
		return 0, false
	}
	at := max(c.elapsed, c.queue[0].at)
	d := at - c.elapsed
	m := c.enter(at)
	c.mu.Unlock()
	c.move(m, nil, nil)
	return d, true
}

// Set makes the clock read t. Forwards it fires what falls due on the way, as
// Advance does. Backwards it fires nothing, and what waits goes on to wait for as
// long as before: only the reading changes, as when the wall clock of a machine is
// set back. Use it to test code that reads the time from the wall.
func (c *Clock) Set(t time.Time) {
	c.queueUp()
	defer c.nextInLine()
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := t.Sub(c.now()); d > 0 {
		m := c.enter(c.after(d))
		c.unlocked(func() { c.move(m, nil, nil) })
	}
	c.base = t.Round(0).Add(-c.elapsed)
}

// line lets one goroutine at a time call Advance, AdvanceToNext or Set. Two calls of
// AdvanceToNext would otherwise choose the same waiter, two of Advance the same
// moment. It is not a mutex: a goroutine that is blocked on one keeps synctest.Wait
// from returning.
type line struct {
	busy    bool
	waiting []chan struct{} // each closed when the line is handed over, in order
}

func (c *Clock) queueUp() {
	c.mu.Lock()
	if !c.advance.busy {
		c.advance.busy = true
		c.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	c.advance.waiting = append(c.advance.waiting, turn)
	c.mu.Unlock()
	<-turn
}

func (c *Clock) nextInLine() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.advance.waiting) == 0 {
		c.advance.busy = false
		return
	}
	close(c.advance.waiting[0])
	c.advance.waiting = c.advance.waiting[1:]
}

// unlocked calls f without mu, which the caller holds.
func (c *Clock) unlocked(f func()) {
	c.mu.Unlock()
	defer c.mu.Lock()
	f()
}

// enter registers a mover. It needs mu, so that the moment and the mover are fixed
// in one step: time could otherwise pass the moment in between.
func (c *Clock) enter(at time.Duration) *mover {
	c.seq++
	m := &mover{at: at, seq: c.seq}
	place, _ := slices.BinarySearchFunc(c.movers, m, func(a, b *mover) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq))
	})
	c.movers = slices.Insert(c.movers, place, m)
	return m
}

// leave takes m off the movers and passes the turn on, also if what m fired has
// panicked.
func (c *Clock) leave(m *mover) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.movers = slices.DeleteFunc(c.movers, func(o *mover) bool { return o == m })
	c.release(m)
}

// release ends m's turn, if it has it, and wakes the mover that is next. It needs
// mu.
func (c *Clock) release(m *mover) {
	if c.holder == m {
		c.holder = nil
	}
	if c.holder != nil || len(c.movers) == 0 {
		return
	}
	if next := c.movers[0]; next.turn != nil {
		close(next.turn)
		next.turn = nil
	}
}

// move moves time to m's moment, and leaves.
func (c *Clock) move(m *mover, stop func() bool, done <-chan struct{}) {
	defer c.leave(m)
	c.moveOn(m, stop, done)
}

// moveOn moves time to m's moment. It ends earlier if stop, called under mu between
// steps, returns true, or if done is closed while m waits for its turn. Either may
// be nil.
func (c *Clock) moveOn(m *mover, stop func() bool, done <-chan struct{}) {
	for more := true; more; {
		more = c.await(m, done) && c.step(m, stop)
	}
}

// await waits for m's turn, and reports whether it came before done was closed.
func (c *Clock) await(m *mover, done <-chan struct{}) bool {
	for {
		c.mu.Lock()
		if c.holder == nil && c.movers[0] == m {
			c.holder = m
			c.mu.Unlock()
			return true
		}
		turn := make(chan struct{})
		m.turn = turn
		c.mu.Unlock()
		select {
		case <-turn:
			settle() // the mover that has just left runs on, perhaps to wait again
		case <-done:
			return false
		}
	}
}

// settle lets other goroutines run. Only an AutoAdvance clock has movers that call it:
// Advance, AdvanceToNext and Set never wait for one another as movers.
func settle() {
	for range yields {
		runtime.Gosched()
	}
}

// yields is about as many as pass until another processor has started a goroutine.
const yields = 32

// step fires the next thing that is due by m's moment, or moves time to that moment
// if there is none, and gives the turn back. It returns false when there is nothing
// left to do.
func (c *Clock) step(m *mover, stop func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.release(m)
	if stop != nil && stop() {
		return false
	}
	if c.movers[0] != m { // stop may have let another one in
		return true
	}
	if len(c.queue) == 0 || c.queue[0].at > m.at {
		c.elapsed = max(c.elapsed, m.at)
		return false
	}
	if e := c.fire(); e.run != nil {
		c.unlocked(e.run)
	}
	return true
}
