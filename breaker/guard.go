package breaker

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/stopwatch"
	"github.com/ductile-go/ductile/policy"
)

// guard is Execute for every circuit and every listener.
func (b *Breaker[T]) guard(ctx context.Context, next policy.Call[T]) (v T, err error) {
	// First an open circuit whose end is far: the load that it sheds should cost little.
	if g := b.circuit.gen.Load(); g.state == Open && !g.shut.rejection.lenient && g.shut.opening.far() {
		if _, due := g.due(); !due {
			return v, b.reject(ctx, next, &g.shut.rejection)
		}
	}
	judged := next.Observed(policy.Judged)
	var a admission
	for {
		moved, refused := b.circuit.admit(&a, judged)
		switch {
		case refused != nil:
			return v, b.reject(ctx, next, refused)
		case moved == nil && (judged || b.keep != nil):
			return b.pass(ctx, next, &a, judged)
		case moved == nil:
			return b.run(ctx, next, &a)
		}
		b.emitMove(ctx, next, moved) // to half-open; now for a place
		next.Delayed()
	}
}

// reject tells observers of a refusal and returns it.
func (b *Breaker[T]) reject(ctx context.Context, next policy.Call[T], refused *OpenError) error {
	if next.Observed(policy.Rejected) {
		b.emitRejected(ctx, next, refused)
	}
	return refused
}

// run runs an admitted call.
func (b *Breaker[T]) run(ctx context.Context, next policy.Call[T], a *admission) (v T, err error) {
	// Set again only after next and the classifiers have returned; by defer and not
	// by recover, which would lose the stack and miss Goexit.
	r := report{outcome: policy.Failure, cause: policy.ErrNoReturn}
	defer func() {
		defer a.recordLost() // if the user's clock panics
		a.measure(&r)
		if to := a.record(&r); to != nil {
			b.emitMove(ctx, next, to)
		}
		next.Delayed() // a classifier has run, or listeners to a move
	}()
	v, err = next.Do(ctx)
	o, abandoned := b.classify(ctx, v, err)
	r.outcome, r.abandoned, r.cause = o, abandoned, err
	return v, err
}

// passage is an admitted call whose Judged event an observer wants, or whose value is
// kept.
type passage[T any] struct {
	admission
	b      *Breaker[T]
	ctx    context.Context
	next   policy.Call[T]
	judged bool            // a listener wants Judged
	watch  stopwatch.Watch // if judged, unless the admission has its start
}

// pass is run for a passage.
func (b *Breaker[T]) pass(ctx context.Context, next policy.Call[T], a *admission, judged bool) (v T, err error) {
	p := passage[T]{admission: *a, b: b, ctx: ctx, next: next, judged: judged}
	if judged && a.started == unmeasured {
		p.watch = next.Stopwatch(b.circuit.clock())
	}
	r := report{outcome: policy.Failure, cause: policy.ErrNoReturn}
	kept := false
	defer func() {
		if !kept {
			defer p.recordLost() // if the user's clock panics
			next.Delayed()       // a classifier has run
			p.end(&r, p.measure(&r))
		}
	}()
	v, err = next.Do(ctx)
	o, abandoned := b.classify(ctx, v, err)
	if b.keep != nil && o == policy.Success {
		kept = true
		return p.hold(v), err
	}
	r.outcome, r.abandoned, r.cause = o, abandoned, err
	return v, err
}

// measure reads the clock if the time of the call matters, and returns that time.
func (p *passage[T]) measure(r *report) time.Duration {
	if p.judged && p.started == unmeasured {
		return p.next.Lap(p.watch, r.outcome == policy.Success && r.cause == nil)
	}
	return p.admission.measure(r)
}

// end records how the call ended and emits what followed.
func (p *passage[T]) end(r *report, took time.Duration) {
	if r.outcome == policy.Undecided || r.outcome > policy.Ignored {
		r.outcome = policy.Failure // of a function that breaks its promise
	}
	to := p.record(r)
	if p.judged && !p.free {
		p.emitJudged(r, took)
	}
	if to != nil {
		p.b.emitMove(p.ctx, p.next, to)
		p.next.Delayed() // listeners have run
	}
}

func (p *passage[T]) emitJudged(r *report, took time.Duration) {
	e := policy.Event{Kind: policy.Judged, Policy: kind, Name: p.b.circuit.name, Outcome: r.outcome, Took: took, Err: mark.Without(r.cause)}
	switch {
	case r.slow && (r.outcome != policy.Ignored || r.abandoned):
		e.Reason = "slow"
	case p.gen.rules.shadow:
		e.Reason = "shadow"
	}
	p.next.Emit(p.ctx, e)
}

func (b *Breaker[T]) emitRejected(ctx context.Context, next policy.Call[T], refused *OpenError) {
	e := policy.Event{Kind: policy.Rejected, Policy: kind, Name: b.circuit.name, Err: refused}
	switch refused.State {
	case HalfOpen:
		e.Reason = "half_open"
	case Isolated:
		e.Reason = "isolated"
	default:
		e.Reason = "open"
	}
	next.Emit(ctx, e)
}

// emitMove emits the move to a state that this call caused; nil is none.
func (b *Breaker[T]) emitMove(ctx context.Context, next policy.Call[T], to *generation) {
	if to == nil || to.from() == to.state || !next.Observed(policy.StateChanged) {
		return
	}
	e := policy.Event{
		Kind: policy.StateChanged, Policy: kind, Name: b.circuit.name,
		From: to.from().String(), To: to.state.String(), Reason: to.reason(),
	}
	if to.rules.shadow {
		e.Reason = "shadow"
	}
	if to.state == Open {
		e.Err = to.shut.rejection.Cause
	}
	next.Emit(ctx, e)
}
