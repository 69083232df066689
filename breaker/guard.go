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
	// First ask for an open circuit whose end is far: to shed load should cost little.
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
		b.emitMove(ctx, next, moved) // to half-open: ask again, for a permit
		next.Delayed()
	}
}

// reject emits Rejected and returns the refusal.
func (b *Breaker[T]) reject(ctx context.Context, next policy.Call[T], refused *OpenError) error {
	if next.Observed(policy.Rejected) {
		b.emitRejected(ctx, next, refused)
	}
	return refused
}

// run runs an admitted call. It is pass with less to remember: the deferred function of
// pass costs about as much as all the rest of run.
func (b *Breaker[T]) run(ctx context.Context, next policy.Call[T], a *admission) (v T, err error) {
	// The report stays a Failure unless next and the classifiers return. This is done by
	// defer and not by recover, which would lose the stack and miss Goexit.
	r := report{outcome: policy.Failure, cause: policy.ErrNoReturn}
	defer func() {
		defer a.endIfLost() // if the user's clock panics
		a.measure(&r)
		if to := a.end(&r); to != nil {
			b.emitMove(ctx, next, to)
		}
		next.Delayed() // a classifier has run, or listeners to a move
	}()
	v, err = next.Do(ctx)
	o, abandoned := b.outcome(ctx, v, err)
	r.outcome, r.abandoned, r.cause = o, abandoned, err
	return v, err
}

// passage is an admitted call of which an observer wants Judged, or whose value is kept.
type passage[T any] struct {
	admission
	b      *Breaker[T]
	ctx    context.Context
	next   policy.Call[T]
	judged bool            // an observer wants Judged
	watch  stopwatch.Watch // if judged, unless the admission has measured its start
}

// pass runs a passage.
func (b *Breaker[T]) pass(ctx context.Context, next policy.Call[T], a *admission, judged bool) (v T, err error) {
	p := passage[T]{admission: *a, b: b, ctx: ctx, next: next, judged: judged}
	if judged && a.started == unmeasured {
		p.watch = next.Stopwatch(b.circuit.clock())
	}
	r := report{outcome: policy.Failure, cause: policy.ErrNoReturn}
	kept := false
	defer func() {
		if !kept {
			defer p.endIfLost() // if the user's clock panics
			next.Delayed()      // a classifier has run
			p.finish(&r, p.lap(&r))
		}
	}()
	v, err = next.Do(ctx)
	o, abandoned := b.outcome(ctx, v, err)
	if b.keep != nil && o == policy.Success {
		kept = true
		return p.hold(v), err
	}
	r.outcome, r.abandoned, r.cause = o, abandoned, err
	return v, err
}

// lap reads a clock if the duration of the call matters to the circuit or to an observer,
// and returns the duration.
func (p *passage[T]) lap(r *report) time.Duration {
	if p.judged && p.started == unmeasured {
		return p.next.Lap(p.watch, r.outcome == policy.Success && r.cause == nil)
	}
	return p.measure(r)
}

// finish counts the call and emits the events of that.
func (p *passage[T]) finish(r *report, took time.Duration) {
	r.outcome = known(r.outcome)
	to := p.end(r)
	if p.judged && !p.free {
		p.emitJudged(r, took)
	}
	if to != nil {
		p.b.emitMove(p.ctx, p.next, to)
		p.next.Delayed() // listeners have run
	}
}

func (p *passage[T]) emitJudged(r *report, took time.Duration) {
	e := p.b.judged(r.outcome, took, r.cause)
	switch {
	case r.slow && (r.outcome != policy.Ignored || r.abandoned):
		e.Reason = "slow"
	case p.gen.rules.shadow:
		e.Reason = "shadow"
	}
	p.next.Emit(p.ctx, e)
}

// judged returns the Judged event of a call.
func (b *Breaker[T]) judged(o policy.Outcome, took time.Duration, err error) policy.Event {
	return policy.Event{
		Kind: policy.Judged, Policy: kind, Name: b.circuit.name, Outcome: o, Took: took, Err: mark.Without(err),
	}
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

// emitMove emits StateChanged for the move to a state that this call caused, if to is not
// nil.
func (b *Breaker[T]) emitMove(ctx context.Context, next policy.Call[T], to *generation) {
	if to == nil || !next.Observed(policy.StateChanged) {
		return
	}
	e := policy.Event{
		Kind: policy.StateChanged, Policy: kind, Name: b.circuit.name,
		From: to.entry.from().String(), To: to.state.String(), Reason: to.reason(),
	}
	if to.rules.shadow {
		e.Reason = "shadow"
	}
	if to.state == Open {
		e.Err = to.shut.rejection.Cause
	}
	next.Emit(ctx, e)
}
