//go:build ductile_explore

package explore

import (
	"slices"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// probations returns the scenes of how half-open reaches a verdict.
func probations() map[string]scenario {
	byTwo := func(rate float64) func() (*rig, []func()) {
		return func() (*rig, []func()) {
			r := newRig(breaker.Config{HalfOpenMaxCalls: 2, ProbeCalls: 2, ProbeFailureRate: rate}).halfOpen().take(2)
			return r, []func(){r.report(0, good), r.report(1, bad)}
		}
	}
	ignored := func(n int, cfg breaker.Config) *rig {
		r := newRig(cfg).halfOpen()
		for range n {
			r.call(neutral)()
		}
		return r
	}
	return map[string]scenario{
		"half-open: the second of two probes reopens it by the rate": {byTwo(0.5), oneOf("open, half-open, open")},
		"half-open: the second of two probes closes it by the rate":  {byTwo(0.6), oneOf("open, half-open, closed")},
		"half-open: three probes that end concurrently are judged together": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 3, ProbeCalls: 3, ProbeFailureRate: 0.5}).halfOpen().take(3)
				return r, []func(){r.report(0, bad), r.report(1, good), r.report(2, bad)}
			}, oneOf("open, half-open, open"),
		},
		"half-open: an Ignored probe does not count among ProbeCalls": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 3, ProbeCalls: 2, ProbeFailureRate: 0.5}).halfOpen().take(3)
				return r, []func(){r.report(0, neutral), r.report(1, good), r.report(2, good)}
			}, oneOf("open, half-open, closed"),
		},
		"half-open: ten Ignored probes reopen it": {
			func() (*rig, []func()) {
				r := ignored(8, breaker.Config{HalfOpenMaxCalls: 2})
				return r, []func(){r.call(neutral), r.call(neutral)}
			}, func(r *rig) {
				oneOf("open, half-open, open", "open, half-open")(r) // or one got no permit
				if n := r.Snapshot().Counts.Ignored; r.State() == breaker.Open && (n != 10 || r.told[2].Reason != breaker.ReasonNoVerdict) {
					r.fault("opened after %d Ignored probes by %q", n, r.told[2].Reason)
				}
			},
		},
		"half-open: of Ignored probes that end concurrently, one reopens it": {
			func() (*rig, []func()) {
				r := ignored(8, breaker.Config{HalfOpenMaxCalls: 3}).take(3)
				return r, []func(){r.report(0, neutral), r.report(1, neutral), r.report(2, neutral)}
			}, oneOf("open, half-open, open"),
		},
		"half-open: a success beside the tenth Ignored probe": {
			func() (*rig, []func()) {
				r := ignored(9, breaker.Config{HalfOpenMaxCalls: 2, SuccessThreshold: 9}).take(2)
				return r, []func(){r.report(0, neutral), r.report(1, good)}
			}, oneOf("open, half-open, open", "open, half-open"),
		},
		"half-open: a slow success is never shown as a failure": {
			func() (*rig, []func()) {
				r := newRig(slowProbes(9)).halfOpen().take(1)
				r.clk.Advance(20)
				return r, []func(){r.report(0, good), func() {
					if c := r.Snapshot().Counts; c.Failures != 0 || c.Slow != c.Successes {
						r.fault("counted %+v beside a slow success", c)
					}
				}}
			}, oneOf("open, half-open"),
		},
		"half-open: slow successes that end concurrently reopen it as slow": {
			func() (*rig, []func()) {
				r := newRig(slowProbes(2)).halfOpen().take(2)
				r.clk.Advance(20)
				return r, []func(){r.report(0, good), r.report(1, good)}
			}, func(r *rig) {
				oneOf("open, half-open, open")(r)
				if last := r.told[len(r.told)-1]; last.Reason != breaker.ReasonProbeSlow || last.Counts.Failures != 0 {
					r.fault("reported %+v", last)
				}
			},
		},
		"half-open: a failure beside a slow success reopens it as failed": {
			func() (*rig, []func()) {
				r := newRig(slowProbes(2)).halfOpen().take(2)
				r.clk.Advance(20)
				return r, []func(){r.report(0, good), r.report(1, bad)}
			}, func(r *rig) {
				oneOf("open, half-open, open")(r)
				if last := r.told[len(r.told)-1]; last.Reason != breaker.ReasonProbeFailed || last.Counts.Failures != 1 {
					r.fault("reported %+v", last)
				}
			},
		},
		"in shadow: calls without a permit decide nothing": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 1, Shadow: true, SuccessThreshold: 9}).take(1)
				r.got[0].Record(bad)
				r.clk.Advance(recovery)
				r.State()
				return r.take(1), []func(){r.call(bad), r.report(1, neutral)}
			}, oneOf("open, half-open", "open, half-open, open"),
		},
		"call window: a failure that is overtaken by eight calls": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{WindowCalls: 24, MinCalls: 9, FailureRate: 0.5}).take(17)
				for n := range 8 {
					r.got[n].Record(bad)
				}
				return r, []func(){r.opens(8), func() {
					for n := range 8 {
						r.report(9+n, good)()
					}
				}}
			}, oneOf("open"),
		},
	}
}

