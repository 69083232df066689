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

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/proof/row"
)

// meter is an adaptive limit under exploration, with what is known of it from outside. Its
// calls take 2 s.
type meter struct {
	*adaptive.Limiter
	held   []*adaptive.Permit // taken before the threads began
	in     int                // calls that have their permit; at least as many have taken one
	most   int                // limit
	got    int                // admissions of threads
	told   []adaptive.Change
	faults []string
}

func newMeter(cfg adaptive.Config, taken int) *meter {
	m := &meter{most: max(cfg.Initial, cfg.Max)}
	clk := fake.NewClock()
	cfg.Clock, cfg.Window = visitors{clk, &lobby{}}, time.Second
	cfg.OnChange = func(c adaptive.Change) { m.told = append(m.told, c) }
	m.Limiter = adaptive.NewLimiter(cfg)
	for range taken {
		p := new(adaptive.Permit)
		var err error
		if *p, err = m.Acquire(context.Background()); err != nil {
			panic(err)
		}
		m.held = append(m.held, p)
		m.in++
	}
	clk.Advance(2 * time.Second)
	return m
}

func (m *meter) fault(format string, args ...any) {
	m.faults = append(m.faults, fmt.Sprintf(format, args...))
}

// record is a thread that records permit n.
func (m *meter) record(n int) func() {
	return func() {
		touch(m)
		m.in-- // before the record: from its first step on, the place may be another's
		if !m.held[n].Record(policy.Success) {
			m.fault("permit %d does not count", n)
		}
	}
}

// reconfigure is a thread that changes the config.
func (m *meter) reconfigure(change func(*adaptive.Config)) func() {
	return func() {
		cfg := m.Config()
		change(&cfg)
		if err := m.Reconfigure(cfg); err != nil {
			m.fault("%v", err)
		}
	}
}

// stay is a thread that takes a permit, and keeps it. It waits if there is a queue.
func (m *meter) stay() {
	if _, err := m.Acquire(context.Background()); err == nil {
		touch(m)
		m.in++
		m.got++
	} else if !errors.Is(err, adaptive.ErrLimited) {
		m.fault("%v", err)
	}
}

// tells checks how often the limit has moved, and where it is.
func tells(times, to int) func(*meter) {
	return func(m *meter) {
		if len(m.told) != times || m.Limit() != to {
			m.fault("%v, and the limit is %d; want %d changes, to %d", m.told, m.Limit(), times, to)
		}
	}
}

// settle is what must hold of every limiter when its threads have ended.
func (m *meter) settle(initial int) {
	s := m.Snapshot()
	if s.Waiting != 0 || s.InUse != m.in {
		m.fault("%+v, want %d in use and none waiting", s, m.in)
	}
	for _, c := range m.told {
		if c.From != initial || c.From == c.To || c.To > m.most {
			m.fault("%v began at %d", m.told, initial)
		}
		initial = c.To
	}
	if s.Limit != initial {
		m.fault("the limit is %d, and the last that was told of is %d", s.Limit, initial)
	}
	ctx := policy.WithSpeculative(context.Background())
	for range s.Limit - m.in {
		if _, err := m.Acquire(ctx); err != nil {
			m.fault("a place is lost")
			return
		}
	}
	if _, err := m.Acquire(ctx); err == nil {
		m.fault("a place too many")
	}
}

// meterScene is an adaptive limit, its threads, and what must hold at the end beside the
// rest.
type meterScene struct {
	initial int
	build   func() (*meter, []func())
	check   func(*meter)
}

