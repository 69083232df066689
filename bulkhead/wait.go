package bulkhead

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// arrival is what a call came to that found no place at first: a place, a refusal, or a
// waiter that is in the queue.
type arrival struct {
	cell   *cell // of the place that it has, or will have if its waiter is granted one
	waiter *waiter
	reason string // of a refusal
	err    error
}

// arrive takes a place, or else joins the queue.
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
	if g.waits.Load() < int64(g.maxQueue) { // a guess: a call that is refused allocates nothing
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

// atOnce takes a place, or else refuses the call.
func (g *Gate) atOnce(reason string) arrival {
	if c := g.enterOrFull(); c != nil {
		return arrival{cell: c}
	}
	g.rejected.Inc()
	return arrival{reason: reason, err: g.full.Load()}
}

func (g *Gate) priority(ctx context.Context) policy.Priority {
	if g.cfg.Priority != nil {
		return g.cfg.Priority(ctx)
	}
	return policy.PriorityOf(ctx)
}

// joining is a call on its way into the queue.
type joining struct {
	gate     *Gate
	priority policy.Priority
	now      int64 // with Delay
	waiter   *waiter
	wake     woken
}

// makeWaiter is called without the lock: to make a waiter on a clock is a call out.
func (j *joining) makeWaiter() {
	j.waiter = &waiter{gate: j.gate, priority: j.priority, ready: policy.NewWaiter(j.gate.cfg.Clock)}
}

// decide says what becomes of the call. It is not decided if there is room and no waiter
// has been made. It needs mu.
func (j *joining) decide() (a arrival, decided bool) {
	g := j.gate
	g.gather()
	// Who gave a place back may be about to take the lock. Handed over now, the place
	// leaves room in the queue: a refusal is then one of a full gate with a full queue.
	j.wake = g.handOver()
	if g.main.take() { // it is shut if calls still wait
		return arrival{cell: &g.main}, true
	}
	least := (*waiter)(nil)
	if g.queue.n >= g.maxQueue {
		if least = g.queue.least(); least.priority >= j.priority {
			g.rejected.Inc()
			return arrival{reason: ReasonQueueFull, err: g.full.Load()}, true
		}
	}
	if j.waiter == nil {
		return arrival{}, false
	}
	if least != nil {
		g.unqueue(least, displaced)
		g.rejected.Inc()
		j.wake.push(least)
	}
	j.join()
	return arrival{cell: &g.main, waiter: j.waiter}, true
}

// join puts the waiter into the queue. It needs mu.
func (j *joining) join() {
	g, w := j.gate, j.waiter
	first := g.cfg.Order == LIFO
	w.patience = int64(g.cfg.MaxWait)
	if d := g.cfg.Delay; d.on() {
		if g.queue.n == 0 {
			g.emptyAt = j.now
		}
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
	// Shut first, then look again: a place that went back between our look and this is
	// ours to hand over, and one that goes back from now on finds the cell shut.
	g.queueing = true
	g.main.word.Add(-shut)
	grants := g.handOver()
	if grants.first != nil {
		j.wake.push(grants.first) // w alone: it was the first to wait
	}
}

// wait waits until the call has a place. If it returns an error the call is refused, and
// why is the Reason of its event.
func (w *waiter) wait(ctx context.Context) (why string, err error) {
	g := w.gate
	if w.patience > 0 {
		stop := policy.AfterFunc(g.cfg.Clock, time.Duration(w.patience), w.expire)
		defer stop()
	}
	err = w.ready.Wait(ctx)
	if err == nil {
		err = policy.Ended(ctx) // it wins over a grant: who has left needs no place
	}
	if err != nil && w.left() {
		w.done = true
		return whyLeft(ctx), &leftError{g.cfg.Name, err}
	}
	// The state was written under the lock before Wake, or left has had the lock since.
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
	return why, g.full.Load()
}

// whyLeft returns the reason of a call whose caller left.
func whyLeft(ctx context.Context) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ReasonDeadline
	}
	return ReasonCanceled
}

// left takes w out of the queue, or gives on the place that it was granted. It returns
// false if the gate has refused the call already.
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
		g.leave(&g.main)
	}
	return state == waiting || state == granted
}

// expire ends the wait of w, unless it has ended.
func (w *waiter) expire() {
	g := w.gate
	g.mu.Lock()
	grants := g.handOver() // a place that has gone back is used, even now
	if w.state == waiting {
		g.unqueue(w, expired)
		g.reopen()
		g.rejected.Inc()
		grants.push(w)
	}
	g.mu.Unlock()
	grants.wake()
}

// drop, deferred, is for a goroutine that ends in its wait, by a panic of an observer or
// of the clock: its place, in the queue or in the gate, must not go with it.
func (w *waiter) drop() {
	if !w.done {
		w.left()
	}
}