// slowProbes returns a config that judges half-open by n probes and has calls slow after 20 ns.
func slowProbes(n int) breaker.Config {
	return breaker.Config{
		Window: 100, SlowCall: 20, SlowRate: 1, FailureThreshold: 9, HalfOpenMaxCalls: 2, ProbeCalls: n, ProbeFailureRate: 0.5,
	}
}

// verdictIsInTime returns a scene of the last two probes that new rules need for a verdict,
// beside the Reconfigure that puts these rules in force. A probe that begins its report after
// Reconfigure has returned must be judged by the new rules.
func verdictIsInTime(r *rig, o policy.Outcome, change func(*breaker.Config), verdict string) (*rig, []func()) {
	inForce, later := false, 0
	reconfigure := r.reconfigure(change)
	report := func(n int) func() {
		return func() {
			if touch(&inForce); inForce {
				later++
			}
			r.got[n].Record(o)
		}
	}
	r.atEnd = func() {
		if r.path() == "open, half-open" && later > 0 {
			r.fault("no verdict, and %d of the probes ended under the rules that have one", later)
		} else {
			oneOf("open, half-open", verdict)(r)
		}
	}
	return r, []func(){report(0), report(1), func() { reconfigure(); touch(&inForce); inForce = true }}
}

// reconfigurations returns the scenes of Reconfigure beside something else.
func reconfigurations() map[string]scenario {
	longer := func(c *breaker.Config) { c.RecoveryTimeout *= 3 }
	return map[string]scenario{
		"Reconfigure beside the failure that opens": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 2}).take(2)
				r.got[0].Record(bad)
				return r, []func(){r.opens(1), r.reconfigure(longer)}
			}, oneOf("open"),
		},
		"Reconfigure of a window beside the failure that opens": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 2, WindowCalls: 4}).take(2)
				return r, []func(){r.report(0, bad), r.report(1, bad), r.reconfigure(longer)}
			}, oneOf("open"),
		},
		"Reconfigure to a lower threshold beside failures": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 3}).take(3)
				return r, []func(){r.report(0, bad), r.report(1, bad), r.reconfigure(func(c *breaker.Config) { c.FailureThreshold = 2 })}
			}, func(r *rig) {
				if r.got[2].Record(bad); r.path() != "open" {
					r.fault("three failures, the threshold is 2, and it reported %q", r.path())
				}
			},
		},
		"Reconfigure to a window and back keeps no old row": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 2}).take(2)
				r.got[0].Record(bad)
				there := r.reconfigure(func(c *breaker.Config) { c.WindowCalls = 4 })
				back := r.reconfigure(func(*breaker.Config) {})
				return r, []func(){func() { there(); back() }, r.report(1, good)}
			}, func(r *rig) {
				if n := r.Snapshot().Counts.Failures; n != 0 {
					r.fault("a row of %d failures, want 0", n)
				}
			},
		},
		"Reconfigure keeps the permits of half-open": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{SuccessThreshold: 9}).halfOpen()
				return r, []func(){r.keep, r.keep, r.reconfigure(func(c *breaker.Config) { c.SuccessThreshold = 8 })}
			}, func(r *rig) {
				if r.most != 1 {
					r.fault("%d probes at a time, want 1", r.most)
				}
			},
		},
		"Reconfigure to fewer permits: a new round beside a permit that is given back": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 2, SuccessThreshold: 9}).halfOpen().take(2)
				r.reconfigure(func(c *breaker.Config) { c.HalfOpenMaxCalls = 1 })()
				r.clk.Advance(recovery)
				return r, []func(){r.keep, r.report(0, neutral)}
			}, func(r *rig) {
				if r.most != 1 {
					r.fault("%d probes of the new round, want 1", r.most)
				}
			},
		},
		"Reconfigure beside a probe's verdict": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{}).halfOpen().take(1)
				return r, []func(){r.report(0, bad), r.reconfigure(longer)}
			}, oneOf("open, half-open, open"),
		},
		"Reconfigure to fewer ProbeCalls beside the last of them": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 2, ProbeCalls: 3, ProbeFailureRate: 0.5}).halfOpen().take(2)
				return verdictIsInTime(r, good, func(c *breaker.Config) { c.ProbeCalls = 2 }, "open, half-open, closed")
			}, func(*rig) {},
		},
		"Reconfigure to a lower SuccessThreshold beside the last success": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 2, SuccessThreshold: 3}).halfOpen().take(2)
				return verdictIsInTime(r, good, func(c *breaker.Config) { c.SuccessThreshold = 2 }, "open, half-open, closed")
			}, func(*rig) {},
		},
		"Reconfigure to fewer permits beside the last Ignored probe": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 4}).halfOpen()
				for range 8 {
					r.call(neutral)()
				}
				return verdictIsInTime(r.take(2), neutral, func(c *breaker.Config) { c.HalfOpenMaxCalls = 2 }, "open, half-open, open")
			}, func(*rig) {},
		},
		"Reconfigure to fewer permits beside two callers": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{HalfOpenMaxCalls: 2, SuccessThreshold: 9}).halfOpen()
				fewer := r.reconfigure(func(c *breaker.Config) { c.HalfOpenMaxCalls = 1 })
				return r, []func(){r.keep, func() { fewer(); r.keep() }}
			}, func(r *rig) {
				if r.most != 1 {
					r.fault("%d probes at a time, and the last came when there was one place", r.most)
				}
			},
		},
		"Reconfigure back to a row beside a failure in it": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 9})
				r.reconfigure(func(c *breaker.Config) { c.WindowCalls = 9 })()
				must := int64(0)
				r.atEnd = func() {
					if n := r.Snapshot().Counts.Failures; n < must || n > 1 {
						r.fault("a row of %d failures, want %d", n, must)
					}
				}
				return r, []func(){r.reconfigure(func(*breaker.Config) {}), func() {
					if r.Config().WindowCalls == 0 {
						must = 1
					}
					r.call(bad)()
				}}
			}, oneOf(""),
		},
		"Reconfigure to a window and back beside a failure of the old row": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 1}).take(1)
				there := r.reconfigure(func(c *breaker.Config) { c.WindowCalls = 4 })
				back := r.reconfigure(func(*breaker.Config) {})
				away := false
				return r, []func(){func() { there(); touch(&away); away = true; back() }, func() {
					touch(&away)
					was := away
					if r.got[0].Record(bad); was && r.path() != "" {
						r.fault("a call of the old row opened the circuit under the new one")
					}
				}}
			}, oneOf("", "open"),
		},
		"Reconfigure of an open circuit whose time has elapsed": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 1}).take(1)
				r.got[0].Record(bad)
				r.clk.Advance(recovery)
				extend := r.reconfigure(longer)
				return r, []func(){r.keep, func() {
					extend()
					if r.State() == breaker.Open && r.State() != breaker.Open {
						r.fault("half-open before the new recovery timeout has passed")
					}
				}}
			}, oneOf("open", "open, half-open"),
		},
		"Trip beside Reconfigure": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 1})
				return r, []func(){func() { r.Trip(recovery, "test") }, r.reconfigure(longer)}
			}, oneOf("open"),
		},
		"two Reconfigures are both reported, and one is in force": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 5})
				set := func(n int) func() { return r.reconfigure(func(c *breaker.Config) { c.FailureThreshold = n }) }
				var at []int
				r.Watch(func(t breaker.Transition) {
					if t.From != t.To || t.Reason != breaker.ReasonReconfigured {
						r.fault("reported %+v", t)
					}
					at = append(at, 1)
				})
				r.atEnd = func() {
					if n := r.Config().FailureThreshold; len(at) != 2 || n != 3 && n != 4 {
						r.fault("threshold %d, told %d times", n, len(at))
					}
				}
				return r, []func(){set(3), set(4)}
			}, oneOf(""),
		},
	}
}

