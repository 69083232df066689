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

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/stripe"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/proof/row"
)

// lobbyScene is a gate, its threads, and what must hold at the end beside the rest.
type lobbyScene struct {
	build func() (*lobby, []func())
	check func(l *lobby)
}

// served checks that so many got in.
func served(n int) func(*lobby) {
	return func(l *lobby) {
		if len(l.order) != n {
			l.fault("%q got in, want %d", l.order, n)
		}
	}
}

var anyway = context.Background()

// leaver is a context and a thread that ends it.
func leaver(l *lobby) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	return ctx, func() { touch(l); cancel() }
}

func words() map[string]lobbyScene {
	return map[string]lobbyScene{
		"a waiter beside the last release": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1, MaxQueue: 1}).take(1)
				return l, []func(){l.release(0), l.visit(anyway, "a")}
			}, served(1),
		},
		"a snapshot beside a waiter and a release": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1, MaxQueue: 1}).take(1)
				return l, []func(){l.release(0), l.visit(anyway, "a"), func() {
					if s := l.Snapshot(); s.Waiting > 0 && s.InUse < s.Limit {
						l.fault("a place is free while a call waits: %+v", s)
					}
				}}
			}, served(1),
		},
		"two waiters beside a release": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1, MaxQueue: 2}).take(1)
				return l, []func(){l.release(0), l.visit(anyway, "a"), l.visit(anyway, "b")}
			}, served(2),
		},
		"two waiters beside two releases": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 2, MaxQueue: 2}).take(2)
				return l, []func(){l.release(0), l.release(1), l.visit(anyway, "a"), l.visit(anyway, "b")}
			}, served(2),
		},
		"a caller who leaves as a place comes back": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1, MaxQueue: 1}).take(1)
				ctx, leave := leaver(l)
				return l, []func(){l.visit(ctx, "a"), leave, l.release(0)}
			}, func(*lobby) {},
		},
		"a caller who leaves as a place comes back, and one behind": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1, MaxQueue: 2}).take(1)
				ctx, leave := leaver(l)
				return l, []func(){l.visit(ctx, "a"), leave, l.release(0), l.visit(anyway, "b")}
			}, func(l *lobby) {
				if !slices.Contains(l.order, "b") {
					l.fault("%q got in, want b", l.order)
				}
			},
		},
		"MaxWait passes as a place comes back": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1, MaxQueue: 1, MaxWait: time.Second}).take(1)
				return l, []func(){l.visit(anyway, "a"), l.passes, l.release(0)}
			}, func(l *lobby) {
				if len(l.order)+len(l.refused) != 1 {
					l.fault("%q got in and %q were refused", l.order, l.refused)
				}
			},
		},
		"a high priority displaces a low one as a place comes back": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1, MaxQueue: 1}).take(1)
				high := policy.WithPriority(anyway, policy.High)
				return l, []func(){l.visit(anyway, "low"), l.visit(high, "high"), l.release(0)}
			}, func(l *lobby) {
				if !slices.Contains(l.order, "high") || len(l.order)+len(l.refused) != 2 {
					l.fault("%q got in and %q were refused", l.order, l.refused)
				}
			},
		},
		"three for two places and no queue": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 2})
				return l, []func(){l.stay("a"), l.stay("b"), l.stay("c")}
			}, served(2),
		},
		"SetLimit below what is in use, beside a release and a caller": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 3}).take(3)
				return l, []func(){func() { l.SetLimit(1) }, l.release(0), l.stay("a")}
			}, func(*lobby) {},
		},
		"SetLimit beside two callers": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 2})
				return l, []func(){lowered(l, 1), l.stay("a"), l.stay("b")}
			}, func(*lobby) {},
		},
		"a raised limit beside one who begins to wait": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1, MaxQueue: 1}).take(1)
				l.limit = 2
				return l, []func(){func() { l.SetLimit(2) }, l.visit(anyway, "a")}
			}, served(1),
		},
		"of two Releases of one place, one counts": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 2}).take(2)
				l.in--
				return l, []func(){l.held[0].Release, l.held[0].Release}
			}, func(*lobby) {},
		},
		"nobody takes a place on its way to a waiter": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1, MaxQueue: 1}).take(1)
				return l, []func(){func() {
					if _, err := l.Acquire(anyway); err == nil {
						l.enters("first")
					}
				}, func() {
					Wait(nil, func() bool { return l.waited })
					l.stay("second")()
				}, func() {
					Wait(nil, func() bool { return l.waited })
					l.release(0)()
				}}
			}, func(l *lobby) {
				if !slices.Equal(l.order, []string{"first"}) {
					l.fault("%q got in", l.order)
				}
			},
		},
		"nobody overtakes a waiter": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1, MaxQueue: 1}).take(1)
				return l, []func(){l.visit(anyway, "first"), func() {
					Wait(nil, func() bool { return l.waited })
					l.leaves(l.held[0])
					l.stay("second")()
				}}
			}, func(l *lobby) {
				if l.order[0] != "first" {
					l.fault("%q got in", l.order)
				}
			},
		},
	}
}

