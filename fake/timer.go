package fake

import (
	"fmt"
	"time"
)

// Timer sends the time on C once. It behaves as [time.Timer] does, in virtual time: after
// a Stop or Reset, C holds no value from before. Create one with [Clock.NewTimer]; the
// methods of a zero Timer panic. A Timer is safe for concurrent use.
type Timer struct {
	C <-chan time.Time
	alarm
}

// NewTimer returns a timer that sends the time when d has passed. If d is 0 or less, it
// has sent the time already. It does not move an [AutoAdvance] clock; it fires when a
// Sleep, for example, moves time that far.
func (c *Clock) NewTimer(d time.Duration) *Timer {
	t := &Timer{}
	t.C = t.init(c, c.originIn("NewTimer", d))
	c.mu.Lock()
	defer c.mu.Unlock()
	t.start(d)
	return t
}

// Stop stops the timer and removes a value that was not received from C. It reports
// whether the timer was running or there was such a value.
func (t *Timer) Stop() bool {
	t.check("Timer.Stop", "NewTimer")
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.stop()
}

// Reset stops the timer and starts it again with the duration d. It returns what Stop
// would return.
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

// Ticker sends the time on C at intervals. It behaves as [time.Ticker] does, in virtual
// time: it drops a tick if the last one was not received, and after a Stop or Reset, C
// holds no tick from before. Create one with [Clock.NewTicker]; the methods of a zero
// Ticker panic. A Ticker is safe for concurrent use.
type Ticker struct {
	C <-chan time.Time
	alarm
	period time.Duration // guarded by clock.mu
}

// NewTicker returns a ticker that sends the time whenever d has passed. It panics if d is
// 0 or less. It does not move an [AutoAdvance] clock. A ticker counts in Waiters until
// it is stopped.
func (c *Clock) NewTicker(d time.Duration) *Ticker {
	checkPeriod("Clock.NewTicker", d)
	t := &Ticker{period: d}
	t.C = t.init(c, c.originIn("NewTicker", d))
	send := t.entry.send
	t.entry.send = func(now time.Time) {
		send(now)
		if c.after(t.period) > c.elapsed { // otherwise time has reached its end
			c.add(t.period, t.entry)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(d, t.entry)
	return t
}

// Stop stops the ticker and removes a tick that was not received from C. It does not
// close C.
func (t *Ticker) Stop() {
	t.check("Ticker.Stop", "NewTicker")
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	t.stop()
}

// Reset stops the ticker and starts it again with the interval d. It panics if d is 0 or
// less.
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

// alarm is the common part of Timer and Ticker: a channel with room for one value, and
// the entry that sends it. The value is sent, and removed, under the clock's lock. A
// value that had left the queue and not reached the channel would otherwise arrive after
// a Stop.
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

// stop is called with the clock's mu held.
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
		panic(fmt.Sprintf("fake: %s: the zero value has no clock; create it with Clock.%s", method, by))
	}
}
