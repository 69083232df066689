//go:build !race

package observe_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// One function for all tests, so that events have the same strings each time.
func allocsOf(s *observe.Stats, events ...policy.Event) float64 {
	ctx := context.Background()
	return testing.AllocsPerRun(1000, func() {
		for i := range events {
			s.Observe(ctx, events[i])
		}
	})
}

func TestObserveAllocatesNothing(t *testing.T) {
	for name, events := range map[string][]policy.Event{
		"success": aCall(nil),
		"failure": aCall(fmt.Errorf("x: %w", errDown)),
		"retried": aCall(&retry.Error{Reason: retry.ErrExhausted, Last: errDown}),
		"others": {
			{Kind: policy.Retried, Pipeline: "p", Policy: "retry", Reason: "backoff", Delay: 1},
			{Kind: policy.Rejected, Pipeline: "p", Policy: "breaker", Name: "stripe", Reason: "open", Key: "k"},
			{Kind: policy.Waited, Pipeline: "p", Policy: "bulkhead", Name: "db", Delay: 5},
			{Kind: policy.TimedOut, Pipeline: "p"},
		},
	} {
		assert.Zero(t, allocsOf(observe.New(observe.Config{}), events...), name)
		assert.Zero(t, allocsOf(observe.New(observe.Config{MaxKeys: 10}), events...), name)
	}
}

func TestInventedNamesAllocateNothingOnceTheLimitsAreReached(t *testing.T) {
	s := observe.New(observe.Config{MaxSeries: 1, MaxKeys: 1, MaxErrorTypes: 1})
	names := make([]string, 2002)
	for i := range names {
		names[i] = fmt.Sprint("name", i)
	}
	observed(s, policy.Event{Kind: policy.Rejected, Pipeline: "p", Key: "k"}, policy.Event{Kind: policy.Finished, Pipeline: "p"})
	i := 0
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		name := names[i]
		i++
		s.Observe(context.Background(), policy.Event{Kind: policy.Rejected, Pipeline: name, Name: name, Key: name})
		s.Observe(context.Background(), policy.Event{Kind: policy.Finished, Pipeline: "p", Key: name})
		s.Observe(context.Background(), policy.Event{Kind: policy.Judged, Pipeline: "p", Name: name, Key: name})
	}))
}

func TestAnObservedPipelineAllocatesNoMoreThanWithAnObserverThatDoesNothing(t *testing.T) {
	p := pipeline.New[int](retry.New[int](retry.Config{}), breaker.New[int](breaker.NewCircuit(breaker.Config{})))
	fn := func(context.Context) (int, error) { return 1, nil }
	allocs := func(o policy.Observer) float64 {
		p := p.WithObserver(o)
		return testing.AllocsPerRun(1000, func() { _, _ = p.Do(context.Background(), fn) })
	}
	assert.InDelta(t, allocs(func(context.Context, policy.Event) {}), allocs(observe.New(observe.Config{}).Observe), 0)
}
