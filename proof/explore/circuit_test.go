//go:build ductile_explore

package explore

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/proof/row"
)

var most = flag.Int("schedules", 20_000, "schedules of a scene, at most, with as many preemptions as fit in them")

// hook stops threads at their atomic operations and at their locks, and so also within what
// they do under a lock.
func hook(stop Stop) {
	atomicx.Hook, atomicx.Await = stop, nil
	if stop == nil {
		return
	}
	atomicx.Await = func(at any, ready func() bool) {
		// A thread that is given up runs its deferred functions, and may want a lock that
		// another one has taken with it.
		if x := running; (x == nil || x.current == nil) && !ready() {
			panic(givenUp{})
		}
		Wait(at, ready)
	}
}

// touch is a stop before a scene uses memory that its own threads share.
func touch(place any) {
	if atomicx.Hook != nil {
		atomicx.Hook(place, true)
	}
}

// scenario is a rig, its threads, and a check at the end in addition to those of every rig.
type scenario struct {
	build func() (*rig, []func())
	check func(r *rig)
}

// oneOf returns a check that the reported path is one of paths.
func oneOf(paths ...string) func(*rig) {
	return func(r *rig) {
		if !slices.Contains(paths, r.path()) {
			r.fault("reported %q, want one of %q", r.path(), paths)
		}
	}
}

var errDown = errors.New("down")

const (
	good    = policy.Success
	bad     = policy.Failure
	neutral = policy.Ignored
)

func scenarios() map[string]scenario {
	all := firstScenarios()
	maps.Copy(all, probations())
	maps.Copy(all, reconfigurations())
	maps.Copy(all, listeners())
	maps.Copy(all, keepings())
	return all
}

func firstScenarios() map[string]scenario {
	return map[string]scenario{
		"closed: two failures open it once": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 2})
				return r, []func(){r.call(bad), r.call(bad)}
			}, oneOf("open"),
		},
		"closed: of two failures, one opens it": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 1}).take(2)
				return r, []func(){r.report(0, bad), r.report(1, bad)}
			}, oneOf("open"),
		},
		"closed: two successes reset one row": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 3}).take(3)
				r.got[0].Record(bad)
				return r, []func(){r.report(1, good), r.report(2, good)}
			}, func(r *rig) {
				if n := r.Snapshot().Counts.Failures; n != 0 {
					r.fault("the row holds %d failures, want 0", n)
				}
			},
		},
		"closed: calls on the fast path": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 2})
				return r, []func(){r.do(nil), r.do(errDown), r.do(errDown)}
			}, oneOf("", "open"),
		},
		"closed: a call on the fast path that panics": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 1})
				return r, []func(){r.lost, r.call(bad)}
			}, oneOf("open"),
		},
		"closed: failures beside a success": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 2}).take(3)
				return r, []func(){r.report(0, bad), r.report(1, bad), r.report(2, good)}
			}, oneOf("", "open"),
		},
		"call window: three failures are counted": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{WindowCalls: 8, FailureThreshold: 3}).take(3)
				return r, []func(){r.report(0, bad), r.report(1, bad), r.report(2, bad)}
			}, oneOf("open"),
		},
		"call window: two calls push two out": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{WindowCalls: 2}).take(4)
				r.got[0].Record(bad)
				r.got[1].Record(good)
				return r, []func(){r.report(2, good), r.report(3, good)}
			}, func(r *rig) {
				if c := r.Snapshot().Counts; c.Successes != 2 || c.Failures != 0 {
					r.fault("the window holds %+v, want 2 successes", c)
				}
			},
		},
		"call window: a failure that has been pushed out does not count": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{WindowCalls: 2, FailureThreshold: 2}).take(4)
				r.got[0].Record(bad)
				r.got[1].Record(good)
				return r, []func(){r.report(2, good), r.report(3, bad)}
			}, oneOf(""),
		},
		"call window: two failures that are never in the window together do not open it": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{WindowCalls: 2, FailureThreshold: 2}).take(5)
				r.got[0].Record(good)
				return r, []func(){func() { r.report(1, bad)(); r.report(2, good)(); r.report(3, bad)() }, r.report(4, good)}
			}, oneOf(""),
		},
		"call window: three calls share one place": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{WindowCalls: 1, MinCalls: 1, FailureRate: 1}).take(3)
				return r, []func(){r.report(0, good), r.report(1, bad), r.report(2, good)}
			}, func(r *rig) {
				if c := r.Snapshot().Counts; r.State() == breaker.Closed && (c.Successes != 1 || c.Failures != 0) {
					r.fault("the window holds %+v, want a success", c)
				}
			},
		},
		"time window: a rate that was never reached does not open it": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{Window: 100, FailureRate: 0.9, MinCalls: 2}).take(3)
				return r, []func(){r.report(0, bad), func() { r.report(1, good)(); r.report(2, bad)() }}
			}, oneOf(""),
		},
		"call window: a failure beside one that has not stored its word": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{WindowCalls: 4, FailureThreshold: 2}).take(6)
				for n, o := range []policy.Outcome{good, bad, good, good} {
					r.got[n].Record(o)
				}
				return r, []func(){r.report(4, bad), r.opens(5)}
			}, oneOf("open"),
		},
		"time window: counts at the turn of a bucket": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{Window: 100, FailureThreshold: 9}).take(3)
				r.got[0].Record(bad)
				r.clk.Advance(100) // the place of the first bucket is due again
				return r, []func(){r.report(1, bad), r.report(2, good)}
			}, func(r *rig) {
				if c := r.Snapshot().Counts; c.Successes != 1 || c.Failures != 1 {
					r.fault("the window holds %+v, want a success and a failure", c)
				}
			},
		},
		"time window: a slow failure beside a slow success": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{Window: 100, SlowCall: 20, SlowRate: 0.5, MinCalls: 2, FailureThreshold: 9}).take(3)
				r.got[0].Record(good)
				r.clk.Advance(20)
				return r, []func(){r.report(1, good), r.opens(2)}
			}, oneOf("open"),
		},
		"open: three callers when the time has elapsed": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 2}).elapsed()
				return r, []func(){r.keep, r.keep, r.keep}
			}, func(r *rig) {
				oneOf("open, half-open")(r)
				if r.most != 2 {
					r.fault("%d probes were let in, want 2", r.most)
				}
			},
		},
		"half-open: a permit is out to one caller at a time": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{SuccessThreshold: 9}).halfOpen()
				return r, []func(){r.keep, r.call(neutral)}
			}, func(r *rig) {
				if r.most != 1 {
					r.fault("%d probes at a time, want 1", r.most)
				}
			},
		},
		"half-open: permits are given back": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{SuccessThreshold: 9, HalfOpenMaxCalls: 2}).halfOpen().take(2)
				return r, []func(){r.report(0, neutral), r.report(1, good)}
			}, func(r *rig) {
				if r.take(2); r.Snapshot().Counts.Successes != 1 {
					r.fault("counted %+v", r.Snapshot().Counts)
				}
			},
		},
		"half-open: two successes close it once": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 2}).halfOpen().take(2)
				return r, []func(){r.report(0, good), r.report(1, good)}
			}, oneOf("open, half-open, closed"),
		},
		"half-open: a success and a failure": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 2}).halfOpen().take(2)
				return r, []func(){r.report(0, good), r.report(1, bad)}
			}, oneOf("open, half-open, closed", "open, half-open, open"),
		},
		"half-open: a caller beside the success that closes it": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 2, FailureThreshold: 1}).halfOpen().take(1)
				return r, []func(){r.report(0, good), r.call(bad)}
			}, oneOf("open, half-open, closed, open", "open, half-open, open", "open, half-open, closed"),
		},
		"half-open: a failure of an earlier state does not count": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 1}).take(1).halfOpen().take(1)
				return r, []func(){r.report(0, bad), r.report(1, good)}
			}, oneOf("open, half-open, closed"),
		},
		"half-open: a new round when all permits have been out for long": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 1, SuccessThreshold: 9}).halfOpen().take(1)
				r.clk.Advance(recovery)
				return r, []func(){r.keep, r.keep, r.report(0, neutral)}
			}, func(r *rig) {
				if r.most != 1 {
					r.fault("%d probes of the new round, want 1", r.most)
				}
			},
		},
		"Isolate beside a failure and a caller": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 1}).take(1)
				return r, []func(){r.report(0, bad), func() { r.Isolate("test") }}
			}, func(r *rig) {
				oneOf("isolated", "open, isolated")(r)
				if _, err := r.Acquire(); !errors.Is(err, breaker.ErrOpen) {
					r.fault("an isolated circuit admits")
				}
			},
		},
		"Trip and Reset beside a failure": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 1}).take(1)
				return r, []func(){r.report(0, bad), func() { r.Trip(time.Hour, "test") }, r.Reset}
			}, func(r *rig) { r.clk.Advance(time.Hour) },
		},
	}
}

