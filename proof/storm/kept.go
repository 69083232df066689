package storm

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// kept is a value that a breaker with WithKeep has passed on. It is judged when it is recorded.
type kept struct {
	v       *visit
	r       *run
	record  func(policy.Outcome)
	outcome policy.Outcome // that it is recorded with; Undecided counts as Failure
	later   bool           // recorded when the call has returned, and not by hold
	never   bool           // left to the end of the call's context
}

// hold is the function that breakers are given in WithKeep. It records some values at once and
// has others recorded when the call has returned. The rest end with their context, which makes
// them a Success.
func (b *breakerRules) hold(ctx context.Context, n int, record func(policy.Outcome)) int {
	v := visitOf(ctx)
	s := v.s
	if s.plan.double.keep != nil {
		record = s.plan.double.keep(record)
	}
	k := &kept{v: v, record: record, outcome: outcomes[n%len(outcomes)]}
	s.mu.Lock()
	k.r = v.runs[len(v.runs)-1]
	if v.kept != nil {
		s.faults = append(s.faults, v.name+": one value was given to hold twice")
	}
	v.kept = k
	if lasts := ctx.Err() == nil && ctx.Done() == v.c.ctx.Done(); b.later && lasts && n%3 > 0 {
		k.later, k.never = true, !s.alone && len(s.leaving) == 0 && n%3 == 1
		v.c.kept = append(v.c.kept, k)
	}
	s.mu.Unlock()
	if !k.later {
		s.record(k)
	}
	return n
}

// outcomes are the outcomes that values are recorded with.
var outcomes = [...]policy.Outcome{
	policy.Success, policy.Failure, policy.Success, policy.Ignored, policy.Success, policy.Undecided, policy.Success,
}

// record enters how a kept value ends, and records it twice. Only the first counts.
func (s *scene) record(k *kept) {
	s.mu.Lock()
	k.v.tally.recordKept(k, s.now())
	s.mu.Unlock()
	k.record(k.outcome)
	k.record(policy.Failure)
}

// recordKept records the values of a call that has returned, in the order in which they were
// kept.
func (s *scene) recordKept(c *call) {
	s.mu.Lock()
	all := c.kept
	c.kept = nil
	s.mu.Unlock()
	for _, k := range all {
		if !k.never {
			s.record(k)
		} else if s.clock == nil || c.ctx.Err() == nil {
			c.caller.cancel(errGone)
		}
		s.mu.Lock()
		k.v.tally.in--
		s.ended = append(s.ended, k)
		s.mu.Unlock()
		if s.alone {
			k.judged()
		}
	}
}

// keptAreJudged checks the values that were recorded after their calls had returned.
func (s *scene) keptAreJudged() {
	for _, k := range s.ended {
		k.judged()
	}
}

// judged reports a fault unless a value that was recorded late was judged once and as recorded.
func (k *kept) judged() {
	b := k.v.rules.(*breakerRules)
	b.moved(k.v)
	if k.v.unheard(policy.Judged) || b.tally.fixed.Shadow && len(k.v.judged) == 0 {
		return
	}
	k.v.told(policy.Judged, 1)
	if len(k.v.judged) == 1 {
		b.asRecorded(k, k.v.judged[0])
	}
}

// asRecorded reports a fault if an event does not say how a kept value ended. If callers share
// the pipeline, its context may have ended first.
func (b *breakerRules) asRecorded(k *kept, e policy.Event) {
	want := countsAs(k.outcome)
	if k.never {
		want = policy.Success
	}
	if e.Outcome != want && (k.v.s.alone || e.Outcome != policy.Success) {
		k.v.fault("a value was recorded as %v, and judged as %v", want, e.Outcome)
	}
	if took := k.r.to.Sub(k.r.from); k.v.exact() && e.Took != took {
		k.v.fault("it took %v until it was kept, and Judged says %v", took, e.Took)
	}
	if e.Err != nil {
		k.v.fault("a value that was recorded was judged with %v", text(e.Err))
	}
}

// countsAs returns the outcome that a recorded outcome counts as.
func countsAs(o policy.Outcome) policy.Outcome {
	if o == policy.Undecided {
		return policy.Failure
	}
	return o
}

// recordKept enters a value that is about to be recorded. It is slow if the function was.
func (t *tally) recordKept(k *kept, now time.Time) {
	if k.r.stay == t.stay {
		t.enter(end{at: now, how: countsAs(k.outcome), slow: t.isSlow(k.r)})
	}
}
