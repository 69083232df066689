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

// Gate bounds how many calls run at a time. Make one with [NewGate]; the zero Gate is
// not usable. It has no type parameter, so calls of any result type can share it, and it
// is safe for concurrent use. It starts no goroutine.
//
// A place is handed over: while calls wait, a place that is given back goes to the first
// of them, and no newcomer can take it before.
type Gate struct {
	main   cell // all free places, unless they are spread
	spread atomic.Pointer[spread]
	// The next four do not change.
	maxQueue int
	width    int64  // cells of a spread; 0 if there is one processor, and no use for them
	cfg      Config // as it was given
	born     time.Time

	limit    atomic.Int64 // changed under mu
	full     atomic.Pointer[FullError]
	rejected counter.Counter
	waits    atomic.Int64 // queue.n, to guess without mu whether there is room

	// mu guards the queue and whatever else is decided by more than one word: without it,
	// two that hand over a place could both give it to the head, and a waiter could leave
	// while a place is on its way to it. It is never held across a call out.
	mu       atomic.Mutex
	queue    queue
	queueing bool  // the main cell is shut, since calls wait
	emptyAt  int64 // when the queue was last empty, on the gate's clock; for Delay
	gathered int64 // admissions of cells that are no more
}

// NewGate returns a gate as cfg says. It panics with Validate's error.
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

// enter takes a place if one is free and no call waits, and returns the cell that it is
// from. Nil may come from a gate with places in cells that it has just missed; see
// enterOrFull.
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

// enterAnywhere is enter for a call that met another, or an empty cell.
func (g *Gate) enterAnywhere() *cell {
	for {
		if s := g.spread.Load(); s != nil {
			return s.take()
		}
		w := g.main.word.Load()
		if !isFree(w) {
			return nil
		}
		// There are places, so it was another call that came between.
		if !g.spreadOut() && g.main.word.CompareAndSwap(w, w+taking) {
			g.main.crossing(w, w+taking)
			return &g.main
		}
	}
}

// enterOrFull is enter with an exact nil: there was a moment in the call at which no
// place was free, or calls waited.
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

// isFull reports whether the main cell is open and has nothing: all places are in use at
// the moment of the load.
func (g *Gate) isFull() bool {
	w := g.main.word.Load()
	return !isFree(w) && !isShut(w)
}

// leave gives a place back to the cell that it was taken from. The add and the look at
// whether the cell is shut are one operation: a call that begins to wait shuts the cell
// and then looks for places again, so one of the two sees the other.
func (g *Gate) leave(c *cell) {
	if isShut(c.word.Add(1)) {
		g.leaveShut(c)
	}
}

// leaveShut is leave for a cell that is shut. If that is not the main cell, it is no
// more, and the place goes on to the main cell.
func (g *Gate) leaveShut(c *cell) {
	if c != &g.main && !isShut(g.main.word.Add(1)) {
		return
	}
	g.mu.Lock()
	grants := g.settle()
	g.mu.Unlock()
	grants.wake()
}

// settle brings places that have gone back to a shut main cell to where calls find them,
// and returns who is to be woken. It needs mu.
func (g *Gate) settle() woken {
	s := g.spread.Load()
	if s == nil {
		return g.handOver()
	}
	// Nobody waits at a spread gate. Places are taken out before they are put into a cell:
	// in both, they could be taken twice.
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

// handOver gives free places to the head of the queue, and opens the main cell with the
// last waiter's. It needs mu, and a gate that is not spread.
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
			continue // a place has gone back meanwhile
		}
		x := g.queue.next()
		g.unqueue(x, granted)
		g.queueing = g.queue.n > 0
		grants.push(x)
	}
	return grants
}

// unqueue takes w out of the queue. It needs mu.
func (g *Gate) unqueue(w *waiter, state uint8) {
	g.queue.remove(w)
	g.waits.Store(int64(g.queue.n))
	w.state = state
}

// reopen opens the main cell if the last waiter has left. It needs mu.
func (g *Gate) reopen() {
	if g.queueing && g.queue.n == 0 {
		g.queueing = false
		g.main.word.Add(shut)
	}
}

// TryAcquire takes a place if one is free and no call waits. Otherwise it returns false,
// and a zero Place. The caller must release the place.
func (g *Gate) TryAcquire() (Place, bool) {
	c := g.enterOrFull()
	if c == nil {
		g.rejected.Inc()
		return Place{}, false
	}
	return Place{gate: g, cell: c}, true
}

// Acquire takes a place, and waits for one if the gate has a queue with room. The caller
// must release the place, by defer usually.
//
// It returns a *[FullError] if there was no place, and if MaxWait, Delay or a call of a
// higher priority ended the wait. If ctx has ended when it is called, it returns what
// [policy.Ended] returns, and if ctx ends while it waits, an error that matches that and
// [policy.ErrRejected]. A place that is granted in the instant in which ctx ends goes to
// the next. A ctx that is speculative, as [policy.Speculative] defines, never waits.
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

// enterSlowly is Acquire for a call that found no place at first.
func (g *Gate) enterSlowly(ctx context.Context) (*cell, error) {
	if g.maxQueue == 0 && g.isFull() { // the load that is shed should cost little
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

// refused ends the wait of a call that is refused. One that has left since ctx has ended
// is still said to wait: until it is back, a timeout that would abandon it knows by that
// why its function did not run.
func refused(wait *turn.Wait, err error) error {
	if _, full := err.(*FullError); full { //nolint:errorlint // it is not wrapped
		wait.End()
	}
	return err
}

// begin ends the wait of a call that has a place in c. A timeout that would abandon the
// call may have found it waiting when ctx ended: then the function must not run.
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

// SetLimit changes how many calls may run at a time, from now on. Raised, it admits
// calls that wait, at once. Lowered below the number of calls that run, it interrupts
// none of them, and admits no call until enough of them have ended. SetLimit panics if n
// is not in 1 to 2147483647.
func (g *Gate) SetLimit(n int) {
	if n < 1 || n > maxLimit {
		panic(fmt.Sprintf("bulkhead: Gate.SetLimit: n is %d, want 1 to %d", n, maxLimit))
	}
	g.mu.Lock()
	g.gather() // else calls would take from the cells what the limit no longer allows
	if n != int(g.limit.Load()) {
		g.full.Store(&FullError{Name: g.cfg.Name, Limit: n, MaxQueue: g.maxQueue})
	}
	// One add: the word holds what is free, so no call is admitted by a limit that it read
	// before.
	g.main.word.Add(int64(n) - g.limit.Load())
	g.limit.Store(int64(n))
	grants := g.handOver()
	g.mu.Unlock()
	grants.wake()
}