// lowered is a thread that lowers the limit. What is in use then does not grow.
func lowered(l *lobby, n int) func() {
	return func() {
		l.SetLimit(n)
		before := l.Snapshot().InUse
		if after := l.Snapshot().InUse; after > max(before, n) {
			l.fault("%d in use under a limit of %d, and then %d", before, n, after)
		}
	}
}

func cells() map[string]lobbyScene {
	spread := func(maxQueue, taken int) *lobby {
		return newLobby(bulkhead.Config{Limit: 16, MaxQueue: maxQueue}).spread().take(taken)
	}
	return map[string]lobbyScene{
		"two for the last place": {
			func() (*lobby, []func()) {
				l := spread(0, 15)
				return l, []func(){l.stay("a"), l.stay("b")}
			}, served(1),
		},
		"a release beside two callers": {
			func() (*lobby, []func()) {
				l := spread(0, 15)
				return l, []func(){l.release(0), l.stay("a"), l.stay("b")}
			}, func(l *lobby) {
				if len(l.order) == 0 {
					l.fault("nobody got the place that was free all the time")
				}
			},
		},
		"a release as one begins to wait": {
			func() (*lobby, []func()) {
				l := spread(1, 16)
				return l, []func(){l.release(0), l.visit(anyway, "a")}
			}, served(1),
		},
		"two releases as two begin to wait": {
			func() (*lobby, []func()) {
				l := spread(2, 16)
				return l, []func(){l.release(3), l.release(14), l.visit(anyway, "a"), l.visit(anyway, "b")}
			}, served(2),
		},
		"a collision spreads the gate among callers": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 16, MaxQueue: 1}).take(12)
				return l, []func(){l.visit(anyway, "a"), l.visit(anyway, "b"), l.release(0)}
			}, served(2),
		},
		"SetLimit beside callers who collide": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 16}).take(12)
				return l, []func(){l.stay("a"), l.stay("b"), lowered(l, 12)}
			}, func(*lobby) {},
		},
		"SetLimit on a spread gate, beside a caller and a release": {
			func() (*lobby, []func()) {
				l := spread(0, 4)
				return l, []func(){lowered(l, 2), l.stay("a"), l.release(0)}
			}, func(*lobby) {},
		},
		"a gate where one holds a place at any time is not idle": {
			func() (*lobby, []func()) {
				// In the cell that is looked at last, so that a look which is no moment sees it
				// given back and the other one not yet taken.
				l := spread(0, 0)
				pick := stripe.Pick
				stripe.Pick = func(int) int { return 1 }
				l.take(1)
				stripe.Pick = pick
				return l, []func(){func() {
					l.stay("a")()
					l.release(0)()
				}, func() {
					if l.Idle() {
						l.fault("idle")
					}
				}}
			}, served(1),
		},
		"places of before the spread go to the cells": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 16, MaxQueue: 1}).take(8).spread().take(8)
				return l, []func(){l.release(0), l.release(1), l.visit(anyway, "a")}
			}, served(1),
		},
	}
}

func (s lobbyScene) program() Program {
	l, threads := s.build()
	return Program{Threads: threads, Check: func() error {
		s.check(l)
		l.settle()
		return errors.Join(faultsOf(l.faults)...)
	}}
}

func TestNoInterleavingBreaksAGate(t *testing.T) {
	var sum Report
	whole, least := 0, *most
	all := words()
	maps.Copy(all, reconfigured())
	for name, scene := range cells() {
		all["cells: "+name] = scene
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			report, err := Deepest(all[name].program, *most, hookLocks)
			require.NoError(t, err)
			require.Greater(t, report.Longest, 3, "the gate does not stop at its atomic operations")
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
			Searched: fmt.Sprintf("interleavings of a gate's atomic operations and locks, of its word and of its cells, %d scenes of 2 to 4 callers", len(all)),
			Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
			Result:   fmt.Sprintf("none breaks it; %d scenes whole but for the order of what commutes, all with %d preemptions or more", whole, least),
		}.Print()
	}
}
