package fake

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// mover is a call that moves time up to a certain time. Of all movers, the one with the
// earliest time has the turn, and gives it back after each thing that it fires. So the
// clock cannot pass the time of a call that has not returned.
type mover struct {
	at   time.Duration // on Clock.elapsed
	seq  int
	turn chan struct{} // closed when the mover may have the turn; nil if it does not wait
}

// Advance moves time by d. Before it returns, it fires everything that becomes due, in
// order of time and then of creation; Now returns the time of each while it fires. It
// panics if d is negative.
//
// Functions of AfterFunc run on the goroutine that calls Advance. They must not call
// Advance, AdvanceToNext or Set, nor, on an [AutoAdvance] clock, Sleep or After: that
// deadlocks.
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

// AdvanceToNext moves time to the next thing that is due and fires everything that is
// due then. It returns the time that has passed, or false if nothing waits for time.
// Concurrent calls run one after the other.
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

// Set sets the clock to t. If t is later than now, Set fires everything that becomes due,
// as Advance does. If t is earlier, it changes only what Now returns: everything that
// waits still waits as long as before, as when the wall clock of a machine is set back.
// Use Set to test code that compares wall times.
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

// line admits one call of Advance, AdvanceToNext or Set at a time. Two concurrent calls
// of AdvanceToNext would otherwise choose the same waiter, and two of Advance the same
// time. It is not a mutex, because synctest.Wait does not return while a goroutine waits
// for a mutex.
type line struct {
	busy    bool
	waiting []chan struct{} // in order; each is closed when its call may go on
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

// unlocked calls f with mu released. The caller holds mu.
func (c *Clock) unlocked(f func()) {
	c.mu.Unlock()
	defer c.mu.Lock()
	f()
}

// enter registers a mover. It is called with mu held, in the same step that computes at:
// otherwise time could pass at before the mover is registered.
func (c *Clock) enter(at time.Duration) *mover {
	c.seq++
	m := &mover{at: at, seq: c.seq}
	place, _ := slices.BinarySearchFunc(c.movers, m, func(a, b *mover) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq))
	})
	c.movers = slices.Insert(c.movers, place, m)
	return m
}

// leave removes m from the movers and passes the turn on. It is deferred, because what m
// fires may panic.
func (c *Clock) leave(m *mover) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.movers = slices.DeleteFunc(c.movers, func(o *mover) bool { return o == m })
	c.release(m)
}

// release ends the turn of m, if m has it, and wakes the next mover. It is called with mu
// held.
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

// move moves time to m.at, and leaves.
func (c *Clock) move(m *mover, stop func() bool, done <-chan struct{}) {
	defer c.leave(m)
	c.moveOn(m, stop, done)
}

// moveOn moves time to m.at. It returns earlier if stop returns true, which is called
// with mu held between steps, or if done is closed while m waits for its turn. Both may
// be nil.
func (c *Clock) moveOn(m *mover, stop func() bool, done <-chan struct{}) {
	for more := true; more; {
		more = c.await(m, done) && c.step(m, stop)
	}
}

// await waits for the turn of m. It returns false if done is closed first.
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
			settle() // the mover that has just left may call Sleep again, with an earlier time
		case <-done:
			return false
		}
	}
}

// settle lets other goroutines run. It is called only on AutoAdvance clocks: on others
// there is one mover at a time, which never waits for its turn.
func settle() {
	for range yields {
		runtime.Gosched()
	}
}

// yields is about the number of yields that it takes another processor to start a
// goroutine.
const yields = 32

// step fires the next thing that is due by m.at, or moves time to m.at if there is none,
// and gives the turn back. It returns false if there is nothing left to do.
func (c *Clock) step(m *mover, stop func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.release(m)
	if stop != nil && stop() {
		return false
	}
	if c.movers[0] != m { // stop has released mu, and an earlier mover may have come
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
