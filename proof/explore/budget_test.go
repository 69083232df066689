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

// spending is when the two calls of a program need a bucket that does not exist yet.
type spending int

const (
	asTheyBegin spending = iota // at their first count
	atATurn                     // the bucket of an earlier call must be replaced
	asTheyRetry                 // at their retry, since time has passed
)

// spenders returns a program of two calls that fail and would retry, with a budget for one
// retry.
func spenders(when spending) func() Program {
	return func() Program {
		clk := moved{fake.NewClock()}
		budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 0.1, Window: 10 * time.Second, Clock: clk})
		r := retry.New[int](retry.Config{Budget: budget, Backoff: retry.Constant(0), MaxAttempts: 2, Clock: clk})
		attempts := 0
		spend := func() {
			_, _ = r.Do(context.Background(), func(context.Context) (int, error) {
				touch(&attempts)
				if attempts++; when == asTheyRetry && attempts == 1 {
					clk.Advance(time.Second)
				}
				return 0, errors.New("down")
			})
		}
		if when == atATurn {
			spend()
			clk.Advance(10 * time.Second)
			attempts = 0
		}
		return Program{Threads: []func(){spend, spend}, Check: func() error {
			if attempts > 3 {
				return fmt.Errorf("%d attempts of two calls, want at most one retry", attempts)
			}
			clk.Advance(time.Minute) // the window forgets everything, also a refused retry
			if spend(); attempts < 4 {
				return errors.New("a budget that has recovered refuses")
			}
			return nil
		}}
	}
}

// moved is a clock that threads may move.
type moved struct{ *fake.Clock }

func (c moved) Now() time.Time {
	touch(c.Clock)
	return c.Clock.Now()
}

func (c moved) Advance(d time.Duration) {
	touch(c.Clock)
	c.Clock.Advance(d)
}

// callers returns a program of two calls that need a bucket that does not exist yet. Each call
// earns a third of a retry, so a third call that fails may retry.
func callers() Program {
	clk := fake.NewClock()
	budget := retry.NewBudget(retry.BudgetConfig{Ratio: 0.34, MinPerSecond: 1e-9, Window: 10 * time.Second, Clock: clk})
	r := retry.New[int](retry.Config{Budget: budget, Backoff: retry.Constant(0), MaxAttempts: 2, Clock: clk})
	call := func() { _, _ = r.Do(context.Background(), func(context.Context) (int, error) { return 0, nil }) }
	return Program{Threads: []func(){call, call}, Check: func() error {
		attempts := 0
		_, _ = r.Do(context.Background(), func(context.Context) (int, error) {
			attempts++
			return 0, errors.New("down")
		})
		if attempts != 2 {
			return errors.New("a call was not counted")
		}
		return nil
	}}
}

// givers returns a program of two threads that give back one retry, and one that takes another.
func givers() Program {
	budget := retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 0.2, Window: 10 * time.Second, Clock: fake.NewClock()})
	budget.Take()
	return Program{Threads: []func(){budget.GiveBack, budget.GiveBack, func() { budget.Take() }}, Check: func() error {
		if s := budget.Snapshot(); s.Retries < 0 || s.Retries > 1 || s.Left != 2-s.Retries {
			return fmt.Errorf("%+v after one retry that was given back twice, and another", s)
		}
		return nil
	}}
}

// reconfigurers returns a program of two threads that take the only retry, and one that
// reconfigures the budget without granting more.
func reconfigurers() Program {
	cfg := retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 0.1, Window: 10 * time.Second, Clock: fake.NewClock()}
	budget, taken := retry.NewBudget(cfg), 0
	take := func() {
		if budget.Take() {
			touch(&taken)
			taken++
		}
	}
	return Program{Threads: []func(){take, take, func() {
		cfg.Ratio = 2e-9
		if err := budget.Reconfigure(cfg); err != nil {
			panic(err)
		}
	}}, Check: func() error {
		if s := budget.Snapshot(); taken > 1 || s.Retries != int64(taken) {
			return fmt.Errorf("%d retries were granted of one, and %d counted", taken, s.Retries)
		}
		return nil
	}}
}

func TestNoInterleavingOverdrawsABudget(t *testing.T) {
	var sum Report
	whole, least := 0, *most
	scenes := []func() Program{spenders(asTheyBegin), spenders(atATurn), spenders(asTheyRetry), callers, givers, reconfigurers}
	for _, build := range scenes {
		report, err := Deepest(build, *most, hook)
		require.NoError(t, err)
		require.Greater(t, report.Longest, 2, "the budget does not stop at its atomic operations")
		sum.Schedules += report.Schedules
		sum.States += report.States
		sum.Longest = max(sum.Longest, report.Longest)
		if report.Whole {
			whole++
		}
		least = min(least, report.Bound)
	}
	row.Row{
		Searched: fmt.Sprintf("interleavings of a budget's atomic operations, %d scenes of 2 or 3 callers", len(scenes)),
		Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
		Result:   fmt.Sprintf("none overdraws it or loses a call; %d scenes whole but for the order of what commutes, all with %d preemptions or more", whole, least),
	}.Print()
}
