package throttle

import (
	"context"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// Permit is the admission of one call, made by [Throttle.Acquire]. The zero Permit reports
// to no throttle. A Permit must not be copied, since each copy could report; go vet finds
// copies. It is safe for concurrent use.
type Permit struct {
	_        noCopy
	throttle *Throttle
	class    policy.Priority
	// reported is taken by the first of several Records at the same time, so that one call
	// counts once.
	reported atomic.Uint32
}

// noCopy makes go vet report copies of structs that contain it.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// Acquire admits a call or rejects it with a *[ThrottledError]. It is for work that is not
// one function call; other callers want [Do] or a [Throttled]. If ctx has ended, it returns
// the error of [policy.Ended] and counts nothing. When an admitted call has ended, pass its
// outcome to Record. A permit holds nothing: a call that is never recorded is not counted.
func (t *Throttle) Acquire(ctx context.Context) (Permit, error) {
	if ctx.Err() != nil {
		return Permit{}, policy.Ended(ctx)
	}
	class := policy.PriorityOf(ctx)
	if !t.mood.calm() && !t.admits(class) {
		return Permit{}, &t.refuse
	}
	return Permit{throttle: t, class: class}, nil
}

// Record reports how the call ended. The first Record counts and returns true, whatever
// goroutine calls it. Later ones do nothing and return false, as does Record of the zero
// Permit. An outcome other than Success and Ignored, such as Undecided, is a Failure. Neither
// Acquire nor Record emits an event, since an event belongs to a call of a pipeline.
func (p *Permit) Record(o policy.Outcome) bool {
	if p.throttle == nil || !p.reported.CompareAndSwap(0, 1) {
		return false
	}
	p.throttle.count(o, p.class)
	return true
}
