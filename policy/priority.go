package policy

import (
	"context"
	"fmt"

	"github.com/ductile-go/ductile/internal/urgency"
)

// Priority says how important a call is to policies that shed load. The lowest is shed
// first. The zero Priority is Normal.
type Priority int8

// The named priorities.
const (
	Sheddable Priority = iota - 2 // may be dropped at any time, such as a prefetch
	Low                           // can wait, such as a batch job
	Normal
	High     // a user is waiting
	Critical // dropped last
)

var priorities = [...]string{"sheddable", "low", "normal", "high", "critical"}

// String returns "sheddable", "low", "normal", "high" or "critical", and for any other
// priority its number, "priority(3)".
func (p Priority) String() string {
	if p < Sheddable || p > Critical {
		return fmt.Sprintf("priority(%d)", int8(p))
	}
	return priorities[p-Sheddable]
}

// WithPriority returns a context whose calls have priority p.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, urgency.PriorityKey{}, int8(p))
}

// PriorityOf returns the priority of ctx, or Normal if it has none.
func PriorityOf(ctx context.Context) Priority {
	p, _ := ctx.Value(urgency.PriorityKey{}).(int8)
	return Priority(p)
}

// WithSpeculative returns a context for an extra attempt that runs beside another one.
// A hedge uses it, and so should a policy of your own that runs calls in parallel.
func WithSpeculative(ctx context.Context) context.Context {
	return context.WithValue(ctx, urgency.SpeculativeKey{}, true)
}

// Speculative reports whether ctx belongs to an extra attempt that runs beside another
// one. A policy with a queue serves such an attempt only if it need not wait, so that
// hedging stops where there is a queue.
func Speculative(ctx context.Context) bool {
	s, _ := ctx.Value(urgency.SpeculativeKey{}).(bool)
	return s
}
