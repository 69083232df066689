package observe_test

import (
	"context"
	"errors"
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
