package hedge

import (
	"log"
	"runtime/debug"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// tellHedged emits Hedged for an extra attempt, on its goroutine.
func (c *call[T]) tellHedged(a *attempt[T]) {
	if !c.next.Observed(policy.Hedged) {
		return
	}
	e := policy.Event{
		Kind: policy.Hedged, Policy: "hedge", Name: c.hedge.cfg.Name, Attempt: a.n,
		Elapsed: c.elapsed(), Reason: a.reason,
	}
	if a.reason == byDelay {
		e.Delay = c.delay
	}
	c.next.Emit(a, e)
}

// tellLate emits FinishedLate for an attempt that ended after the call was decided.
func (c *call[T]) tellLate(a *attempt[T]) {
	if !c.next.Observed(policy.FinishedLate) {
		return
	}
	safely("an observer of "+string(policy.FinishedLate), func() {
		c.next.Emit(c.Context, policy.Event{
			Kind: policy.FinishedLate, Policy: "hedge", Name: c.hedge.cfg.Name, Attempt: a.n,
			Elapsed: c.elapsed(), Err: mark.Without(a.failure()),
		})
	})
}

// recovered emits Recovered for an extra attempt that won. last is the last failure, or
// nil.
func (c *call[T]) recovered(a, last *attempt[T]) {
	if a.n == 1 || !c.next.Observed(policy.Recovered) && !c.next.Observed(policy.Finished) {
		return
	}
	e := policy.Event{Kind: policy.Recovered, Policy: "hedge", Name: c.hedge.cfg.Name, Attempt: a.n, Elapsed: c.elapsed()}
	if last != nil {
		e.Err = mark.Without(last.err)
	}
	c.next.Emit(c.Context, e)
}

// elapsed returns the time since the call began, if it is measured.
func (c *call[T]) elapsed() time.Duration {
	if !c.timed {
		return 0
	}
	return c.watch.Elapsed()
}

// safely calls a user's function on a goroutine that may have no caller above it: its
// panic would end the process, so it is logged.
func safely(what string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			log.Printf("hedge: %s panicked: %v\n%s", what, r, debug.Stack())
		}
	}()
	f()
}
