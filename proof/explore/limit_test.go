//go:build ductile_explore

package explore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/proof/row"
)

// tapScene is a limiter, its threads, and what must hold at the end.
type tapScene struct {
	build func() (*tap, []func())
	check func(r *tap)
	// inside scenes have one thread that takes the limiter's lock, so threads may stop
	// while it is held.
	inside bool
}

func taps() map[string]tapScene {
	background := context.Background()
	var first, second context.Context
	var leave, leaveToo context.CancelFunc
	fresh := func(burst int) *tap {
		first, leave = context.WithCancel(background)
		second, leaveToo = context.WithCancel(background)
		return newTap(burst)
	}
	return map[string]tapScene{
		"of two tokens, three that ask get two": {
			build: func() (*tap, []func()) {
				r := fresh(2)
				return r, []func(){r.allow, r.allow, r.allow}
			},
			check: func(r *tap) {
				if r.taken != 2 {
					r.fault("%d were granted of 2", r.taken)
				}
			},
			inside: true,
		},
		"Allow beside SetRate: each token is taken once": {
			build: func() (*tap, []func()) {
				r := fresh(2)
				return r, []func(){r.allow, r.allow, func() { r.SetRate(1, 2*interval, 2) }}
			},
			check: func(r *tap) {
				if s := r.Snapshot(); s.Tokens != 0 || r.taken != 2 {
					r.fault("%d of 2 tokens are left, and %d were granted", s.Tokens, r.taken)
				}
			},
			inside: true,
		},
		"Allow beside two SetRates": {
			build: func() (*tap, []func()) {
				r := fresh(1)
				return r, []func(){r.allow, func() { r.SetRate(2, interval, 1); r.SetRate(3, interval, 1) }, r.allow}
			},
			check: func(r *tap) {
				if s := r.Snapshot(); s.Tokens != 0 || r.taken != 1 || s.Limit != 3 {
					r.fault("%+v, and %d were granted", s, r.taken)
				}
			},
			inside: true,
		},
		"when Pause has returned, nothing is granted": {
			build: func() (*tap, []func()) {
				r := fresh(2)
				return r, []func(){r.allow, func() {
					r.Pause(time.Hour)
					if r.Allow(1) {
						r.fault("granted in a pause")
					}
				}, r.allow}
			},
			check: func(r *tap) {
				if s := r.Snapshot(); s.Tokens != 2-r.taken {
					r.fault("%d tokens are left of 2, and %d were granted", s.Tokens, r.taken)
				}
			},
			inside: true,
		},
		"a reservation is given back once, beside a call": {
			build: func() (*tap, []func()) {
				r := fresh(2).empty()
				held := r.reserve()
				return r, []func(){func() { held.Cancel(); held.Cancel() }, r.allow, r.allow}
			},
			check: func(r *tap) { r.exact(0) },
		},
		"two cancel one reservation": {
			build: func() (*tap, []func()) {
				r := fresh(1).empty()
				held := r.reserve()
				return r, []func(){held.Cancel, held.Cancel, r.allow}
			},
			check: func(r *tap) { r.exact(0) },
		},
		"a reservation is cancelled as its time comes": {
			build: func() (*tap, []func()) {
				r := fresh(2).empty()
				held := r.reserve()
				return r, []func(){held.Cancel, func() { r.clk.advance(interval); r.allow() }, r.allow}
			},
			check: func(r *tap) { r.settle(0) },
		},
		"a reservation is made beside a call": {
			build: func() (*tap, []func()) {
				r := fresh(1)
				return r, []func(){func() { r.reserve(); r.taken++ }, r.allow, r.allow}
			},
			check: func(r *tap) { r.exact(0) },
		},
		"two wait, and are served": {
			build: func() (*tap, []func()) {
				r := fresh(1).empty()
				return r, []func(){r.wait(background, "one"), r.wait(background, "two"), r.allow}
			},
			check: func(r *tap) {
				if r.exact(0); len(r.served) != 2 {
					r.fault("served %v", r.served)
				}
			},
		},
		"the first leaves, and the other moves up": {
			build: func() (*tap, []func()) {
				r := fresh(1).empty()
				return r, []func(){r.wait(first, "one"), r.wait(background, "two"), r.leave(leave)}
			},
			check: func(r *tap) {
				if r.exact(0); len(r.served)+len(r.left) != 2 {
					r.fault("served %v, left %v", r.served, r.left)
				}
			},
		},
		"both leave": {
			build: func() (*tap, []func()) {
				r := fresh(1).empty()
				return r, []func(){r.wait(first, "one"), r.wait(second, "two"), func() { r.leave(leave)(); r.leave(leaveToo)() }}
			},
			check: func(r *tap) { r.exact(0) },
		},
		"a reservation before a waiter is cancelled": {
			build: func() (*tap, []func()) {
				r := fresh(1).empty()
				held := r.reserve()
				return r, []func(){r.wait(background, "one"), func() {
					held.Cancel()
					touch(r.clk)
					if r.clk.now.Equal(r.start) { // the waiter is due in one interval from now on
						r.clk.latest = r.start.Add(interval)
					}
				}}
			},
			check: func(r *tap) {
				if r.clk.late {
					r.fault("the waiter slept on when it had moved up")
				}
				if r.served["one"] == 0 {
					r.fault("not served")
				}
				r.settle(0)
			},
		},
		"SetRate wakes who sleeps too long": {
			build: func() (*tap, []func()) {
				r := fresh(1).empty()
				return r, []func(){r.wait(background, "one"), func() {
					r.SetRate(10, interval, 1)
					touch(r.clk)
					if r.clk.now.Equal(r.start) {
						r.clk.latest = r.start.Add(interval / 10)
					}
				}}
			},
			check: func(r *tap) {
				if r.clk.late || len(r.served) != 1 {
					r.fault("the waiter slept on: served %v", r.served)
				}
			},
		},
		"SetRate refuses who wants more than the burst": {
			build: func() (*tap, []func()) {
				r := fresh(3).empty()
				return r, []func(){func() {
					_ = r.Wait(background, 2) // served, or refused
				}, r.wait(background, "two"), func() { r.SetRate(1, interval, 1) }}
			},
			check: func(r *tap) {
				if s := r.Snapshot(); s.Waiting != 0 || len(r.served) != 1 {
					r.fault("%+v, served %v", s, r.served)
				}
			},
		},
		"a pause lets nobody go before its end": {
			build: func() (*tap, []func()) {
				r := fresh(1).empty()
				var ends time.Time
				return r, []func(){func() {
					touch(r.clk)
					err := r.Wait(background, 1)
					touch(r.clk)
					if err != nil || r.clk.now.Before(ends) {
						r.fault("%v, at %v in a pause until %v", err, r.clk.now, ends)
					}
				}, func() {
					touch(r.clk)
					until := r.clk.now.Add(3 * interval)
					before := r.Snapshot().Admitted
					r.Pause(3 * interval)
					if r.Snapshot().Admitted == before && r.Snapshot().Waiting == 1 {
						ends = until
					}
				}}
			},
			check: func(r *tap) {
				if s := r.Snapshot(); s.Waiting != 0 {
					r.fault("%+v", s)
				}
			},
		},
		"a clock that was set back is found by two at once": {
			build: func() (*tap, []func()) {
				r := fresh(2)
				r.clk.advance(time.Hour)
				r.empty()
				r.taken = 0
				r.clk.advance(-time.Hour / 2)
				r.start = r.clk.now
				return r, []func(){r.allow, r.allow, r.allow}
			},
			check: func(r *tap) {
				if r.taken != 2 {
					r.fault("%d were granted of 2", r.taken)
				}
			},
		},
		"a call that was held up takes the present for no clock that was set back": {
			build: func() (*tap, []func()) {
				r := fresh(1).empty()
				return r, []func(){r.allow, func() {
					r.clk.advance(5 * interval)
					r.allow()
				}, r.wait(background, "one")}
			},
			check: func(r *tap) { r.settle(0) },
		},
	}
}

