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
	if g.maxQueue == 0 {
		return g.atOnce(ReasonQueueFull)
	}
	if policy.Speculative(ctx) {
		return g.atOnce(ReasonSpeculative)
	}
	j := joining{gate: g, priority: g.priority(ctx)}
	if g.cfg.Delay.on() {
		j.now = g.now()
	}
	if g.waits.Load() < int64(g.maxQueue) { // an estimate, so that a refused call allocates nothing
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
		j.wake = woken{}
		j.makeWaiter()
	}
}

// atOnce takes a place or refuses the call.
func (g *Gate) atOnce(reason string) arrival {
	if c, left := g.enterOrFull(); c != nil {
		return arrival{cell: c, left: left}
	}
	g.rejected.Inc()
	return arrival{reason: reason, err: g.refusal()}
}

func (g *Gate) priority(ctx context.Context) policy.Priority {
	if g.cfg.Priority != nil {
		return g.cfg.Priority(ctx)
	}
	return policy.PriorityOf(ctx)
}

// joining is a call that is about to join the queue.
type joining struct {
	gate     *Gate
	priority policy.Priority
	now      int64 // only set with Delay
	waiter   *waiter
	wake     woken
}

// makeWaiter is called without the lock, because NewWaiter calls the user's clock.
func (j *joining) makeWaiter() {
	j.waiter = &waiter{gate: j.gate, priority: j.priority, ready: policy.NewWaiter(j.gate.cfg.Clock)}
}

// decide decides about the call. decided is false if the queue has room but no waiter has
// been made. The caller holds mu.
func (j *joining) decide() (a arrival, decided bool) {
	g := j.gate
	g.gather()
	// A goroutine that released a place may be about to take the lock. If the place is
	// handed over now, the queue has room. So a refusal means that the gate and the queue
	// were both full.
	j.wake = g.handOver()
	if ok, left := g.main.take(); ok { // it is shut if calls still wait
		return arrival{cell: &g.main, left: left}, true
	}
	least := (*waiter)(nil)
	if g.queue.n >= g.maxQueue {
		if least = g.queue.least(); least.priority >= j.priority {
			g.rejected.Inc()
			return arrival{reason: ReasonQueueFull, err: g.refusal()}, true
		}
	}
	if j.waiter == nil {
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
	j.join()
	return arrival{cell: &g.main, waiter: j.waiter}, true
}

// join adds the waiter to the queue. The caller holds mu.
func (j *joining) join() {
	g, w := j.gate, j.waiter
	first := g.cfg.Order == LIFO
	w.patience = int64(g.cfg.MaxWait)
	if d := g.cfg.Delay; d.on() {
		limit := d.Interval
		if j.now-g.emptyAt > int64(d.Interval) {
			limit = d.Target
			first = first || g.cfg.Order == Adaptive
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

// wait waits until the call has a place. If it returns an error, the call is refused and
// why is the Reason of its event.
func (w *waiter) wait(ctx context.Context) (why string, err error) {
	g := w.gate
	if w.patience > 0 {
		stop := policy.AfterFunc(g.cfg.Clock, time.Duration(w.patience), w.expire)
		defer stop()
	}
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
		w.left()
	}
}
