// Package budgets lets policies of several packages that share one budget count a call
// once: the outermost of them counts it, and says so in the context that it hands on.
package budgets

import "context"

// key is the context key under which a call says that it is counted in a budget. A pointer
// alone is stored in an interface without an allocation.
type key[B any] struct{ budget *B }

// Key returns the key for budget, for contexts that answer to it themselves.
func Key[B any](budget *B) any { return key[B]{budget} }

// Counted reports whether a policy around has counted the call in budget.
func Counted[B any](ctx context.Context, budget *B) bool {
	return ctx.Value(key[B]{budget}) != nil
}

// Count returns a context that says that the call is counted in budget.
func Count[B any](ctx context.Context, budget *B) context.Context {
	return context.WithValue(ctx, key[B]{budget}, true)
}

// Share tells a *retry.Budget that a policy of another package has it too. Package retry
// sets it: until then its retries need not say what they have counted, which costs an
// allocation for each call.
var Share func(budget any)
