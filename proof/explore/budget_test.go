//go:build ductile_explore

package explore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/proof/row"
	"github.com/ductile-go/ductile/retry"
)

// spenders is a program of two calls that fail and would each try again, where
// the budget has one retry; with a turn, the slot of the calls before is due to
// be replaced as they begin.
func spenders(turn bool) func() Program {
	return func() Program {
		clk := fake.NewClock()
		budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 0.1, Window: 10 * time.Second, Clock: clk})
		r := retry.New[int](retry.Config{Budget: budget, Backoff: retry.Constant(0), MaxAttempts: 2, Clock: clk})
		attempts := 0
		spend := func() {
			_, _ = r.Do(context.Background(), func(context.Context) (int, error) {
				attempts++
				return 0, errors.New("down")
			})
		}
		if turn {
			spend()
			clk.Advance(10 * time.Second)
			attempts = 0
		}
		return Program{Threads: []func(){spend, spend}, Check: func() error {
			if attempts > 3 {
				return fmt.Errorf("%d attempts of two calls, want at most one retry", attempts)
			}
			clk.Advance(time.Minute) // forgets all, a refused retry too
			if spend(); attempts < 4 {
				return errors.New("a budget that has recovered refuses")
			}
			return nil
		}}
	}
}

func TestNoInterleavingOverdrawsABudget(t *testing.T) {
	var sum Report
	least := *most
	for _, turn := range []bool{false, true} {
		report, err := Deepest(spenders(turn), *most, hook)
		require.NoError(t, err)
		require.Greater(t, report.Longest, 2, "the budget does not stop at its atomic operations")
		sum.Schedules += report.Schedules
		sum.States += report.States
		sum.Longest = max(sum.Longest, report.Longest)
		least = min(least, report.Bound)
	}
	row.Row{
		Searched: "interleavings of a budget's atomic operations, 2 scenes of 2 callers",
		Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
		Result:   fmt.Sprintf("none overdraws it, with %d preemptions or more", least),
	}.Print()
}
