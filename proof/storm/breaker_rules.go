package storm

import (
	"errors"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

type breakerRules struct {
	tally *tally
	when  func(v int, err error) policy.Outcome
	keeps bool // by WithKeep
	later bool // values may be recorded when their call has returned
}

func (b *breakerRules) judge(v *visit) verdict {
	if v.turnedAway() {
		return endOf(v.ctx)
	}
	v.told(policy.Rejected, 1-min(1, len(v.runs)))
	if len(v.runs) > 0 {
		r := v.only()
		b.keptOnce(v, r)
		b.judgedOnce(v, r)
		b.moved(v)
		return v.passes(r)
	}
	v.told(policy.Judged, 0)
	if b.tally.fixed.Shadow {
		v.fault("a circuit in shadow refused: %v", text(v.own.err))
	}
	var open *breaker.OpenError
	if !errors.As(v.own.err, &open) || open.Name != b.tally.circuit.Name() || !errors.Is(v.own.err, policy.ErrRejected) || v.own.v != 0 {
		v.fault("the function did not run, and it came to %d, %v", v.own.v, text(v.own.err))
		return failed
	}
	b.refused(v, open)
	return rejected
}

// refused enters a refusal, and reports a fault if it came too late.
func (b *breakerRules) refused(v *visit, open *breaker.OpenError) {
	v.s.mu.Lock()
	b.tally.refused++
	b.tally.rejected++
	remaining := b.tally.remaining(v.s.now())
	v.s.mu.Unlock()
	if v.s.alone && open.State == breaker.Open && remaining <= 0 {
		v.fault("refused %v after the circuit's recovery time was over", -remaining)
	}
}

// keptOnce reports a fault if a success was not given to hold, or anything else was.
func (b *breakerRules) keptOnce(v *visit, r *run) {
	if want := b.keeps && b.outcome(v, r) == policy.Success; want != (v.kept != nil) && !v.unsure(r) {
		v.fault("%v, %v was given to hold: %t, want %t", r.how, text(r.err), v.kept != nil, want)
	}
}

// judgedOnce reports a fault unless the run was judged once and correctly.
func (b *breakerRules) judgedOnce(v *visit, r *run) {
	if v.unheard(policy.Judged) || b.tally.fixed.Shadow && len(v.judged) == 0 { // without a place
		return
	}
	if v.kept != nil && v.kept.later {
		if v.s.alone {
			v.told(policy.Judged, 0) // not yet
		}
		return
	}
	v.told(policy.Judged, 1)
	if len(v.judged) != 1 {
		return
	}
	e := v.judged[0]
	if v.kept != nil {
		b.asRecorded(v.kept, e)
		return
	}
	if want := b.outcome(v, r); e.Outcome != want && !v.unsure(r) {
		v.fault("%v was judged as %v, want %v", text(r.err), e.Outcome, want)
	}
	if took := r.to.Sub(r.from); v.exact() && e.Took != took {
		v.fault("it took %v, and Judged says %v", took, e.Took)
	}
	if want := mark.Without(r.err); !r.how.neverReturned() && !same(e.Err, want) {
		v.fault("it came to %v, and Judged has %v", text(want), text(e.Err))
	}
}

// moved reports a fault if the circuit is not in the state where it must be.
func (b *breakerRules) moved(v *visit) {
	v.s.mu.Lock()
	at, want := b.tally.state, b.tally.wanted
	v.s.mu.Unlock()
	if v.s.alone && !b.tally.loose() && at != want {
		v.fault("the circuit is %v, and must be %v", at, want)
	}
}

// outcome returns what a run means for the circuit.
func (b *breakerRules) outcome(v *visit, r *run) policy.Outcome {
	switch {
	case r.how.neverReturned():
		return policy.Failure
	case judgedAs(r.err) != policy.Undecided:
		return judgedAs(r.err)
	case gaveUp(v.ctx, r.err):
		return policy.Ignored
	case b.when != nil && b.when(r.v, r.err) != policy.Undecided:
		return b.when(r.v, r.err)
	case b.tally.fixed.Classify != nil && b.tally.fixed.Classify(r.err) != policy.Undecided:
		return b.tally.fixed.Classify(r.err)
	case r.err == nil:
		return policy.Success
	case r.how == rejected:
		return policy.Ignored
	}
	return policy.Failure
}