func TestNoInterleavingBreaksTheCircuit(t *testing.T) {
	var sum Report
	whole, least := 0, *most
	all := scenarios()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			report, err := Deepest(all[name].program, *most, hook)
			require.NoError(t, err)
			require.Greater(t, report.Longest, len(all[name].program().Threads), "the circuit does not stop at its atomic operations")
			t.Logf("%+v", report)
			sum.Schedules += report.Schedules
			sum.States += report.States
			sum.Longest = max(sum.Longest, report.Longest)
			if report.Whole {
				whole++
			}
			least = min(least, report.Bound)
		})
	}
	if !t.Failed() {
		row.Row{
			Searched: fmt.Sprintf("interleavings of a circuit's atomic operations, %d scenes of 2 or 3 callers", len(all)),
			Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
			Result:   fmt.Sprintf("none breaks it; %d scenes whole but for the order of what commutes, all with %d preemptions or more", whole, least),
		}.Print()
	}
}

// program builds the scenario anew.
func (s scenario) program() Program {
	r, threads := s.build()
	return Program{Threads: threads, Check: func() error {
		s.check(r)
		if r.atEnd != nil {
			r.atEnd()
		}
		r.settle()
		if len(r.faults) > 0 {
			return errors.New(strings.Join(r.faults, "; "))
		}
		return nil
	}}
}

// This program looks for a free place in one step and takes it in another.
func TestACheckThenActRaceIsFound(t *testing.T) {
	build := func() Program {
		var out atomicx.Int64
		most := int64(0)
		enter := func() {
			if out.Load() < 1 {
				most = max(most, out.Add(1))
			}
		}
		return Program{Threads: []func(){enter, enter}, Check: func() error {
			if most > 1 {
				return errors.New("two in one place")
			}
			return nil
		}}
	}
	_, err := Deepest(build, 0, hook)
	assert.ErrorContains(t, err, "two in one place")
}
