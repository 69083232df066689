//go:build ductile_explore

package explore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/proof/row"
)

// newer checks that each call of caller n got the value of a function that began after the
// call before had returned.
func (f *flock) newer(n int) {
	for at, r := range f.callers[n].got {
		if at > 0 && r.v <= f.callers[n].got[at-1].v {
			f.fault("caller %d got %+v: an old result", n, f.callers[n].got)
		}
	}
}

// flocks are callers of one key that join, leave and forget while functions end.
func flocks() map[string]func() Program {
	return map[string]func() Program{
		"the last caller leaves beside one that joins": func() Program {
			f := newFlock(2)
			return f.program(func(f *flock) { f.leaves(0); f.stays(1) }, f.call(0, 1), inTurn(f.leave(0), f.call(1, 1)))
		},
		"the last caller leaves a function that listens beside one that joins": func() Program {
			f := newFlock(2)
			f.function = func(ctx context.Context) (int, error) {
				n := f.begin(ctx)
				done := ctx.Done()
				Wait(nil, func() bool { return ctx.Err() != nil || f.calls == 2 })
				err := policy.Ended(ctx)
				if ended := isClosed(done); err != nil && !ended {
					f.fault("the context ended with %v, and Done is open", err)
				}
				return n, err
			}
			return f.program(func(f *flock) { f.leaves(0); f.stays(1) }, f.call(0, 1), inTurn(f.leave(0), f.call(1, 1)))
		},
		"the only caller leaves as the function ends": func() Program {
			f := newFlock(1)
			return f.program(func(f *flock) { f.leaves(0) }, f.call(0, 1), f.leave(0))
		},
		"the only caller leaves as the function asks for Done": func() Program {
			f := newFlock(1)
			f.function = func(ctx context.Context) (int, error) {
				n := f.begin(ctx)
				before := ctx.Err()
				done := ctx.Done()
				if before != nil && (!isClosed(done) || ctx.Err() != before) { //nolint:errorlint // as it is
					f.fault("the context had ended with %v, and then %v", before, ctx.Err())
				}
				child, cancel := context.WithCancel(ctx)
				defer cancel()
				if err := ctx.Err(); err != nil && (context.Cause(ctx) != f.callers[0].cause || child.Err() == nil) { //nolint:errorlint // as it is
					f.fault("the context ended with %v, %v", err, context.Cause(ctx))
				}
				return n, policy.Ended(ctx)
			}
			return f.program(func(f *flock) { f.leaves(0) }, f.call(0, 1), f.leave(0))
		},
		"both callers leave": func() Program {
			f := newFlock(2)
			return f.program(func(f *flock) { f.leaves(0); f.leaves(1) }, f.call(0, 1), f.call(1, 1), inTurn(f.leave(0), f.leave(1)))
		},
		"a caller that comes back gets a new result": func() Program {
			f := newFlock(2)
			return f.program(func(f *flock) { f.stays(0); f.stays(1); f.newer(0) }, f.call(0, 2), f.call(1, 1))
		},
		"Forget beside the end of the function and a caller": func() Program {
			f := newFlock(2)
			return f.program(func(f *flock) { f.stays(0); f.stays(1) }, f.call(0, 1), inTurn(func() { f.c.Forget(1) }, f.call(1, 1)))
		},
		"Forget is before the call that follows it": func() Program {
			f := newFlock(2)
			forgotten, second := 0, f.call(1, 1)
			return f.program(func(f *flock) {
				f.stays(0)
				f.stays(1)
				if v := f.callers[1].got[0].v; v <= forgotten {
					f.fault("function %d had begun when its key was forgotten", v)
				}
			}, f.call(0, 1), func() {
				Wait(nil, func() bool { return len(f.contexts) > 0 })
				f.c.Forget(1)
				forgotten = 1
				second()
			})
		},
		"the function panics as its caller leaves and another joins": func() Program {
			f := newFlock(2)
			f.function = func(ctx context.Context) (int, error) { f.begin(ctx); panic(errBoom) }
			return f.program(func(f *flock) {
				if r := f.callers[1].got[0]; r.raised != any(errBoom) {
					f.fault("the caller that stays got %+v", r)
				}
				if r := f.callers[0].got[0]; r.raised != any(errBoom) && r.err == nil {
					f.fault("the caller that may leave got %+v", r)
				}
			}, f.call(0, 1), inTurn(f.leave(0), f.call(1, 1)))
		},
	}
}

// inTurn returns a thread that does one thing after another.
func inTurn(steps ...func()) func() {
	return func() {
		for _, step := range steps {
			step()
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestNoInterleavingLosesACallerOfAFlight(t *testing.T) {
	var sum Report
	least := *most
	all := flocks()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			// By preemptions alone: package context's own locks are no places of ours.
			report, err := bounded(all[name], *most/2, hookLocks)
			require.NoError(t, err)
			require.Greater(t, report.Longest, 9, "the coalesce does not stop at its atomic operations")
			t.Logf("%+v", report)
			sum.Schedules += report.Schedules
			sum.States += report.States
			sum.Longest = max(sum.Longest, report.Longest)
			least = min(least, report.Bound)
		})
	}
	if !t.Failed() {
		row.Row{
			Searched: fmt.Sprintf("interleavings of the locks and atomic operations of flights, %d scenes of 3 or 4 threads", len(all)),
			Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
			Result:   fmt.Sprintf("each caller gets a live result, its own end or the panic, and no key or context is left, with %d preemptions or more", least),
		}.Print()
	}
}
