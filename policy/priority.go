package policy

import "context"

// Priority says how much a call matters, for policies that shed load: the lowest goes
// first. The zero Priority is Normal.
type Priority int8

// The priorities that have a name.
const (
	Sheddable Priority = iota - 2 // may be dropped at any time, as a prefetch
	Low                           // can wait, as a batch job
	Normal
	High     // somebody waits for it
	Critical // dropped last
)

type (
	priorityKey    struct{}
	speculativeKey struct{}
)

// WithPriority returns a context whose calls have the priority p.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

// PriorityOf returns the priority that ctx carries, or Normal.
func PriorityOf(ctx context.Context) Priority {
	p, _ := ctx.Value(priorityKey{}).(Priority)
	return p
}

// WithSpeculative returns a context whose calls are speculative: extra attempts that a
// hedge makes while another is still running. A policy of your own that runs calls
// beside each other marks them by it.
func WithSpeculative(ctx context.Context) context.Context {
	return context.WithValue(ctx, speculativeKey{}, true)
}

// Speculative reports whether ctx belongs to an extra attempt that another one is
// running beside. Policies that queue serve it only if they can at once, so that
// hedging stops by itself where there is a queue.
func Speculative(ctx context.Context) bool {
	s, _ := ctx.Value(speculativeKey{}).(bool)
	return s
}