// listeners returns the scenes of Watch and stop beside moves.
func listeners() map[string]scenario {
	// heard returns a watcher that notes the states it is called for.
	heard := func(to *[]breaker.State) func(breaker.Transition) {
		return func(t breaker.Transition) { *to = append(*to, t.To) } // one call at a time
	}
	return map[string]scenario{
		"Watch beside a move reports all later moves": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 1}).take(1)
				var states []breaker.State
				r.atEnd = func() {
					if n := len(states); n == 0 || states[n-1] != breaker.Isolated || n > len(r.told) {
						r.fault("heard of %v", states)
					}
				}
				return r, []func(){r.report(0, bad), func() {
					r.Watch(heard(&states))
					r.Isolate("test")
				}}
			}, oneOf("open, isolated", "isolated"),
		},
		"a watcher that was stopped is not called for later moves": {
			func() (*rig, []func()) {
				r := newRig(breaker.Config{FailureThreshold: 1}).take(1)
				var states []breaker.State
				stop := r.Watch(heard(&states))
				r.atEnd = func() {
					if slices.Contains(states, breaker.Isolated) {
						r.fault("heard of %v", states)
					}
				}
				return r, []func(){r.report(0, bad), func() { stop(); r.Isolate("test") }}
			}, oneOf("open, isolated", "isolated"),
		},
	}
}
