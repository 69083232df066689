package adaptive

import (
	"context"
	"errors"
	"os"

	"github.com/ductile-go/ductile/internal/verdict"
	"github.com/ductile-go/ductile/policy"
)

// ending returns what a result says. The rules are those of package breaker, with two
// questions more: whether a failure is a deadline's, and whether a policy inside refused.
func (a *Adaptive[T]) ending(ctx context.Context, next policy.Call[T], v T, err error) ending {
	classify := a.limiter.cfg.Load().Classify
	if err == nil && a.classify == nil && classify == nil {
		return success
	}
	o, _ := verdict.First(ctx, err)
	if o == policy.Undecided && a.classify != nil {
		o = a.classify(v, err)
	}
	if o == policy.Undecided && classify != nil {
		o = classify(err)
	}
	byDefault := o == policy.Undecided
	if byDefault {
		o = verdict.Last(err, nil)
	}
	if a.classify != nil || classify != nil {
		next.Delayed() // a classifier has run
	}
	switch {
	case o == policy.Success:
		return success
	case o == policy.Ignored && !byDefault:
		return nothing
	case errors.Is(err, policy.ErrRejected):
		return a.limiter.refusedInside()
	case isDeadline(ctx, err): // a failure: what is Ignored by default matches ErrRejected
		return late
	}
	return nothing
}

// refusedInside returns what a refusal by an inner policy says. For AIMD it is a sign of
// overload. Climb weighs latency against throughput, and a refusal has neither.
func (l *Limiter) refusedInside() ending {
	if l.cfg.Load().Target > 0 {
		return refused
	}
	return nothing
}

// isDeadline reports whether a failure is a deadline's. A driver may report the end of the
// call's own deadline in other words.
func isDeadline(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(ctx.Err(), context.DeadlineExceeded)
}
