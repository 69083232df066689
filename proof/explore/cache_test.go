//go:build ductile_explore

package explore

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/proof/row"
)

// began checks how many functions began, and how many of them were refreshes.
func began(calls, refreshes int) func(*larder) {
	return func(s *larder) {
		if s.calls != calls || s.refreshes != refreshes {
			s.fault("%d functions began, and %d of them were refreshes, want %d and %d", s.calls, s.refreshes, calls, refreshes)
		}
	}
}

// larders are calls of one key beside each other, and beside changes of it.
func larders(own bool) map[string]func() Program {
	return map[string]func() Program{
		"two misses make one call": func() Program {
			s := newLarder(own, false)
			return s.program(began(1, 0), s.read(1), s.read(1))
		},
		"two readers of a stale value make one refresh": func() Program {
			s := newLarder(own, true)
			return s.program(began(1, 1), s.read(2), s.read(1))
		},
		"a failed refresh cools down for all readers": func() Program {
			s := newLarder(own, true)
			s.err = errGone
			return s.program(began(1, 1), s.read(2), s.read(1))
		},
		"a miss beside Delete": func() Program {
			s := newLarder(own, false)
			return s.program(nil, s.read(2), s.change(s.c.Delete))
		},
		"a refresh beside Delete": func() Program {
			s := newLarder(own, true)
			return s.program(nil, s.read(2), s.change(s.c.Delete))
		},
		"a refresh and another reader beside Delete": func() Program {
			s := newLarder(own, true)
			return s.program(nil, s.read(1), s.read(1), s.change(s.c.Delete))
		},
		"a refresh beside Refresh": func() Program {
			s := newLarder(own, true)
			s.served = true
			return s.program(nil, s.read(2), s.change(s.c.Refresh))
		},
		"a miss beside Refresh": func() Program {
			s := newLarder(own, false)
			s.served = true
			return s.program(nil, s.read(2), s.change(s.c.Refresh))
		},
		"two changes beside a miss": func() Program {
			s := newLarder(own, false)
			return s.program(nil, s.read(1), s.change(s.c.Delete), s.change(s.c.Delete))
		},
		"a refresh beside Close": func() Program {
			s := newLarder(own, true)
			return s.program(nil, s.read(2), s.close())
		},
	}
}

func TestNoInterleavingBringsBackADeletedValueOrASecondRefresh(t *testing.T) {
	var sum Report
	least, scenes := *most, 0
	for _, own := range []bool{false, true} {
		all := larders(own)
		scenes += len(all)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			t.Run(fmt.Sprintf("%s, own=%v", name, own), func(t *testing.T) {
				report, err := bounded(all[name], *most/10, hookLocks)
				require.NoError(t, err)
				require.Greater(t, report.Longest, 9, "the cache does not stop at its atomic operations")
				t.Logf("%+v", report)
				sum.Schedules += report.Schedules
				sum.States += report.States
				sum.Longest = max(sum.Longest, report.Longest)
				least = min(least, report.Bound)
			})
		}
	}
	if !t.Failed() {
		row.Row{
			Searched: fmt.Sprintf("interleavings of a cache's atomic operations, locks and goroutines, %d scenes of 3 and 4 threads", scenes),
			Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
			Result:   fmt.Sprintf("nothing deleted comes back, one refresh and one call at a time, with %d preemptions or more", least),
		}.Print()
	}
}
