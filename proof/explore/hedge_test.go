//go:build ductile_explore

package explore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/proof/row"
	"github.com/ductile-go/ductile/retry"
)

type ends = map[int]func(context.Context) (int, error)

// value checks that the call came to the value of one of the attempts.
func value(of ...int) func(*race) {
	return func(r *race) {
		if r.raised != nil || r.err != nil || !slices.Contains(of, r.v) {
			r.fault("came to %d, %v and %v, want the value of one of %v", r.v, r.err, r.raised, of)
		}
	}
}

// begun checks how many attempts began.
func begun(r *race, least, most int) {
	if n := len(r.contexts); n < least || n > most {
		r.fault("%d attempts began, want %d to %d", n, least, most)
	}
}

// raised checks that an attempt's panic was raised, unless one of the others had won.
func raised(orValueOf ...int) func(*race) {
	return func(r *race) {
		if r.raised != any(errBoom) {
			value(orValueOf...)(r)
		}
	}
}

// races are calls of which the first attempt, a timer and extra attempts end in every order.
func races() map[string]func() Program {
	return map[string]func() Program{
		"the first attempt succeeds beside the timer and an extra one": func() Program {
			r := newRace(hedge.Config{}, nil)
			r.ends = ends{1: r.wins(1), 2: r.wins(2)}
			return r.program(value(1, 2))
		},
		"the first attempt listens, an extra one wins": func() Program {
			r := newRace(hedge.Config{}, nil)
			r.ends = ends{1: listens, 2: r.wins(2)}
			return r.program(value(2))
		},
		"of two extra attempts one wins": func() Program {
			r := newRace(hedge.Config{MaxExtra: 2}, nil)
			r.ends = ends{1: listens, 2: r.wins(2), 3: r.wins(3)}
			return r.program(value(2, 3), r.goroutine)
		},
		"at once, two successes": func() Program {
			r := newRace(hedge.Config{Delay: hedge.AtOnce}, nil)
			r.ends = ends{1: r.wins(1), 2: r.wins(2)}
			return r.program(func(r *race) { value(1, 2)(r); begun(r, 2, 2) })
		},
		"at once, two successes and one that listens": func() Program {
			r := newRace(hedge.Config{Delay: hedge.AtOnce, MaxExtra: 2}, nil)
			r.ends = ends{1: r.wins(1), 2: r.wins(2), 3: listens}
			return r.program(value(1, 2), r.goroutine)
		},
		"the first attempt fails beside the timer and an extra one that fails": func() Program {
			r := newRace(hedge.Config{}, ends{1: falls, 2: falls})
			return r.program(func(r *race) {
				all, joined := errors.AsType[*hedge.Error](r.err)
				if !errors.Is(r.err, errDown) || joined != (len(r.contexts) == 2) || joined && len(all.Errs) != 2 {
					r.fault("%d attempts failed, and the call came to %v", len(r.contexts), r.err)
				}
			})
		},
		"the first attempt fails, and an extra one wins if it has begun": func() Program {
			r := newRace(hedge.Config{}, nil)
			r.ends = ends{1: falls, 2: r.wins(2)}
			return r.program(func(r *race) {
				if len(r.contexts) == 1 {
					if r.err != errDown { //nolint:errorlint // as it is
						r.fault("came to %v", r.err)
					}
					return
				}
				value(2)(r)
			})
		},
		"on failure: the first attempt fails beside the timer": func() Program {
			r := newRace(hedge.Config{OnFailure: true}, nil)
			r.ends = ends{1: falls, 2: r.wins(2)}
			return r.program(func(r *race) { value(2)(r); begun(r, 2, 2) })
		},
		"on failure: two failures, a timer, and turns for two": func() Program {
			r := newRace(hedge.Config{OnFailure: true, MaxExtra: 2}, nil)
			r.ends = ends{1: falls, 2: falls, 3: r.wins(3)}
			return r.program(func(r *race) { value(3)(r); begun(r, 3, 3) })
		},
		"the caller leaves beside an extra attempt's success": func() Program {
			r := newRace(hedge.Config{Delay: hedge.AtOnce}, nil)
			r.ends = ends{1: falls, 2: r.wins(2)}
			return r.program(func(r *race) {
				switch {
				case r.err == nil:
					value(2)(r)
				case len(r.contexts) == 1 && r.err == errDown: //nolint:errorlint // the caller left before another began
				case !errors.Is(r.err, errLost) || !errors.Is(r.err, context.Canceled):
					r.fault("came to %v", r.err)
				}
			}, r.leaves)
		},
		"abandon: two successes beside a caller who leaves": func() Program {
			r := newRace(hedge.Config{Abandon: true}, nil)
			r.ends = ends{1: r.wins(1), 2: r.wins(2)}
			return r.program(func(r *race) {
				if r.err == nil {
					value(1, 2)(r)
				} else if !errors.Is(r.err, errLost) {
					r.fault("came to %v", r.err)
				}
			}, r.goroutine, r.leaves)
		},
		"abandon: the first attempt listens, an extra one wins": func() Program {
			r := newRace(hedge.Config{Abandon: true}, nil)
			r.ends = ends{1: listens, 2: r.wins(2)}
			return r.program(value(2), r.goroutine)
		},
		"an extra attempt panics beside a success": func() Program {
			r := newRace(hedge.Config{}, nil)
			r.ends = ends{1: r.wins(1), 2: panicks}
			return r.program(raised(1))
		},
		"the first attempt panics beside an extra one's success": func() Program {
			r := newRace(hedge.Config{}, nil)
			r.ends = ends{1: panicks, 2: r.wins(2)}
			return r.program(raised())
		},
		"the timer takes a token beside the end of the call": func() Program {
			r := newRace(hedge.Config{Budget: oneToken()}, nil)
			r.ends = ends{1: r.wins(1), 2: r.wins(2)}
			return r.program(value(1, 2))
		},
		"on failure: two want one token": func() Program {
			r := newRace(hedge.Config{Budget: oneToken(), OnFailure: true, MaxExtra: 2}, nil)
			r.ends = ends{1: falls, 2: falls}
			return r.program(func(r *race) {
				// The timer may hold the token when the first attempt's failure asks for it, and
				// give it back since the call has ended.
				if begun(r, 1, 2); !errors.Is(r.err, errDown) {
					r.fault("came to %v", r.err)
				}
			})
		},
	}
}

// oneToken is a budget of one extra attempt.
func oneToken() *retry.Budget {
	return retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 0.1, Window: 10 * time.Second, Clock: fake.NewClock()})
}

func TestNoInterleavingGivesACallTwoWinners(t *testing.T) {
	var sum Report
	least := *most
	all := races()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			// By preemptions alone: package context's own locks are no places of ours.
			report, err := bounded(all[name], *most, hook)
			require.NoError(t, err)
			require.Greater(t, report.Longest, 9, "the hedge does not stop at its atomic operations")
			t.Logf("%+v", report)
			sum.Schedules += report.Schedules
			sum.States += report.States
			sum.Longest = max(sum.Longest, report.Longest)
			least = min(least, report.Bound)
		})
	}
	if !t.Failed() {
		row.Row{
			Searched: fmt.Sprintf("interleavings of a hedge's atomic operations, timers and goroutines, %d scenes of 2 to 5 threads", len(all)),
			Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
			Result:   fmt.Sprintf("one winner each, every other value discarded once, no timer or context left, with %d preemptions or more", least),
		}.Print()
	}
}
