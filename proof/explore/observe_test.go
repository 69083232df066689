//go:build ductile_explore

package explore

import (
	"context"
	"fmt"
	"hash/maphash"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/proof/row"
)

// tableSeed is the seed of the table of every Stats here. With a random seed for each, a
// schedule would not repeat.
var tableSeed = maphash.MakeSeed()

func newStats(cfg observe.Config) *observe.Stats {
	s := observe.New(cfg)
	table := reflect.ValueOf(s).Elem().FieldByName("table").Elem()
	*(*maphash.Seed)(table.FieldByName("seed").Addr().UnsafePointer()) = tableSeed
	return s
}

// tells returns a thread that reports events to s.
func observes(s *observe.Stats, events ...policy.Event) func() {
	return func() {
		for _, e := range events {
			s.Observe(context.Background(), e)
		}
	}
}

// rejection returns the shortest event.
func rejection(pipeline, key string) policy.Event {
	return policy.Event{Kind: policy.Rejected, Pipeline: pipeline, Policy: "breaker", Name: "c", Reason: "open", Key: key}
}

// counts returns the measurements of an instrument by the value of a label.
func counts(s *observe.Stats, instrument, label string) map[string]float64 {
	n := map[string]float64{}
	for _, one := range s.Snapshot().Series {
		if one.Name != instrument {
			continue
		}
		by := one.Labels[label]
		if one.Labels[observe.LabelOverflow] != "" {
			by = "overflow"
		}
		if n[by] += one.Value; one.Histogram != nil {
			n[by] += float64(one.Histogram.Count)
		}
	}
	return n
}

// expects returns an error if the measurements are others.
func expects(s *observe.Stats, instrument, label string, want ...map[string]float64) error {
	got := counts(s, instrument, label)
	for _, one := range want {
		if reflect.DeepEqual(got, one) {
			return nil
		}
	}
	return fmt.Errorf("%s: %v, want one of %v", instrument, got, want)
}

const rejections = "ductile.rejections"

