package gate

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// arrival is the outcome for a call that found no place at first: a place, a refusal, or
// a waiter in the queue.
type arrival struct {
	cell   *Cell // cell of the place, also for a waiter that is granted one later
	left   int64 // places left in the cell
	waiter *waiter
	reason string // Reason of a refusal
	err    error
}

// arrive takes a place or joins the queue.
func (g *Gate) arrive(ctx context.Context) arrival {
	r := g.rules.Load()
	for ; r.MaxQueue == 0; r = g.rules.Load() {
		if c, left := g.enterOrFull(); c != nil {
			return arrival{cell: c, left: left}
		}
		if r == g.rules.Load() { // otherwise a queue may be open: see obey
			return g.refuse(ReasonQueueFull)
		}
	}
	if policy.Speculative(ctx) {
		if c, left := g.enterOrFull(); c != nil {
			return arrival{cell: c, left: left}
		}
		return g.refuse(ReasonSpeculative)
	}
	j := joining{gate: g, priority: r.priority(ctx)}
	if g.waits.Load() < int64(r.MaxQueue) { // an estimate, so that a refused call reads no clock and allocates nothing
		if r.Delay.on() {
			j.readClock()
		}
		j.makeWaiter()
	}
	for {
		g.mu.Lock()
		a, decided := j.decide()
		g.mu.Unlock()
		j.wake.wake()
		if decided {
			return a
		}
		j.prepare()
	}
}

// refuse counts and returns a refusal.
func (g *Gate) refuse(reason string) arrival {
	g.rejected.Inc()
	return arrival{reason: reason, err: g.refusal()}
}

// joining is a call that is about to join the queue.
type joining struct {
	gate     *Gate
	priority policy.Priority
	now      int64 // set if timed
	timed    bool
	waiter   *waiter
	wake     woken
}

// prepare does what decide needs under the lock: Reconfigure may have turned on Delay or
// the queue since the call arrived.
func (j *joining) prepare() {
	if !j.timed && j.gate.rules.Load().Delay.on() {
		j.readClock()
	}
	if j.waiter == nil {
		j.makeWaiter()
	}
}

func (j *joining) readClock() { j.now, j.timed = j.gate.now(), true }

// makeWaiter is called without the lock, because NewWaiter calls the user's clock.
func (j *joining) makeWaiter() {
	g := j.gate
	j.waiter = &waiter{gate: g, priority: j.priority, ready: policy.NewWaiter(g.clock)}
	if g.clock != nil && g.rules.Load().MaxWait > 0 {
		j.waiter.since, j.waiter.timed = g.now(), true
	}
}

// decide decides about the call, by the config in force under the lock: one that was loaded
// before could let more calls wait than Reconfigure has just allowed. decided is false if
// the queue has room but the call is not prepared to join it. The caller holds mu.
func (j *joining) decide() (a arrival, decided bool) {
	g := j.gate
	r := g.rules.Load()
	g.gather()
	// A goroutine that released a place may be about to take the lock. If the place is
	// handed over now, the queue has room. So a refusal means that the gate and the queue
	// were both full.
	j.wake = g.handOver()
	if ok, left := g.main.take(); ok { // it is shut if calls still wait
		return arrival{cell: &g.main, left: left}, true
	}
	least := (*waiter)(nil)
	if g.queue.n >= r.MaxQueue {
		if least = g.queue.least(); r.MaxQueue == 0 || least.priority >= j.priority {
			return g.refuse(ReasonQueueFull), true
		}
	}
	if j.waiter == nil || r.Delay.on() && !j.timed {
		return arrival{}, false
	}
	if g.queue.n == 0 { // asked before a call is displaced: that does not empty the queue
		g.emptyAt = j.now
	}
	if least != nil {
		g.unqueue(least, displaced)
		g.rejected.Inc()
		j.wake.push(least)
	}
	j.join(r)
	return arrival{cell: &g.main, waiter: j.waiter}, true
}

// join adds the waiter to the queue. The caller holds mu.
func (j *joining) join(r *rules) {
	g, w := j.gate, j.waiter
	first := r.Order == LIFO
	w.patience = int64(r.MaxWait)
	if d := r.Delay; d.on() {
		limit := d.Interval
		if g.emptyAt-j.now > int64(d.Interval) { // the clock was set back
			g.emptyAt = j.now
		}
		if j.now-g.emptyAt > int64(d.Interval) {
			limit = d.Target
			first = first || r.Order == Adaptive
		}
		if w.patience == 0 || w.patience > int64(limit) {
			w.patience = int64(limit)
		}
	}
	g.queue.push(w, first)
	g.waits.Store(int64(g.queue.n))
	if g.queueing {
		return
	}
	// Shut first, then look again: a place returned between the last look and the shut is
	// handed over here, and a later one finds the cell shut.
	g.queueing = true
	g.main.word.Add(-shut)
	grants := g.handOver()
	if grants.first != nil {
		j.wake.push(grants.first) // only w: it is the first waiter
	}
}

// arm starts the timer that bounds the wait. It is stopped by wait or drop. MaxWait counts
// from the arrival: a test that sees the call in the queue may move its clock before the
// timer is there.
func (w *waiter) arm() {
	left := w.patience
	if w.timed {
		left -= max(0, w.gate.now()-w.since)
	}
	switch {
	case w.patience == 0: // until its context ends
	case left <= 0:
		w.expire()
	default:
		w.stop = policy.AfterFunc(w.gate.clock, time.Duration(left), w.expire)
	}
}

func (w *waiter) disarm() {
	if w.stop != nil {
		w.stop()
	}
}

// wait waits until the call has a place. If it returns an error, the call is refused and
// why is the Reason of its event.
func (w *waiter) wait(ctx context.Context) (why string, err error) {
	g := w.gate
	defer w.disarm()
	err = w.ready.Wait(ctx)
	if err == nil {
		err = policy.Ended(ctx) // the end of ctx wins over a grant
	}
	if err != nil && w.left() {
		w.done = true
		return whyLeft(ctx), &leftError{g, err}
	}
	// The state was written under the lock before Wake, or left has held the lock since.
	switch w.state {
	case expired:
		why = ReasonMaxWait
	case displaced:
		why = ReasonDisplaced
	default:
		g.main.admit()
		return "", nil
	}
	w.done = true
	return why, g.refusal()
}

// whyLeft returns the Reason of a call whose caller has left.
func whyLeft(ctx context.Context) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ReasonDeadline
	}
	return ReasonCanceled
}

// left removes w from the queue, or passes on the place that it was granted. It returns
// false if the gate has already refused the call.
func (w *waiter) left() bool {
	g := w.gate
	g.mu.Lock()
	state := w.state
	switch state {
	case waiting:
		g.unqueue(w, gone)
		g.reopen()
	case granted:
		w.state = gone
	}
	g.mu.Unlock()
	if state == granted {
		g.Leave(&g.main)
	}
	return state == waiting || state == granted
}

// expire ends the wait of w, unless it has ended.
func (w *waiter) expire() {
	g := w.gate
	g.mu.Lock()
	grants := g.handOver() // a place that was returned meanwhile is still used
	if w.state == waiting {
		g.unqueue(w, expired)
		g.reopen()
		g.rejected.Inc()
		grants.push(w)
	}
	g.mu.Unlock()
	grants.wake()
}

// drop is deferred for a goroutine that ends during its wait, by a panic of an observer
// or of the clock. It returns the place in the queue or in the gate.
func (w *waiter) drop() {
	if !w.done {
		w.disarm()
		w.left()
	}
}
