package adaptive

import (
	"context"
	"errors"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// Permit is a place in a limiter, returned by [Limiter.Acquire]. The zero Permit holds
// none. Do not copy a Permit, because each copy could report; go vet reports copies. It is
// safe for concurrent use.
type Permit struct {
	_       noCopy
	limiter *Limiter
	flight  flight
	ctx     context.Context
	// recorded is set by a compare-and-swap, so that of concurrent Records only one counts
	// and gives the place back. Two would admit one call more than the limit.
	recorded atomic.Uint32
}

// noCopy makes go vet report copies of structs that contain it.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// Acquire takes a place. It waits for one if all are in use and the queue has room. The
// caller must call [Permit.Record] when its work has ended.
//
// It returns a *[LimitedError] if there is no place, or if MaxWait, Delay or a call of a
// higher priority ended the wait. If ctx has ended before the call, it returns the error
// of [policy.Ended]. If ctx ends during the wait, the error matches that error and
// [policy.ErrRejected], and a place granted at the same moment goes to the next call. If
// ctx is speculative, as [policy.Speculative] defines, Acquire never waits.
func (l *Limiter) Acquire(ctx context.Context) (Permit, error) {
	if ctx.Err() != nil {
		return Permit{}, policy.Ended(ctx)
	}
	c, left := l.gate.Enter()
	if c != nil {
		return Permit{limiter: l, flight: l.begin(c, left <= 0 && l.gate.Exhausted(c, left)), ctx: ctx}, nil
	}
	e, err := l.gate.EnterSlowly(ctx)
	if err != nil {
		l.window.Load().crowd()
		return Permit{}, err
	}
	return Permit{limiter: l, flight: l.begin(e.Cell, e.Crowded), ctx: ctx}, nil
}

// Record reports how the work ended and gives the place back. The first Record counts and
// returns true, whatever goroutine calls it. Later ones do nothing and return false, as
// does Record of the zero Permit.
//
// A Success gives its latency, the time since Acquire returned. A Failure after the
// deadline of Acquire's context counts as at least that long; other failures give nothing,
// since an error after 1 ms is not a fast server. Ignored gives nothing. Another outcome,
// such as Undecided, is a Failure.
//
// Record emits no event, since an event belongs to a call of a pipeline. OnChange is called.
func (p *Permit) Record(o policy.Outcome) bool {
	if p.limiter == nil {
		return false
	}
	e := nothing // decided before the place goes back: the context may be a user's, and panic
	switch {
	case o == policy.Success:
		e = success
	case o != policy.Ignored && errors.Is(p.ctx.Err(), context.DeadlineExceeded):
		e = late
	}
	if !p.recorded.CompareAndSwap(0, 1) {
		return false
	}
	p.limiter.end(&p.flight, e)
	return true
}
