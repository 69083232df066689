package hedge

import (
	"context"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// state is all that a call's goroutines decide about. It is immutable: a step makes a new
// one and puts it in the place of the old by compare-and-swap. So if one attempt wins while
// another wins too, a timer begins one more, or the caller leaves, each step sees those
// before it, and the step that decides the call lists every attempt that it has to cancel.
type state[T any] struct {
	begun   int // attempts that have begun, the first included
	running int
	first   bool // the first attempt has ended
	closed  bool // no further attempt begins
	// verdict is the attempt that decided the call: it won, panicked or called Goexit. Once
	// there is one, the state changes no more, unless the caller is lost.
	verdict *attempt[T]
	over    bool          // the caller has left or was lost
	extras  *attempt[T]   // that have begun, the newest first
	last    *attempt[T]   // the last failure
	until   time.Time     // no attempt begins before
	turn    *turn         // the wait for the next attempt
	waiter  policy.Waiter // the caller, if it waits
}

// decided reports whether what ends now is late.
func (s *state[T]) decided() bool { return s.verdict != nil || s.over }

// turn is a wait for the next attempt. A timer whose turn is not in the state any more
// begins nothing.
type turn struct {
	in time.Duration
	at time.Time
	// stop stops the timer. The goroutine that arms it stores stop and then looks whether
	// the turn is still in the state; the one that takes the turn out of the state looks
	// here afterwards. So one of the two sees the other, and no timer is left behind.
	stop atomic.Pointer[func() bool]
}

var (
	firstTurn turn // the one that a call begins with; the call holds its timer
	noTurn    turn // nothing is waited for
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

// move makes a step: edit changes a copy of the state, which then takes its place. If edit
// returns false there is no step, and after is nil. edit may be called several times.
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

// open reports whether another attempt may begin.
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
	if t == &noTurn || t == &firstTurn {
		return
	}
	stop := policy.AfterFunc(c.hedge.cfg.Clock, t.in, func() { c.due(t) })
	t.stop.Store(&stop)
	if c.look().turn != t {
		stop()
	}
}

// due begins the next attempt because its time has come. In real time this is a goroutine
// of its own; a clock of the user's may call on the one that moves time, and must get it
// back.
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

// begin counts another attempt in, and returns it, to be run by the goroutine that called.
// It returns nil if none begins: the call is decided, the caller has left, all attempts
// have had their turn, or the budget is spent. t is the turn that is due, or nil for an
// attempt that has not waited for one.
//
// The token is taken before the step, since a budget may read a clock of the user's, and
// given back if the step is not made.
func (c *call[T]) begin(t *turn, reason string) *attempt[T] {
	may := func(s *state[T]) bool { return c.open(s) && (t == nil || s.turn == t) }
	if !may(c.look()) || c.Context.Err() != nil {
		return nil
	}
	if !c.hedge.take() {
		if t != nil { // a tiny delay must not make this a busy loop
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

// replace puts another turn in the place of the one in the state.
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
