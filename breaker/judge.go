package breaker

import (
	"context"
	"errors"

	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// Judge returns err with a mark that says what it means for the circuits around the
// call: a 404 or a declined card is a Success, since the dependency answered; a lock
// conflict, or a connection pool of one's own that ran dry, is Ignored. The mark
// comes before every classifier. It is found inside of errors that wrap it, and
// errors.Is and errors.As see through it.
//
// [Do], [Breaker.Do] and a pipeline's methods take marks off the outside of the
// error that they return. Undecided takes an earlier mark off; an outcome without a name
// is a Failure. Judge(nil, o) is nil.
func Judge(err error, o policy.Outcome) error {
	if err == nil {
		return nil
	}
	if o > policy.Ignored {
		o = policy.Failure
	}
	return mark.On(err, func(m *mark.Mark) { m.Judged = uint8(o) })
}

// classify returns what a result means for the circuit, and whether it is Ignored
// because the caller left.
func (b *Breaker[T]) classify(ctx context.Context, v T, err error) (o policy.Outcome, abandoned bool) {
	if err != nil {
		if o = policy.Outcome(mark.Judged(err)); o != policy.Undecided {
			return o, false
		}
		if ending.Canceled(ctx, err) {
			return policy.Ignored, true
		}
	}
	if b.when != nil {
		o = b.when(v, err)
	}
	if o == policy.Undecided {
		o = b.circuit.gen.Load().rules.classify(err)
	}
	return o, false
}

// classify asks Classify, if there is one, and the default rule if it does not decide.
func (r *rules) classify(err error) policy.Outcome {
	if r.rare.Classify != nil {
		if o := r.rare.Classify(err); o != policy.Undecided {
			return o
		}
	}
	return byDefault(err)
}

// byDefault returns what a result means if no other rule decides.
func byDefault(err error) policy.Outcome {
	switch {
	case err == nil:
		return policy.Success
	case errors.Is(err, policy.ErrRejected):
		return policy.Ignored
	}
	return policy.Failure
}

// judged returns what an error means for a circuit without a classifier. It is on
// the path of every failure, and most errors are leaves, which carry no mark and
// match nothing but themselves: these are not walked.
func judged(ctx context.Context, err error) policy.Outcome {
	switch err.(type) { //nolint:errorlint // asks what the error itself can do
	case interface{ Unwrap() error }, interface{ Unwrap() []error }, interface{ Is(error) bool }:
		if o := policy.Outcome(mark.Judged(err)); o != policy.Undecided {
			return o
		}
		if errors.Is(err, policy.ErrRejected) {
			return policy.Ignored
		}
	}
	if err == policy.ErrRejected || ending.Canceled(ctx, err) { //nolint:errorlint // a leaf
		return policy.Ignored
	}
	return policy.Failure
}

// judge is judged under rules that have a Classify.
func (r *rules) judge(ctx context.Context, err error) policy.Outcome {
	if o := policy.Outcome(mark.Judged(err)); o != policy.Undecided {
		return o
	}
	if ending.Canceled(ctx, err) {
		return policy.Ignored
	}
	return r.classify(err)
}
