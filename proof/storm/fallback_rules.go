package storm

import (
	"errors"

	"github.com/ductile-go/ductile/policy"
)

type fallbackRules struct {
	when  func(v int, err error) bool
	value int   // that it answers, or
	err   error // that it fails with
	// declines says that it returns the error that it was given.
	declines bool
}

func (f *fallbackRules) judge(v *visit) verdict {
	if v.turnedAway() {
		return endOf(v.ctx)
	}
	r := v.only()
	if r == nil {
		return failed
	}
	if !f.answers(v, r) {
		v.told(policy.FellBack, 0)
		v.told(policy.Recovered, 0)
		return v.passes(r)
	}
	v.told(policy.FellBack, 1)
	v.s.ledger.enter(r.v, "replaced")
	if f.declines {
		v.told(policy.Recovered, 0)
		if v.own.v != 0 || !v.same(v.own.err, r.err) {
			v.fault("it declined %v, and it came to %d, %v", text(r.err), v.own.v, text(v.own.err))
		}
		return r.how
	}
	if f.err == nil {
		v.told(policy.Recovered, 1)
		if v.own.err != nil || v.own.v != f.value {
			v.fault("want the answer %d, and it came to %d, %v", f.value, v.own.v, text(v.own.err))
		}
		return succeeded
	}
	v.told(policy.Recovered, 0)
	if r.err != nil && errors.Is(v.own.err, policy.ErrRejected) {
		v.fault("the fallback ran and failed, and the error is a rejection: %v", text(v.own.err))
	}
	if !errors.Is(v.own.err, f.err) || r.err != nil && !errors.Is(v.own.err, r.err) {
		v.fault("it failed, beside %v, and the error is %v", text(r.err), text(v.own.err))
	}
	return r.how.outlasts()
}

func (f *fallbackRules) answers(v *visit, r *run) bool {
	if r.how.neverReturned() || gaveUp(v.ctx, r.err) && !v.unsure(r) {
		return false
	}
	if v.unsure(r) && v.same(v.own.err, r.err) && v.own.v == r.v {
		return f.declines && v.heard[policy.FellBack] > 0 // either comes to the same
	}
	if f.when != nil {
		return f.when(r.v, r.err)
	}
	return r.err != nil
}
