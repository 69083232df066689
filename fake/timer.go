package fake

import (
	"fmt"
	"time"
)

// Timer sends the time on C once. It is what [time.Timer] is, in virtual time: no
// value from before a Stop or Reset is received after it. Make one with
// [Clock.NewTimer]; the zero Timer is not usable. It is safe for concurrent use.
type Timer struct {
	C <-chan time.Time
	alarm
}

// NewTimer returns a timer that sends the time when d has passed, or has sent it
// already if d is 0 or less. It does not move an [AutoAdvance] clock: it fires when a
// sleep, say, moves time past it.
func (c *Clock) NewTimer(d time.Duration) *Timer {
	t := &Timer{}
	t.C = t.init(c, c.originIn("NewTimer", d))
	c.mu.Lock()
	defer c.mu.Unlock()
	t.start(d)
	return t
}

// Stop keeps the timer from firing, and takes back a value that was not received. It
// reports whether there was either to stop.
func (t *Timer) Stop() bool {
	t.check("Timer.Stop", "NewTimer")
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.stop()
}

// Reset stops the timer and starts it anew, to fire in d from now. It reports what
// Stop would.
func (t *Timer) Reset(d time.Duration) bool {
	t.check("Timer.Reset", "NewTimer")
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	active := t.stop()
	t.start(d)
	return active
}

func (t *Timer) start(d time.Duration) {
	if d <= 0 {
		t.c <- t.clock.now()
		return
	}
	t.clock.add(d, t.entry)
}

// Ticker sends the time on C again and again. It is what [time.Ticker] is, in
// virtual time: a tick is dropped if the one before was not received, and none from
// before a Stop or Reset is received after it. Make one with [Clock.NewTicker]; the
// zero Ticker is not usable. It is safe for concurrent use.
type Ticker struct {
	C <-chan time.Time
	alarm
	period time.Duration // guarded by clock.mu
}

// NewTicker returns a ticker that sends the time whenever d has passed. It panics if
// d is not more than 0. It does not move an [AutoAdvance] clock. Stop it, or it goes
// on to count in Waiters.
func (c *Clock) NewTicker(d time.Duration) *Ticker {
	checkPeriod("Clock.NewTicker", d)
	t := &Ticker{period: d}
	t.C = t.init(c, c.originIn("NewTicker", d))
	send := t.entry.send
	t.entry.send = func(now time.Time) {
		send(now)
		if c.after(t.period) > c.elapsed { // else time has reached its end
			c.add(t.period, t.entry)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(d, t.entry)
	return t
}

// Stop ends the ticks, and takes back one that was not received. It does not close
// C.
func (t *Ticker) Stop() {
	t.check("Ticker.Stop", "NewTicker")
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	t.stop()
}

// Reset stops the ticker and starts it anew, with the next tick in d from now. It
// panics if d is not more than 0.
func (t *Ticker) Reset(d time.Duration) {
	t.check("Ticker.Reset", "NewTicker")
	checkPeriod("Ticker.Reset", d)
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	t.stop()
	t.period = d
	t.clock.add(d, t.entry)
}

func checkPeriod(method string, d time.Duration) {
	if d <= 0 {
		panic(fmt.Sprintf("fake: %s: d is %v, want more than 0", method, d))
	}
}

// alarm is what a Timer and a Ticker share: a channel with room for one value, and
// the entry that sends it. The value is sent under the clock's lock, and taken back
// under it: a value on its way from the queue to the channel would otherwise arrive
// after a Stop.
type alarm struct {
	clock *Clock
	c     chan time.Time
	entry *entry
}

func (a *alarm) init(c *Clock, from *origin) <-chan time.Time {
	a.clock, a.c = c, make(chan time.Time, 1)
	a.entry = &entry{halts: true, from: from, send: func(now time.Time) {
		select {
		case a.c <- now:
		default: // the last value was not received
		}
	}}
	return a.c
}

// stop needs the clock's mu.
func (a *alarm) stop() bool {
	active := a.clock.drop(a.entry)
	select {
	case <-a.c:
		return true
	default:
		return active
	}
}

func (a *alarm) check(method, by string) {
	if a.clock == nil {
		panic(fmt.Sprintf("fake: %s: the zero value has no clock; make it with Clock.%s", method, by))
	}
}
