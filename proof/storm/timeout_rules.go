package storm

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ductile-go/ductile/policy"
)

type timeoutRules struct {
	policy.TimeoutConfig
	visits []*visit // of a policy that abandons its function
	late   []run    // what OnLate was given
}

func (t *timeoutRules) judge(v *visit) verdict {
	if v.turnedAway() {
		return endOf(v.ctx)
	}
	if t.Abandon && len(v.runs) == 0 && !v.exact() {
		return t.leaves(v) // other calls moved the clock before its goroutine began
	}
	r := v.only()
	if r == nil {
		return failed
	}
	if t.Abandon && !t.delivered(v, r) {
		if v.exact() && r.over && r.to.Before(v.left) {
			v.fault("it abandoned at %v a function that ended as %v at %v", v.left, r.how, r.to)
		}
		return t.leaves(v)
	}
	if r.how.neverReturned() || r.err == nil {
		v.told(policy.TimedOut, 0)
		return v.passes(r)
	}
	if !t.timedOut(v, r) {
		v.told(policy.TimedOut, 0)
		return v.passes(r)
	}
	if v.own.v != r.v {
		v.fault("a run came to %d, and the timeout made it %d", r.v, v.own.v)
	}
	if r.how == rejected { // it did not run, and that is what the error says too
		return rejected
	}
	return r.how.outlasts()
}

// delivered reports whether an abandoning policy returned what its run came to.
func (t *timeoutRules) delivered(v *visit, r *run) bool {
	switch {
	case !r.over:
		return false
	case r.how.neverReturned():
		return !v.own.over
	case r.err == nil:
		return v.own.over && v.own.err == nil
	}
	return v.own.over && v.own.v == r.v && (r.v != 0 || v.same(v.own.err, r.err) || same(errors.Unwrap(v.own.err), r.err))
}

// leaves returns the verdict on a policy that did not wait for its function.
func (t *timeoutRules) leaves(v *visit) verdict {
	if !v.own.over {
		v.fault("it neither waited for its function nor returned")
	}
	if v.own.v != 0 {
		v.fault("it abandoned its function and returned %d", v.own.v)
	}
	if t.timedOut(v, nil) {
		return failed
	}
	if !endedBy(v.ctx, v.own.err) {
		v.fault("it abandoned its function with %v, and its context ended with %v", text(v.own.err), v.ctx.Err())
	}
	return endOf(v.ctx)
}

// timedOut reports whether the error is a timeout of this policy. It reports a fault if it must be
// one and is not, or the other way round. r is nil for an abandoned function.
func (t *timeoutRules) timedOut(v *visit, r *run) bool {
	own, ours := v.own.err.(*policy.TimeoutError) //nolint:errorlint // its own, and not one inside
	ours = ours && own.Name == t.Name && (r == nil || !same(v.own.err, r.err))
	end := v.left
	if r != nil && v.exact() {
		end = r.to
	}
	limit := v.came.Add(t.After)
	must, mayNot := t.expired(v, end, limit)
	switch {
	case ours && mayNot:
		v.fault("%v: limit %v, over at %v, caller's end: %v", text(v.own.err), limit, end, v.ctx.Err())
	case !ours && must:
		v.fault("the limit passed at %v, over at %v, and the error is %v", limit, end, text(v.own.err))
	}
	if !ours {
		return false
	}
	if !errors.Is(v.own.err, context.DeadlineExceeded) || own.After != t.After {
		v.fault("%v does not say what it should", own)
	}
	if r != nil && !errors.Is(v.own.err, r.err) {
		v.fault("the timeout hides %v", text(r.err))
	}
	v.told(policy.TimedOut, 1)
	return true
}

// expired reports whether the limit must have ended the call, and whether it cannot have.
func (t *timeoutRules) expired(v *visit, end, limit time.Time) (must, mayNot bool) {
	if v.left.Before(limit) {
		return false, true
	}
	if d, ok := v.ctx.Deadline(); ok && !limit.Before(d) {
		return false, true // of two limits at the same instant, the outer one decides
	}
	if !v.exact() {
		return false, false
	}
	at, left := v.c.caller.when()
	mayNot = end.Before(limit) || left && at.Before(limit) && v.ctx.Err() != nil
	return end.After(limit) && v.ctx.Err() == nil, mayNot
}

// afterwards checks the late results of a policy that abandons its function, when all functions are
// over: each result that was not delivered must have been reported once.
func (t *timeoutRules) afterwards() {
	told, heard := len(t.late), 0
	for _, v := range t.visits {
		heard += v.heard[policy.FinishedLate]
		for _, r := range v.runs {
			if !r.unclear() && t.delivered(v, r) {
				continue
			}
			if !t.take(r) && !r.unclear() {
				v.fault("OnLate was not given %v, %d, %v", r.how, r.v, text(r.err))
			}
		}
	}
	for _, l := range t.late {
		t.visits[0].fault("OnLate was given %d, %v, which was returned or told before", l.v, text(l.err))
	}
	if len(t.visits) > 0 && !t.visits[0].unheard(policy.FinishedLate) && heard != told {
		t.visits[0].fault("%q was told %d times, and OnLate was called %d times", policy.FinishedLate, heard, told)
	}
}

// unclear reports whether the result would be the same for a caller that left and for one that
// waited.
func (r *run) unclear() bool {
	return r.v == 0 && (errors.Is(r.err, context.DeadlineExceeded) || errors.Is(r.err, context.Canceled))
}

// take removes a result from those that OnLate was given, if it is there.
func (t *timeoutRules) take(r *run) bool {
	i := slices.IndexFunc(t.late, r.sameAs)
	if i < 0 {
		return false
	}
	t.late = slices.Delete(t.late, i, i+1)
	return true
}

// sameAs reports whether l is the result of r in the form in which OnLate is given it.
func (r *run) sameAs(l run) bool {
	switch r.how {
	case panicked:
		var p *policy.PanicError
		return errors.As(l.err, &p) && p.Value == any(errBoom)
	case exited:
		return same(l.err, policy.ErrNoReturn)
	}
	return l.v == r.v && same(l.err, r.err)
}
