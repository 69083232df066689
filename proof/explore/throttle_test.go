//go:build ductile_explore

package explore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/proof/row"
	"github.com/ductile-go/ductile/throttle"
)

// dial is a clock that threads may set.
type dial struct {
	policy.Clock
	at ticks
}

func (d *dial) Now() time.Time { return time.Unix(0, d.at.Now()) }

// valve is a throttle whose window is 100 ns, and which rejects each call whose rate is
// above 0.
type valve struct {
	*throttle.Throttle
	clk      *dial
	rejected int
	accepted int64 // of the requests that the window holds at the end
	others   int64
	spared   bool // the classes below Normal suffice for all rejections
}

func newValve() *valve {
	v := &valve{clk: &dial{}}
	v.Throttle = throttle.NewThrottle(throttle.Config{
		K: 1, MinCalls: 1, Window: 100, Clock: v.clk, Rand: func() float64 { return 0 },
	})
	return v
}

// begin returns the permit of a call that has begun.
func (v *valve) begin(class policy.Priority) *throttle.Permit {
	p, err := v.Acquire(policy.WithPriority(context.Background(), class))
	if err != nil {
		panic(err)
	}
	return &p
}

// end returns a thread that ends a call.
func (v *valve) end(p *throttle.Permit, o policy.Outcome) func() {
	return func() {
		if !p.Record(o) {
			return
		}
		touch(v)
		if o == policy.Success {
			v.accepted++
		} else {
			v.others++
		}
	}
}

// call asks for a call that is never recorded.
func (v *valve) call() {
	if _, err := v.Acquire(context.Background()); err != nil {
		touch(v)
		v.rejected++
		v.others++
	}
}

// reconfigure returns a thread that reconfigures the throttle.
func (v *valve) reconfigure(cfg throttle.Config) func() {
	return func() {
		if err := v.Reconfigure(cfg); err != nil {
			panic(err)
		}
	}
}

// check compares the throttle with what the threads counted. The last call is decided by
// the window, whatever the throttle has noticed meanwhile.
func (v *valve) check() error {
	s := v.Snapshot()
	if s.Requests != v.accepted+v.others || s.Accepts != v.accepted {
		return fmt.Errorf("%+v, want %d accepts and %d others", s, v.accepted, v.others)
	}
	if _, err := v.Acquire(context.Background()); (err != nil) != (s.Rate > 0 && !v.spared) {
		return fmt.Errorf("at a rate of %v a call was rejected: %v", s.Rate, err != nil)
	}
	return nil
}

func valves() map[string]func() (*valve, []func()) {
	// spent returns a throttle with a failure that its window no longer holds, and the
	// permits of calls that have begun before.
	spent := func(classes ...policy.Priority) (*valve, []*throttle.Permit) {
		v := newValve()
		permits := []*throttle.Permit{v.begin(policy.Normal)}
		for _, class := range classes {
			permits = append(permits, v.begin(class))
		}
		permits[0].Record(policy.Failure)
		v.clk.at.set(100)
		return v, permits[1:]
	}
	return map[string]func() (*valve, []func()){
		"a call fails while another looks at the window": func() (*valve, []func()) {
			v, p := spent(policy.Normal)
			return v, []func(){v.end(p[0], policy.Failure), v.call}
		},
		"a call fails and the next looks, while another looks": func() (*valve, []func()) {
			v, p := spent(policy.Normal)
			fails := v.end(p[0], policy.Failure)
			return v, []func(){func() { fails(); v.call() }, v.call}
		},
		"two calls fail while another looks": func() (*valve, []func()) {
			v, p := spent(policy.Normal, policy.Normal)
			return v, []func(){v.end(p[0], policy.Failure), v.end(p[1], policy.Failure), v.call}
		},
		"a call fails and one succeeds while another looks": func() (*valve, []func()) {
			v, p := spent(policy.Normal, policy.Normal)
			return v, []func(){v.end(p[0], policy.Failure), v.end(p[1], policy.Success), v.call}
		},
		"a call fails where a bucket begins": func() (*valve, []func()) {
			v, p := spent(policy.Normal)
			return v, []func(){v.end(p[0], policy.Failure), func() { v.clk.at.set(110) }, v.call}
		},
		"a smaller K comes while another looks": func() (*valve, []func()) {
			v := newValve()
			cfg := v.Config()
			cfg.K = 2
			v.reconfigure(cfg)()
			v.end(v.begin(policy.Normal), policy.Success)()
			v.end(v.begin(policy.Normal), policy.Failure)()
			cfg.K = 1
			return v, []func(){v.call, v.reconfigure(cfg), v.call}
		},
		"a call fails beside a Reconfigure": func() (*valve, []func()) {
			v, p := spent(policy.Normal)
			cfg := v.Config()
			cfg.MaxReject = 0.5
			return v, []func(){v.end(p[0], policy.Failure), v.reconfigure(cfg), v.call}
		},
		"calls of two lower classes fail, which are the first of them": func() (*valve, []func()) {
			v, p := spent(policy.Low, policy.Sheddable)
			v.spared = true
			return v, []func(){v.end(p[0], policy.Failure), v.end(p[1], policy.Failure)}
		},
		"two record one permit": func() (*valve, []func()) {
			v, p := spent(policy.Normal)
			return v, []func(){v.end(p[0], policy.Failure), v.end(p[0], policy.Success), v.call}
		},
	}
}

func TestNoInterleavingHidesAFailureFromAThrottle(t *testing.T) {
	var sum Report
	least := *most
	all := valves()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			build := func() Program {
				v, threads := all[name]()
				return Program{Threads: threads, Check: v.check}
			}
			report, err := bounded(build, *most/2, hook)
			require.NoError(t, err)
			require.Greater(t, report.Longest, 6, "the throttle does not stop at its atomic operations")
			t.Logf("%+v", report)
			sum.Schedules += report.Schedules
			sum.States += report.States
			sum.Longest = max(sum.Longest, report.Longest)
			least = min(least, report.Bound)
		})
	}
	if !t.Failed() {
		row.Row{
			Searched: fmt.Sprintf("interleavings of a throttle's atomic operations, %d scenes of 2 or 3 callers", len(all)),
			Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
			Result:   fmt.Sprintf("none hides a failure or counts a call twice, all with %d preemptions or more", least),
		}.Print()
	}
}
