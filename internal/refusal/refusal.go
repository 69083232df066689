// Package refusal has what policies answer when asked whether they would refuse
// a call.
package refusal

import (
	"context"
	"errors"
	"time"
)

// Refuser is a policy that can say, without running anything, whether it would
// refuse a call made after a delay. Nil means that it would not, and the policies
// inside of it are asked next.
type Refuser interface {
	Refusal(ctx context.Context, after time.Duration) error
}

// ErrUnknown is the answer of a policy that holds others, one of which cannot be
// asked: that one might rescue the call, so the search ends without a refusal.
var ErrUnknown = errors.New("policy: the policies inside cannot tell whether they would refuse")

// Of asks p, and returns ErrUnknown if p is not a Refuser.
func Of(ctx context.Context, p any, after time.Duration) error {
	if r, ok := p.(Refuser); ok {
		return r.Refusal(ctx, after)
	}
	return ErrUnknown
}
