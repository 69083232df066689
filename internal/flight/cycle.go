package flight

import (
	"context"
	"errors"
	"slices"

	"github.com/ductile-go/ductile/internal/ending"
)

// ErrCycle reports that a call would wait for itself: it was made by the function of the
// flight that it would join, or by one that this function waits for.
var ErrCycle = errors.New("flight: the call waits for itself")

// member is a flight of any group.
type member interface{ callers() []context.Context }

// awaited reports whether the function of f waits for the call of ctx, directly or
// through other flights. seen are the flights that were looked at.
func awaited(ctx context.Context, f member, seen []member) bool {
	in, ok := ctx.Value(ending.MovableKey{}).(member)
	if !ok || slices.Contains(seen, in) {
		return false
	}
	if in == f {
		return true
	}
	seen = append(seen, in)
	for _, caller := range in.callers() {
		if awaited(caller, f, seen) {
			return true
		}
	}
	return false
}

// detached is the context of a call that does not wait for its flight: no flight around
// the call waits either.
type detached struct{ context.Context }

// Value returns the call's value, except for the flight that it was made in.
func (d *detached) Value(key any) any {
	if key == any(ending.MovableKey{}) {
		return nil
	}
	return d.Context.Value(key)
}
