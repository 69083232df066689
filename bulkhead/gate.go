package bulkhead

import (
	"context"
	"fmt"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/counter"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/stripe"
	"github.com/ductile-go/ductile/internal/turn"
	"github.com/ductile-go/ductile/policy"
)

// Gate limits how many calls run at a time. Make one with [NewGate]; the zero Gate is not
// usable. It has no type parameter, so calls of any result type can share it. It is safe
// for concurrent use and starts no goroutine.
//
// A released place goes directly to the first waiting call; a newcomer cannot take it
// first.
type Gate struct {
	main   cell // all free places, unless they are spread
	spread atomic.Pointer[spread]
	// The next four fields do not change.
	maxQueue int
	width    int64  // number of cells of a spread; 0 on one processor, which needs none
	cfg      Config // as given to NewGate
	born     time.Time

	limit    atomic.Int64 // changed under mu
	full     atomic.Pointer[FullError]
	rejected counter.Counter
	waits    atomic.Int64 // copy of queue.n, to estimate without mu whether the queue has room

	// mu guards the queue and all decisions that involve more than one word. Without it,
	// two goroutines that hand over a place could both grant it to the head, and a waiter
	// could leave while it is being granted a place. It is never held across a call out.
	mu       atomic.Mutex
	queue    queue
	queueing bool  // calls wait, so the main cell is shut
	emptyAt  int64 // when the queue was last empty, on the gate's clock; for Delay
	gathered int64 // admissions of cells that were gathered
}

// NewGate returns a gate with the given config. It panics with the error of
// [Config.Validate].
func NewGate(cfg Config) *Gate {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	g := &Gate{maxQueue: cfg.MaxQueue, width: int64(stripe.Width()), cfg: cfg}
	if cfg.Clock != nil {
		g.born = cfg.Clock.Now()
	}
	g.main.word.Store(int64(cfg.Limit))
	g.limit.Store(int64(cfg.Limit))
	g.full.Store(&FullError{Name: cfg.Name, Limit: cfg.Limit, MaxQueue: cfg.MaxQueue})
	return g
}

// Name returns the gate's name.
func (g *Gate) Name() string { return g.cfg.Name }

// now returns the time on the gate's clock.
func (g *Gate) now() int64 {
	if g.cfg.Clock == nil {
		return mono.Now()
	}
	return int64(g.cfg.Clock.Now().Sub(g.born))
}

// enter takes a place if one is free and no call waits, and returns the cell of that
// place. It may return nil although another cell has a free place; see enterOrFull.
func (g *Gate) enter() *cell {
	c := &g.main
	if s := g.spread.Load(); s != nil {
		c = s.mine()
	}
	if w := c.word.Load(); isFree(w) && c.word.CompareAndSwap(w, w+taking) {
		if w^(w+taking) < 0 {
			c.halves.Add(1)
		}
		return c
	}
	return g.enterAnywhere()
}

// enterAnywhere continues enter after a collision, or after an empty cell.
func (g *Gate) enterAnywhere() *cell {
	for {
		if s := g.spread.Load(); s != nil {
			return s.take()
		}
		w := g.main.word.Load()
		if !isFree(w) {
			return nil
		}
		// The cell has free places, so another call has changed the word in between.
		if !g.spreadOut() && g.main.word.CompareAndSwap(w, w+taking) {
			g.main.crossing(w, w+taking)
			return &g.main
		}
	}
}

// enterOrFull is enter with an exact nil: at some moment during the call no place was
// free, or calls waited.
func (g *Gate) enterOrFull() *cell {
	if c := g.enter(); c != nil {
		return c
	}
	if g.isFull() {
		return nil
	}
	g.mu.Lock()
	g.gather()
	grants := g.handOver()
	ok := g.main.take() // it is shut if calls still wait
	g.mu.Unlock()
	grants.wake()
	if !ok {
		return nil
	}
	return &g.main
}

// isFull reports whether the main cell is open and empty: all places are in use at the
// moment of the load.
func (g *Gate) isFull() bool {
	w := g.main.word.Load()
	return !isFree(w) && !isShut(w)
}

// leave gives a place back to its cell. One atomic add both frees the place and reads
// whether the cell is shut. A call that starts to wait first shuts the cell and then
// looks for places again. So one of the two sees the other.
func (g *Gate) leave(c *cell) {
	if isShut(c.word.Add(1)) {
		g.leaveShut(c)
	}
}

// leaveShut is leave for a shut cell. A shut cell other than the main cell was gathered,
// so its place goes to the main cell.
func (g *Gate) leaveShut(c *cell) {
	if c != &g.main && !isShut(g.main.word.Add(1)) {
		return
	}
	g.mu.Lock()
	grants := g.settle()
	g.mu.Unlock()
	grants.wake()
}

// settle moves places that were returned to a shut main cell to where calls find them,
// and returns the waiters to wake. The caller holds mu.
func (g *Gate) settle() woken {
	s := g.spread.Load()
	if s == nil {
		return g.handOver()
	}
	// No call waits at a spread gate. Places are removed from the main cell before they
	// are added to another: a place in both could be taken twice.
	for {
		w := g.main.word.Load()
		free := places(w) + shut
		if free == 0 {
			return woken{}
		}
		if g.main.word.CompareAndSwap(w, w-free) {
			s.mine().word.Add(free)
			return woken{}
		}
	}
}