func (s tapScene) program() (p Program, locks []*sync.Mutex) {
	r, threads := s.build()
	if !s.inside {
		locks = r.locks()
	}
	return Program{Threads: threads, Check: func() error {
		s.check(r)
		return errors.Join(faultsOf(r.faults)...)
	}}, locks
}

func TestNoInterleavingBreaksALimiter(t *testing.T) {
	var sum Report
	least := *most
	all := taps()
	maps.Copy(all, reconfiguredTaps())
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			var locks []*sync.Mutex
			build := func() Program {
				p, l := all[name].program()
				locks = l
				return p
			}
			report, err := bounded(build, *most, func(stop Stop) { hookOutside(stop, &locks) })
			require.NoError(t, err)
			require.Greater(t, report.Longest, 3, "the limiter does not stop at its atomic operations")
			t.Logf("%+v", report)
			sum.Schedules += report.Schedules
			sum.States += report.States
			sum.Longest = max(sum.Longest, report.Longest)
			least = min(least, report.Bound)
		})
	}
	if !t.Failed() {
		row.Row{
			Searched: fmt.Sprintf("interleavings of a rate limiter's atomic operations, %d scenes of 2 or 3 callers", len(all)),
			Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
			Result:   fmt.Sprintf("none breaks it, all with %d preemptions or more", least),
		}.Print()
	}
}
