package breaker

import (
	"context"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/verdict"
	"github.com/ductile-go/ductile/policy"
)

// Judge returns err with a mark that says what it means for the circuits around the call.
// Mark a 404 or a declined card as a Success: the dependency answered. Mark a lock conflict,
// or the exhaustion of your own connection pool, as Ignored. The mark has precedence over
// all classifiers. It is found inside of errors that wrap err, and errors.Is and errors.As
// see through it.
//
// [Do], [Breaker.Do] and the methods of a pipeline remove marks from the outside of the
// error that they return. Undecided removes an earlier mark. An unknown outcome is a
// Failure. Judge(nil, o) returns nil.
func Judge(err error, o policy.Outcome) error {
	if err == nil {
		return nil
	}
	if o > policy.Ignored {
		o = policy.Failure
	}
	return mark.On(err, func(m *mark.Mark) { m.Judged = uint8(o) })
}

// outcome returns what a result means for the circuit by the rules of [Config], and whether
// it is Ignored because the caller gave up.
func (b *Breaker[T]) outcome(ctx context.Context, v T, err error) (o policy.Outcome, abandoned bool) {
	if o, abandoned = verdict.First(ctx, err); o != policy.Undecided {
		return o, abandoned
	}
	if b.classify != nil {
		o = b.classify(v, err)
	}
	if o == policy.Undecided {
		o = verdict.Last(err, b.circuit.gen.Load().rules.cold.Classify)
	}
	return o, false
}

// outcome is Breaker.outcome for errors of a breaker without a classifier of its own.
func (r *rules) outcome(ctx context.Context, err error) policy.Outcome {
	return verdict.Of(ctx, err, r.cold.Classify)
}
