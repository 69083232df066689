package retry

import (
	"context"
	"errors"

	"github.com/ductile-go/ductile/internal/budgets"
	"github.com/ductile-go/ductile/internal/origin"
)

func init() {
	origin.Budget = func(b any) error {
		if !b.(*Budget).made() {
			return errors.New("retry: zero Budget, want one made by NewBudget")
		}
		return nil
	}
	budgets.Share = func(budget any) { budget.(*Budget).shared.Store(true) }
}

// callIn counts a call that runs under ctx, unless an outer policy has counted it, and
// returns the context for the policies inside.
func (b *Budget) callIn(ctx context.Context) context.Context {
	if !b.shared.Load() {
		b.Call()
		return ctx
	}
	if budgets.Counted(ctx, b) {
		return ctx
	}
	b.Call()
	return budgets.Count(ctx, b)
}
