package observe_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// aCall returns the events of one call through total timeout > retry > breaker > timeout.
func aCall(err error) []policy.Event {
	outcome := policy.Success
	if err != nil {
		outcome = policy.Failure
	}
	return []policy.Event{
		{Kind: policy.Started, Pipeline: "charge"},
		{Kind: policy.Judged, Pipeline: "charge", Policy: "breaker", Name: "stripe", Took: 12_345_678, Outcome: outcome, Err: err},
		{Kind: policy.Attempted, Pipeline: "charge", Policy: "retry", Attempt: 1, Took: 12_345_678, Elapsed: 12_345_678, Err: err},
		{Kind: policy.Finished, Pipeline: "charge", Attempt: 1, Elapsed: 12_345_678, Err: err},
	}
}

// BenchmarkObserve measures the events of a call, without the pipeline.
func BenchmarkObserve(b *testing.B) {
	ctx := context.Background()
	noop := policy.Observer(func(context.Context, policy.Event) {})
	stats := policy.Observer(observe.New(observe.Config{}).Observe)
	for _, one := range []struct {
		name    string
		observe policy.Observer
		events  []policy.Event
	}{
		{"noop", noop, aCall(nil)},
		{"four", stats, aCall(nil)},
		{"two", stats, aCall(nil)[2:]},
		{"failure", stats, aCall(errors.New("no route"))},
	} {
		b.Run(one.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for i := range one.events {
					one.observe(ctx, one.events[i])
				}
			}
		})
	}
}

// BenchmarkObserveParallel measures goroutines that share all series.
func BenchmarkObserveParallel(b *testing.B) {
	ctx, events := context.Background(), aCall(nil)
	s := observe.New(observe.Config{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			for i := range events {
				s.Observe(ctx, events[i])
			}
		}
	})
}

func BenchmarkSnapshot(b *testing.B) {
	for _, pipelines := range []int{1, 200} {
		b.Run("pipelines="+strconv.Itoa(pipelines), func(b *testing.B) {
			s := observe.New(observe.Config{})
			for i := range pipelines {
				for _, e := range append(aCall(nil), aCall(errDown)...) {
					e.Pipeline = "p" + strconv.Itoa(i)
					s.Observe(context.Background(), e)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				s.Snapshot()
			}
		})
	}
}