// handOver grants free places to the head of the queue. When it grants the last waiter's
// place, it opens the main cell. The caller holds mu, and the gate is not spread.
func (g *Gate) handOver() (grants woken) {
	for g.queue.n > 0 {
		w := g.main.word.Load()
		if places(w)+shut <= 0 {
			break
		}
		next := w - 1
		if g.queue.n == 1 {
			next += shut
		}
		if !g.main.word.CompareAndSwap(w, next) {
			continue // a place was returned meanwhile
		}
		x := g.queue.next()
		g.unqueue(x, granted)
		g.queueing = g.queue.n > 0
		grants.push(x)
	}
	return grants
}

// unqueue removes w from the queue. The caller holds mu.
func (g *Gate) unqueue(w *waiter, state uint8) {
	g.queue.remove(w)
	g.waits.Store(int64(g.queue.n))
	w.state = state
}

// reopen opens the main cell if the last waiter has left. The caller holds mu.
func (g *Gate) reopen() {
	if g.queueing && g.queue.n == 0 {
		g.queueing = false
		g.main.word.Add(shut)
	}
}

// TryAcquire takes a place if one is free and no call waits. Otherwise it returns false
// and a zero Place. The caller must release the place.
func (g *Gate) TryAcquire() (Place, bool) {
	c := g.enterOrFull()
	if c == nil {
		g.rejected.Inc()
		return Place{}, false
	}
	return Place{gate: g, cell: c}, true
}

// Acquire takes a place. It waits for one if all are in use and the queue has room. The
// caller must release the place, usually with defer.
//
// It returns a *[FullError] if there is no place, or if MaxWait, Delay or a call of a
// higher priority ended the wait. If ctx has ended before the call, it returns the error
// of [policy.Ended]. If ctx ends during the wait, the error matches that error and
// [policy.ErrRejected], and a place granted at the same moment goes to the next call. If
// ctx is speculative, as [policy.Speculative] defines, Acquire never waits.
func (g *Gate) Acquire(ctx context.Context) (Place, error) {
	if ctx.Err() != nil {
		return Place{}, policy.Ended(ctx)
	}
	c := g.enter()
	if c == nil {
		var err error
		if c, err = g.enterSlowly(ctx); err != nil {
			return Place{}, err
		}
	}
	return Place{gate: g, cell: c}, nil
}

// enterSlowly continues Acquire after it found no place.
func (g *Gate) enterSlowly(ctx context.Context) (*cell, error) {
	if g.maxQueue == 0 && g.isFull() { // shedding load must be cheap
		g.rejected.Inc()
		return nil, g.full.Load()
	}
	wait := turn.Begin(ctx)
	a := g.arrive(ctx)
	if a.err != nil {
		return nil, refused(wait, a.err)
	}
	if a.waiter != nil {
		defer a.waiter.drop()
		if _, err := a.waiter.wait(ctx); err != nil {
			return nil, refused(wait, err)
		}
		a.waiter.done = true
	}
	return g.begin(ctx, wait, a.cell)
}

// refused ends the wait of a call that was refused. A call that left because ctx ended
// remains marked as waiting until it returns: a timeout that abandons it reads from that
// mark that the function did not run.
func refused(wait *turn.Wait, err error) error {
	if _, full := err.(*FullError); full { //nolint:errorlint // it is not wrapped
		wait.End()
	}
	return err
}

// begin ends the wait of a call that has a place in c. A timeout that abandons the call
// may have seen it waiting when ctx ended; in that case the function must not run.
func (g *Gate) begin(ctx context.Context, wait *turn.Wait, c *cell) (*cell, error) {
	if wait == nil {
		return c, nil
	}
	wait.End()
	if err := policy.Ended(ctx); err != nil {
		g.leave(c)
		return nil, &leftError{g.cfg.Name, err}
	}
	return c, nil
}

// SetLimit changes how many calls may run at a time. A higher limit admits waiting calls
// at once. A limit below the number of running calls interrupts none of them, and admits
// no call until enough of them have ended. SetLimit panics if n is not in 1 to
// 2147483647.
func (g *Gate) SetLimit(n int) {
	if n < 1 || n > maxLimit {
		panic(fmt.Sprintf("bulkhead: Gate.SetLimit: n is %d, want 1 to %d", n, maxLimit))
	}
	g.mu.Lock()
	g.gather() // otherwise calls could take places from cells beyond the new limit
	if n != int(g.limit.Load()) {
		g.full.Store(&FullError{Name: g.cfg.Name, Limit: n, MaxQueue: g.maxQueue})
	}
	// One add suffices: the word holds the free places, so no call can be admitted by a
	// stale limit.
	g.main.word.Add(int64(n) - g.limit.Load())
	g.limit.Store(int64(n))
	grants := g.handOver()
	g.mu.Unlock()
	grants.wake()
}
