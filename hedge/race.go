package hedge

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// state is everything that the goroutines of a call decide about. It is immutable: each
// step replaces it with a new one by compare-and-swap. If two attempts win, a timer
// starts another, or the caller leaves at the same time, each step sees the steps before
// it. The step that decides the call therefore knows every attempt that it has to cancel.
type state[T any] struct {
	begun   int // attempts started, including the first
	running int
	first   bool // the first attempt has ended
	closed  bool // no further attempt starts
	// verdict is the attempt that decided the call: it won, panicked or called Goexit.
	// Once it is set, the state no longer changes, except if the caller's goroutine panics
	// or exits.
	verdict *attempt[T]
	over    bool          // the caller has left, panicked or exited
	extras  *attempt[T]   // extra attempts started, the newest first
	last    *attempt[T]   // the last failure
	until   time.Time     // no attempt starts before this time
	turn    *turn         // the pending wait for the next attempt
	waiter  policy.Waiter // the caller, if it waits
}

// decided reports whether an attempt that ends now is late.
func (s *state[T]) decided() bool { return s.verdict != nil || s.over }

// turn is a wait for the next attempt. A timer whose turn is no longer in the state
// starts nothing.
type turn struct {
	in time.Duration
	at time.Time
	// stop stops the timer. The goroutine that arms the timer stores stop and then checks
	// that the turn is still in the state; the goroutine that removes the turn from the
	// state loads stop afterwards. So one of the two sees the other, and no timer is left
	// running.
	stop atomic.Pointer[func() bool]
}

var (
	firstTurn turn // the first turn of every call; the call holds its timer
	noTurn    turn // no attempt is pending
)

// halt stops the turn's timer.
func (t *turn) halt() {
	if stop := t.stop.Load(); stop != nil {
		(*stop)()
	}
}

// look returns the state.
func (c *call[T]) look() *state[T] {
	if s := c.state.Load(); s != nil {
		return s
	}
	return c.hedge.initial
}

// move makes a step: edit changes a copy of the state, which then replaces it. If edit
// returns false, the state stays and after is nil. edit may run several times.
func (c *call[T]) move(edit func(s *state[T]) bool) (before, after *state[T]) {
	for {
		was := c.state.Load()
		if before = was; was == nil {
			before = c.hedge.initial
		}
		next := *before
		if !edit(&next) {
			return before, nil
		}
		if c.state.CompareAndSwap(was, &next) {
			return before, &next
		}
	}
}

// open reports whether another attempt may start.
func (c *call[T]) open(s *state[T]) bool {
	return !s.decided() && !s.closed && s.begun <= c.hedge.cfg.MaxExtra
}

// pending returns a turn that is due in d.
func (c *call[T]) pending(d time.Duration) *turn {
	if d <= 0 {
		return &noTurn
	}
	return &turn{in: d, at: policy.Now(c.hedge.cfg.Clock).Add(d)}
}

// arm starts the timer of a turn that is in the state.
func (c *call[T]) arm(t *turn) {
	if t == &noTurn {
		return
	}
	stop := policy.AfterFunc(c.hedge.cfg.Clock, t.in, func() { c.due(t) })
	t.stop.Store(&stop)
	if c.look().turn != t {
		stop()
	}
}

// due starts the next attempt because it is due. In real time it runs on its own
// goroutine. A user's clock may call it on the goroutine that advances time, so it must
// return soon.
func (c *call[T]) due(t *turn) {
	a := c.begin(t, byDelay)
	switch {
	case a == nil:
	case c.hedge.cfg.Clock == nil:
		c.runAll(a)
	default:
		policy.Go(c.hedge.cfg.Clock, func() { c.runAll(a) })
	}
}

// begin adds another attempt to the state, and returns it for the caller to run. It
// returns nil if no attempt starts: the call is decided, the caller has left, all
// attempts have started, or the budget is exhausted. t is the due turn, or nil for an
// attempt without one.
//
// The token is taken before the step, because a budget may read a user's clock, and is
// returned if the step fails.
func (c *call[T]) begin(t *turn, reason string) *attempt[T] {
	may := func(s *state[T]) bool { return c.open(s) && (t == nil || s.turn == t) }
	if !may(c.look()) || c.Context.Err() != nil {
		return nil
	}
	if !c.hedge.take() {
		if t != nil { // leastAgain: a tiny delay must not become a busy loop
			c.replace(may, c.pending(max(c.delay, leastAgain)))
		}
		return nil
	}
	following := c.pending(c.delay)
	a := &attempt[T]{call: c, reason: reason}
	a.Context, a.cancel = context.WithCancelCause(c.Context)
	a.Context = policy.WithSpeculative(a.Context)
	before, after := c.move(func(s *state[T]) bool {
		if !may(s) {
			return false
		}
		a.alone = s.running == 0
		s.begun++
		s.running++
		a.n, a.older, s.extras = s.begun, s.extras, a
		if s.turn = following; s.begun > c.hedge.cfg.MaxExtra {
			s.turn = &noTurn
		}
		return true
	})
	if after == nil {
		a.cancel(nil)
		c.hedge.giveBack()
		return nil
	}
	before.turn.halt()
	c.arm(after.turn)
	return a
}

// replace replaces the turn in the state with t.
func (c *call[T]) replace(may func(*state[T]) bool, t *turn) {
	before, after := c.move(func(s *state[T]) bool {
		if !may(s) {
			return false
		}
		s.turn = t
		return true
	})
	if after != nil {
		before.turn.halt()
		c.arm(t)
	}
}
