package breaker

import (
	"context"
	"errors"

	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// Judge returns err with a mark that says what it means for the circuits around the call. A
// 404 or a declined card is a Success, since the dependency answered. A lock conflict, or a
// connection pool of one's own that is exhausted, is Ignored. The mark has precedence over
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

// The rules of Config, in their order, as one function for each kind of breaker. All share
// fallback and defaultOutcome.

// outcome returns what a result means for the circuit, and whether it is Ignored because
// the caller gave up.
func (b *Breaker[T]) outcome(ctx context.Context, v T, err error) (o policy.Outcome, abandoned bool) {
	if err != nil {
		if o = policy.Outcome(mark.Judged(err)); o != policy.Undecided {
			return o, false
		}
		if ending.Canceled(ctx, err) {
			return policy.Ignored, true
		}
	}
	if b.classify != nil {
		o = b.classify(v, err)
	}
	if o == policy.Undecided {
		o = b.circuit.gen.Load().rules.fallback(err)
	}
	return o, false
}

// outcome is Breaker.outcome for errors of a breaker without a classifier of its own.
func (r *rules) outcome(ctx context.Context, err error) policy.Outcome {
	if o := policy.Outcome(mark.Judged(err)); o != policy.Undecided {
		return o
	}
	if ending.Canceled(ctx, err) {
		return policy.Ignored
	}
	return r.fallback(err)
}

// plainOutcome is rules.outcome without a Classify. It is on the path of every failure, and
// most errors wrap no other, carry no mark and match only themselves. These are not walked.
func plainOutcome(ctx context.Context, err error) policy.Outcome {
	switch err.(type) { //nolint:errorlint // asks what the error itself can do
	case interface{ Unwrap() error }, interface{ Unwrap() []error }, interface{ Is(error) bool }:
		if o := policy.Outcome(mark.Judged(err)); o != policy.Undecided {
			return o
		}
		if errors.Is(err, policy.ErrRejected) {
			return policy.Ignored
		}
	}
	if err == policy.ErrRejected || ending.Canceled(ctx, err) { //nolint:errorlint // wraps no other
		return policy.Ignored
	}
	return policy.Failure
}

// fallback calls Classify, if there is one, and applies the default rule if that does not
// decide.
func (r *rules) fallback(err error) policy.Outcome {
	if r.cold.Classify != nil {
		if o := r.cold.Classify(err); o != policy.Undecided {
			return o
		}
	}
	return defaultOutcome(err)
}

// defaultOutcome is the last rule.
func defaultOutcome(err error) policy.Outcome {
	switch {
	case err == nil:
		return policy.Success
	case errors.Is(err, policy.ErrRejected):
		return policy.Ignored
	}
	return policy.Failure
}
