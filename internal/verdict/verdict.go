// Package verdict decides what the result of a call says about the dependency behind it.
// The policies that count outcomes share its rules, so that a result means the same to all
// of them. The first rule that applies decides:
//
//  1. A panic or runtime.Goexit is a Failure. The policies see to this one themselves.
//  2. An error marked by breaker.Judge means what the mark says.
//  3. Any other error is Ignored if the caller's own context was cancelled.
//  4. A policy's classifier of results decides, unless it returns Undecided.
//  5. A Config's Classify decides, unless it returns Undecided.
//  6. A nil error is a Success, policy.ErrRejected is Ignored, any other is a Failure.
package verdict

import (
	"context"
	"errors"

	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// First applies rules 2 and 3, which no classifier can overrule. It returns Undecided if
// neither applies. abandoned reports whether rule 3 did: the caller gave up.
func First(ctx context.Context, err error) (o policy.Outcome, abandoned bool) {
	if err == nil {
		return policy.Undecided, false
	}
	if o = policy.Outcome(mark.Judged(err)); o != policy.Undecided {
		return o, false
	}
	if ending.Canceled(ctx, err) {
		return policy.Ignored, true
	}
	return policy.Undecided, false
}

// Last applies rules 5 and 6. classify may be nil.
func Last(err error, classify func(error) policy.Outcome) policy.Outcome {
	if classify != nil {
		if o := classify(err); o != policy.Undecided {
			return o
		}
	}
	switch {
	case err == nil:
		return policy.Success
	case errors.Is(err, policy.ErrRejected):
		return policy.Ignored
	}
	return policy.Failure
}

// Of applies all rules except the fourth.
func Of(ctx context.Context, err error, classify func(error) policy.Outcome) policy.Outcome {
	if o, _ := First(ctx, err); o != policy.Undecided {
		return o
	}
	return Last(err, classify)
}

// Plain is Of for an err that is not nil, without a Classify. It is on the path of every
// failure, and most errors wrap no other, carry no mark and match only themselves. These are
// not walked.
func Plain(ctx context.Context, err error) policy.Outcome {
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