func observing() map[string]func() Program {
	return map[string]func() Program{
		"three that begin the same series": func() Program {
			s := newStats(observe.Config{MaxSeries: 8})
			one := observes(s, rejection("p", ""))
			return Program{Threads: []func(){one, one, one}, Check: func() error {
				return expects(s, rejections, observe.LabelPipeline, map[string]float64{"p": 3})
			}}
		},
		"two that begin the last series": func() Program {
			s := newStats(observe.Config{MaxSeries: 1})
			return Program{Threads: []func(){observes(s, rejection("p", ""), rejection("p", "")), observes(s, rejection("q", ""))}, Check: func() error {
				if err := expects(s, rejections, observe.LabelPipeline,
					map[string]float64{"p": 2, "overflow": 1}, map[string]float64{"q": 1, "overflow": 2},
				); err != nil {
					return err
				}
				dropped := counts(s, "ductile.series.dropped", "")[""]
				if over := counts(s, rejections, observe.LabelPipeline)["overflow"]; dropped != over {
					return fmt.Errorf("%v dropped, %v in the overflow series", dropped, over)
				}
				return nil
			}}
		},
		"two keys where there is room for one": func() Program {
			s := newStats(observe.Config{MaxSeries: 8, MaxKeys: 1})
			return Program{Threads: []func(){observes(s, rejection("p", "a")), observes(s, rejection("p", "b"))}, Check: func() error {
				return expects(s, rejections, observe.LabelKey,
					map[string]float64{"a": 1, observe.Other: 1}, map[string]float64{"b": 1, observe.Other: 1})
			}}
		},
		"a key that is forgotten while it is used": func() Program {
			s := newStats(observe.Config{MaxSeries: 8, MaxKeys: 1})
			observes(s, rejection("p", "a"))()
			forget := observes(s, policy.Event{Kind: policy.Forgotten, Pipeline: "p", Key: "a"})
			return Program{Threads: []func(){observes(s, rejection("p", "a")), forget}, Check: func() error {
				// Its second measurement came before, and went with the series, or began a new one.
				if err := expects(s, rejections, observe.LabelKey, map[string]float64{}, map[string]float64{"a": 1}); err != nil {
					return err
				}
				again := observes(s, rejection("p", "a"))
				again()
				again()
				if err := expects(s, rejections, observe.LabelKey, map[string]float64{"a": 2}, map[string]float64{"a": 3}); err != nil {
					return err
				}
				forget()
				observes(s, rejection("p", "b"))()
				return expects(s, rejections, observe.LabelKey, map[string]float64{"b": 1})
			}}
		},
		"two that forget a key": func() Program {
			s := newStats(observe.Config{MaxSeries: 8, MaxKeys: 1})
			observes(s, rejection("p", "a"))()
			forget := observes(s, policy.Event{Kind: policy.Forgotten, Pipeline: "p", Key: "a"})
			return Program{Threads: []func(){forget, forget}, Check: func() error {
				observes(s, rejection("p", "b"), rejection("p", "c"))() // its place is free once
				return expects(s, rejections, observe.LabelKey, map[string]float64{"b": 1, observe.Other: 1})
			}}
		},
		"durations beside a snapshot": func() Program {
			s := newStats(observe.Config{MaxSeries: 8})
			wait := policy.Event{Kind: policy.Waited, Policy: "bulkhead", Delay: time.Second}
			observes(s, wait)()
			var fault error
			look := func() {
				one, _ := s.Snapshot().Find("ductile.queue.wait", nil)
				h := one.Histogram
				sum := h.Zero
				for _, n := range h.Buckets {
					sum += n
				}
				if h.Count != sum || h.Sum < float64(h.Count) {
					fault = fmt.Errorf("%d measurements of 1 s, %v in buckets, sum %v", h.Count, h.Buckets, h.Sum)
				}
			}
			return Program{Threads: []func(){observes(s, wait), look}, Check: func() error {
				if fault != nil {
					return fault
				}
				return expects(s, "ductile.queue.wait", observe.LabelPolicy, map[string]float64{"bulkhead": 2})
			}}
		},
		"two durations collide": func() Program {
			s := newStats(observe.Config{MaxSeries: 8})
			wait := observes(s, policy.Event{Kind: policy.Waited, Policy: "bulkhead", Delay: time.Second})
			wait()
			return Program{Threads: []func(){wait, wait}, Check: func() error {
				return expects(s, "ductile.queue.wait", observe.LabelPolicy, map[string]float64{"bulkhead": 3})
			}}
		},
		"a call beside a snapshot": func() Program {
			s := newStats(observe.Config{MaxSeries: 8})
			call := observes(s, policy.Event{Kind: policy.Started, Pipeline: "p"}, policy.Event{Kind: policy.Finished, Pipeline: "p", Attempt: 1})
			call()
			var fault error
			look := func() {
				if n := counts(s, "ductile.call.active", observe.LabelPipeline)["p"]; n < 0 || n > 1 {
					fault = fmt.Errorf("%v calls in flight", n)
				}
			}
			return Program{Threads: []func(){call, look}, Check: func() error {
				if fault != nil {
					return fault
				}
				return expects(s, "ductile.call.active", observe.LabelPipeline, map[string]float64{"p": 0})
			}}
		},
	}
}

func TestEveryMeasurementLandsSomewhere(t *testing.T) {
	var sum Report
	most := min(*most, 3000) // of a scene: snapshots are long
	whole, least := 0, most
	scenes := observing()
	for name, build := range scenes {
		report, err := Deepest(build, most, hookLocks)
		require.NoError(t, err, name)
		require.Greater(t, report.Longest, 2, "%s: the store does not stop at its atomic operations", name)
		sum.Schedules += report.Schedules
		sum.States += report.States
		sum.Longest = max(sum.Longest, report.Longest)
		if report.Whole {
			whole++
		}
		least = min(least, report.Bound)
	}
	row.Row{
		Searched: fmt.Sprintf("interleavings of the atomic operations of observe.Stats, %d scenes of 2 or 3 goroutines", len(scenes)),
		Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
		Result:   fmt.Sprintf("none loses a measurement or counts one twice; %d scenes whole but for the order of what commutes, all with %d preemptions or more", whole, least),
	}.Print()
}
