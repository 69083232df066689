// Package budgets lets policies of several packages share one budget and count each call
// once: the outermost of them counts the call, and marks this in the context that it
// passes on.
package budgets

import "context"

// key is the context key that marks a call as counted in a budget. It holds only a
// pointer, so storing it in an interface allocates nothing.
type key[B any] struct{ budget *B }

// Key returns the key for budget, for context types that implement Value themselves.
func Key[B any](budget *B) any { return key[B]{budget} }

// Counted reports whether an outer policy has counted the call in budget.
func Counted[B any](ctx context.Context, budget *B) bool {
	return ctx.Value(key[B]{budget}) != nil
}

// Count returns a context that marks the call as counted in budget.
func Count[B any](ctx context.Context, budget *B) context.Context {
	return context.WithValue(ctx, key[B]{budget}, true)
}

// Share marks a *retry.Budget as shared with a policy of another package. Package retry
// sets it. Retries with an unshared budget do not mark their contexts, which saves an
// allocation per call.
var Share func(budget any)
