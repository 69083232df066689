// Package refusal asks policies whether they would refuse a call.
package refusal

import (
	"context"
	"errors"
	"time"
)

// Refuser is a policy that can say, without running anything, whether it would refuse a
// call made after a delay. Refusal returns nil if it would not; the inner policies are
// asked next.
type Refuser interface {
	Refusal(ctx context.Context, after time.Duration) error
}

// ErrUnknown is returned by a policy that contains others, one of which cannot be
// asked. That one might rescue the call, so the search ends without a refusal.
var ErrUnknown = errors.New("policy: the inner policies cannot say whether they would refuse the call")

// ErrPassing is matched by a refusal that ends at a time, also after that time. Its
// RetryAfter is read when it is asked, so it may have become 0 since the call was refused.
var ErrPassing = errors.New("policy: the refusal ends at a time")

// Of asks p. It returns ErrUnknown if p is not a Refuser.
func Of(ctx context.Context, p any, after time.Duration) error {
	if r, ok := p.(Refuser); ok {
		return r.Refusal(ctx, after)
	}
	return ErrUnknown
}
