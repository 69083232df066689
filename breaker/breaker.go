package breaker

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/policy"
)

// promptly is embedded by policies that run what is inside them at once.
type promptly = prompt.Mark

// emits are the events of calls that a closed circuit has let in. A circuit that refuses
// is not on the fast path anyway.
var emits = []string{string(policy.Judged), string(policy.StateChanged)}

// kind is what a breaker's events have as their Policy.
const kind = "breaker"

// Breaker is the policy that consults a circuit about calls that return T. Make
// one with [New]; the zero Breaker is not usable. It is immutable and safe for
// concurrent use; any number of breakers may share a circuit.
type Breaker[T any] struct {
	promptly
	circuit *Circuit
	when    func(v T, err error) policy.Outcome
	keep    func(ctx context.Context, v T, record func(policy.Outcome)) T
	custom  bool // when or keep is set
}

// New returns a policy that runs calls as c allows. It panics if c is nil or a
// zero Circuit.
func New[T any](c *Circuit) *Breaker[T] {
	if !c.made() {
		panic("breaker: New: " + c.fault())
	}
	return &Breaker[T]{promptly: promptly{Emits: emits}, circuit: c}
}

// WithClassifier returns a copy that asks classify what a result means. If classify
// returns Undecided, the circuit's Classify and then the default rule decide, see
// [Config]. classify must be safe for concurrent use. WithClassifier panics if
// classify is nil.
func (b *Breaker[T]) WithClassifier(classify func(v T, err error) policy.Outcome) *Breaker[T] {
	if classify == nil {
		panic("breaker: Breaker.WithClassifier: classify is nil, want a function")
	}
	w := *b
	w.when, w.custom, w.Late = classify, true, true
	return &w
}

// Do runs fn as c allows, and takes the marks of [Judge] and of package retry off
// the outside of its error. It panics if c is nil or a zero Circuit, or if fn is nil.
func Do[T any](ctx context.Context, c *Circuit, fn policy.Func[T]) (T, error) {
	if !c.made() {
		panic("breaker: Do: " + c.fault())
	}
	b := Breaker[T]{circuit: c}
	return b.Do(ctx, fn)
}

// Do runs fn as the circuit allows, and takes the marks of [Judge] and of package
// retry off the outside of its error. It panics if fn is nil.
func (b *Breaker[T]) Do(ctx context.Context, fn policy.Func[T]) (v T, err error) {
	if fn == nil {
		panic("breaker: Breaker.Do: fn is nil, want a function")
	}
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	g := b.circuit.gen.Load()
	if !g.plain || b.custom {
		v, err = b.guard(ctx, policy.CallOf(fn))
		return v, mark.Without(err)
	}
	// What Execute does for a plain circuit, without the two calls on the way to fn.
	returned := false
	defer g.settleLost(&returned)
	v, err = fn(ctx)
	if err == nil && g.ownRow {
		g.endOwnRow()
	} else {
		g.settle(ctx, err, &returned)
		err = mark.Without(err)
	}
	returned = true
	return v, err
}

// Circuit returns the circuit that b consults.
func (b *Breaker[T]) Circuit() *Circuit { return b.circuit }

// Clock returns the clock that the circuit was given, or nil.
func (b *Breaker[T]) Clock() policy.Clock { return b.circuit.clock() }

// Describe returns the kind, "breaker", the circuit's name and its [Circuit.Config].
func (b *Breaker[T]) Describe() policy.Description {
	return policy.Description{Kind: kind, Name: b.circuit.name, Config: b.circuit.Config()}
}

// String returns "breaker(name)", or "breaker" without a name.
func (b *Breaker[T]) String() string {
	return policy.Description{Kind: kind, Name: b.circuit.name}.String()
}

// Refusal returns the circuit's *[OpenError] if the circuit is isolated or stays
// open for longer than after, and nil otherwise. A circuit in shadow refuses only
// what [Circuit.Isolate] or [Circuit.Trip] told it to. Refusal counts nothing and
// moves nothing.
func (b *Breaker[T]) Refusal(_ context.Context, after time.Duration) error {
	g := b.circuit.gen.Load()
	switch {
	case g.state == Closed || g.state == HalfOpen || g.shut.rejection.lenient:
		return nil
	case g.state == Open && g.remaining(b.circuit.time.Now()) <= after:
		return nil
	}
	return &g.shut.rejection
}

// Execute runs next as the circuit allows. A panic or runtime.Goexit in next,
// or in a classifier, is a Failure and goes on as it was.
func (b *Breaker[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	g := b.circuit.gen.Load()
	if !g.plain || b.custom {
		return b.guard(ctx, next)
	}
	if next.HasObservers() {
		return b.observed(ctx, next, g)
	}
	// The usual case. The deferred function has little to remember: storing what
	// guard and observed remember takes as long as all the rest.
	returned := false
	defer g.settleLost(&returned)
	v, err = next.Do(ctx)
	if err == nil && g.ownRow {
		g.endOwnRow()
	} else {
		g.settle(ctx, err, &returned)
	}
	returned = true
	return v, err
}

// observed is Execute for a plain circuit in an observed pipeline. The call stays on
// the fast path, and is timed if an observer wants Judged.
func (b *Breaker[T]) observed(ctx context.Context, next policy.Call[T], g *generation) (v T, err error) {
	switch {
	case !next.Observed(policy.Judged):
	case g.rules.shadow:
		return b.guard(ctx, next)
	default:
		return b.timed(ctx, next, g)
	}
	returned := false
	defer func() {
		if !returned {
			b.emitMove(ctx, next, g.lose())
		}
	}()
	v, err = next.Do(ctx)
	if err == nil && g.ownRow {
		g.endOwnRow()
		returned = true
		return v, err
	}
	to := g.settle(ctx, err, &returned)
	returned = true // the call has been counted, even if an observer panics now
	if to != nil {
		b.emitMove(ctx, next, to)
	}
	return v, err
}

// timed is observed with a Judged event.
func (b *Breaker[T]) timed(ctx context.Context, next policy.Call[T], g *generation) (v T, err error) {
	watch := next.Stopwatch(b.circuit.clock())
	returned := false
	defer func() {
		if !returned {
			b.tell(ctx, next, policy.Failure, watch.Elapsed(), policy.ErrNoReturn, g.lose())
		}
	}()
	v, err = next.Do(ctx)
	took := next.Lap(watch, err == nil)
	outcome := policy.Success
	if err != nil {
		outcome = judged(ctx, err)
	}
	to := g.settle(ctx, err, &returned)
	returned = true // the call has been counted, even if an observer panics now
	b.tell(ctx, next, outcome, took, err, to)
	return v, err
}

// tell emits what a call has led to.
func (b *Breaker[T]) tell(ctx context.Context, next policy.Call[T], o policy.Outcome, took time.Duration, err error, to *generation) {
	next.Emit(ctx, policy.Event{Kind: policy.Judged, Policy: kind, Name: b.circuit.name, Outcome: o, Took: took, Err: mark.Without(err)})
	if to != nil {
		b.emitMove(ctx, next, to)
	}
}