func meters() map[string]meterScene {
	aimd := func(initial, minCalls int) adaptive.Config {
		return adaptive.Config{Initial: initial, Target: time.Second, MinCalls: minCalls, Max: 20}
	}
	within := func(initial, minCalls int) adaptive.Config {
		return adaptive.Config{Initial: initial, Target: time.Minute, MinCalls: minCalls, Max: 20}
	}
	return map[string]meterScene{
		"two recorders close one window": {10, func() (*meter, []func()) {
			m := newMeter(aimd(10, 1), 2)
			return m, []func(){m.record(0), m.record(1)}
		}, tells(1, 9)},
		"three recorders close one window": {10, func() (*meter, []func()) {
			m := newMeter(aimd(10, 2), 3)
			return m, []func(){m.record(0), m.record(1), m.record(2)}
		}, tells(1, 9)},
		"two recorders close one window of Climb": {2, func() (*meter, []func()) {
			m := newMeter(adaptive.Config{Initial: 2, MinCalls: 1, Max: 20}, 3-1)
			return m, []func(){m.record(0), m.record(1)}
		}, tells(1, 3)},
		"one permit is recorded twice at the same time": {1, func() (*meter, []func()) {
			m := newMeter(within(1, 9), 1)
			m.in--
			twice, counted := func() {}, 0
			twice = func() {
				if m.held[0].Record(policy.Success) {
					touch(&counted)
					if counted++; counted > 1 {
						m.fault("both count")
					}
				}
			}
			return m, []func(){twice, twice, m.stay}
		}, func(*meter) {}},
		"the limit is lowered beside a caller": {2, func() (*meter, []func()) {
			m := newMeter(aimd(2, 1), 1)
			return m, []func(){m.record(0), m.stay, m.stay}
		}, tells(1, 1)},
		"the limit is raised beside one that waits": {1, func() (*meter, []func()) {
			cfg := within(1, 1)
			cfg.MaxQueue = 2
			m := newMeter(cfg, 1)
			return m, []func(){m.record(0), m.stay, m.stay}
		}, func(m *meter) {
			tells(1, 2)(m)
			if m.got != 2 {
				m.fault("%d got in, want both", m.got)
			}
		}},
		"Reconfigure lowers Max beside the end of a window": {10, func() (*meter, []func()) {
			m := newMeter(within(10, 1), 2)
			return m, []func(){m.record(0), m.reconfigure(func(cfg *adaptive.Config) { cfg.Initial, cfg.Max = 5, 5 }), m.record(1)}
		}, func(m *meter) {
			if m.Limit() > 5 {
				m.fault("the limit is %d, Max is 5", m.Limit())
			}
		}},
		"Reconfigure brings another window beside the end of one": {10, func() (*meter, []func()) {
			m := newMeter(aimd(10, 1), 2)
			return m, []func(){m.record(0), m.reconfigure(func(cfg *adaptive.Config) { cfg.Target = time.Minute }), m.record(1)}
		}, func(*meter) {}},
		"Reconfigure turns AIMD into Climb beside the end of a window": {2, func() (*meter, []func()) {
			m := newMeter(within(2, 1), 2)
			return m, []func(){m.record(0), m.reconfigure(func(cfg *adaptive.Config) { cfg.Target, cfg.Quantile = 0, 0 }), m.record(1)}
		}, func(*meter) {}},
		"Reconfigure lowers the limit beside one that waits": {2, func() (*meter, []func()) {
			cfg := within(2, 9)
			cfg.MaxQueue = 2
			m := newMeter(cfg, 2)
			return m, []func(){m.record(0), m.stay, m.reconfigure(func(cfg *adaptive.Config) { cfg.Initial, cfg.Max = 1, 1 }), m.record(1)}
		}, func(m *meter) {
			if m.got != 1 {
				m.fault("%d got in, want 1", m.got)
			}
		}},
		"a window closes beside a caller of the next": {4, func() (*meter, []func()) {
			m := newMeter(aimd(4, 1), 2)
			return m, []func(){m.record(0), func() {
				m.stay()
				m.record(1)()
			}}
		}, tells(1, 3)},
	}
}

func TestNoInterleavingBreaksAnAdaptiveLimit(t *testing.T) {
	var sum Report
	whole, least := 0, *most
	all := meters()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			scene := all[name]
			report, err := Deepest(func() Program {
				m, threads := scene.build()
				return Program{Threads: threads, Check: func() error {
					scene.check(m)
					m.settle(scene.initial)
					return errors.Join(faultsOf(m.faults)...)
				}}
			}, *most/10, hookLocks)
			require.NoError(t, err)
			require.Greater(t, report.Longest, 3, "the limiter does not stop at its atomic operations")
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
			Searched: fmt.Sprintf("interleavings of an adaptive limit's windows, permits and places, %d scenes of 2 or 3 callers", len(all)),
			Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
			Result:   fmt.Sprintf("none breaks it; %d scenes whole but for the order of what commutes, all with %d preemptions or more", whole, least),
		}.Print()
	}
}
