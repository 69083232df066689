package storm

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// owedRules are those of gates, limiters and hedges: what package policytest expects of
// every policy, and no rules of their own.
//
//   - A call whose context has ended runs nothing, and one that waits returns when its
//     context ends. No run begins after that.
//   - A success is returned unchanged. Nothing runs after a success, a panic or Goexit.
//   - An error is that of a run, the end of the context, or a rejection if nothing ran.
//   - Panics and runtime.Goexit pass through.
//   - The context of each run ends with the caller's, with its cause; see owedRules.ended.
//   - No place, token, value, goroutine or child of the context is left; see
//     scene.loadIsGone.
//
// A policy may run the function several times at once, and may return before it does.
type owedRules struct{ kind, name string }

func (o *owedRules) judge(v *visit) verdict {
	refused := !v.gone && errors.Is(v.own.err, policy.ErrRejected) // in the queue, perhaps as the context ended
	if !refused && v.turnedAway() {
		return endOf(v.ctx)
	}
	o.order(v)
	switch {
	case !v.own.over:
		return o.broken(v)
	case v.own.err == nil:
		return o.success(v)
	case len(v.runs) == 0:
		return o.refused(v)
	}
	return o.failure(v)
}

// order complains of a run that began after the caller had left, or after another one
// had ended the call.
func (o *owedRules) order(v *visit) {
	for _, r := range v.runs {
		if r.gone && v.exact() {
			v.fault("a run began after the caller's context had ended")
		}
		for _, before := range v.runs {
			if before.decides() && r.from.After(before.to) {
				v.fault("a run began after another one %v", before.how)
			}
		}
	}
	if gone, is := v.gaveUpAt(); is && len(v.runs) == 0 && v.exact() && v.left.After(gone) {
		v.fault("its context ended at %v, and it waited until %v", gone, v.left)
	}
}

// decides reports whether a run has a result that no other run may follow.
func (r *run) decides() bool { return r.over && (r.err == nil || r.how.neverReturned()) }

// gaveUpAt returns when the caller left, or its deadline passed.
func (v *visit) gaveUpAt() (at time.Time, is bool) {
	if v.ctx.Err() == nil {
		return at, false
	}
	at, is = v.c.caller.when()
	if d, ok := v.ctx.Deadline(); ok && (!is || d.Before(at)) {
		at, is = d, true
	}
	return at, is && !at.Before(v.came)
}

// broken is the verdict on a call that did not return: of the run that broke first.
func (o *owedRules) broken(v *visit) verdict {
	var first *run
	for _, r := range v.runs {
		if r.over && r.how.neverReturned() && (first == nil || r.to.Before(first.to)) {
			first = r
		}
	}
	if first == nil {
		v.fault("it did not return, and no run panicked or called Goexit")
		return failed
	}
	return first.how
}

func (o *owedRules) success(v *visit) verdict {
	o.nothingLost(v)
	for _, r := range v.runs {
		if r.over && r.err == nil && !r.how.neverReturned() && r.v == v.own.v {
			return r.how
		}
	}
	v.fault("it came to %d, and no run did", v.own.v)
	return failed
}

// nothingLost complains of a panic, of Goexit or of a success that the caller did not get.
func (o *owedRules) nothingLost(v *visit) {
	for _, r := range v.runs {
		if !r.decides() || !r.to.Before(v.left) {
			continue
		}
		first := true
		for _, other := range v.runs {
			first = first && (other == r || !other.decides() || other.to.After(r.to))
		}
		if first && (r.how.neverReturned() || v.own.err != nil) {
			v.fault("a run %v, which was lost: it came to %d, %v", r.how, v.own.v, text(v.own.err))
		}
	}
}

// refused is the verdict on a call that ran nothing.
func (o *owedRules) refused(v *visit) verdict {
	switch {
	case v.own.v != 0:
	case errors.Is(v.own.err, policy.ErrRejected):
		return rejected
	case endedBy(v.ctx, v.own.err):
		return endOf(v.ctx)
	}
	v.fault("nothing ran, and it came to %d, %v", v.own.v, text(v.own.err))
	return failed
}

// failure is the verdict on an error after a run.
func (o *owedRules) failure(v *visit) verdict {
	o.nothingLost(v)
	var of []*run // whose errors it has
	left := false // runs behind
	for _, r := range v.runs {
		switch {
		case !r.over:
			left = true
		case v.same(v.own.err, r.err) && v.own.v == r.v:
			return r.how
		case !r.how.neverReturned() && errors.Is(v.own.err, unmarked(r.err)):
			of = append(of, r)
		case !r.to.Before(v.left): // it ended in the instant in which the caller left
			left = true
		}
	}
	// The end of the caller's context may stand beside the errors of runs. Those that were
	// all refused, as that came, make it a rejection.
	if endedBy(v.ctx, v.own.err) && (left || !errors.Is(v.own.err, policy.ErrRejected)) {
		return endOf(v.ctx)
	}
	if len(of) == 0 {
		v.fault("%d runs, and it came to %v, which is of none of them", len(v.runs), text(v.own.err))
	}
	how := rejected
	for _, r := range of {
		if r.how == cancelled {
			return cancelled
		}
		if r.how != rejected {
			how = failed
		}
	}
	return how
}

// ended complains of a run whose context did not end with the caller's, or ended for
// another reason while no other run had won. The scene's mutex is held.
func (o *owedRules) ended(ctx context.Context, v *visit, r *run) (fault string) {
	gone, is := v.gaveUpAt()
	if !is || !v.exact() || !gone.Before(r.to) || !v.left.IsZero() {
		return ""
	}
	for _, other := range v.runs {
		if other != r && other.decides() {
			return ""
		}
	}
	switch {
	case ctx.Err() == nil:
		return "the context of a run did not end with the caller's"
	case !same(context.Cause(ctx), context.Cause(v.ctx)):
		return "the context of a run ended with " + text(context.Cause(ctx)) + ", the caller's with " + text(context.Cause(v.ctx))
	}
	return ""
}
