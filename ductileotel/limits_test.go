package ductileotel_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"

	"github.com/ductile-go/ductile/ductileotel"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// typed is an error of a type of the test's choosing.
type typed string

func (e typed) Error() string     { return "failed" }
func (e typed) ErrorType() string { return string(e) }

var overflow = attrs{"otel.metric.overflow": "true"}

func TestErrorTypesBeyondTheLimitAreOther(t *testing.T) {
	m := metered(t)
	for i := range observe.DefaultMaxErrorTypes + 5 {
		err := typed(fmt.Sprintf("e%02d", i))
		m.observed(policy.Event{Kind: policy.Finished, Pipeline: "p", Err: err}, policy.Event{Kind: policy.Attempted, Pipeline: "p", Policy: "retry", Err: err})
	}
	m.observed(policy.Event{Kind: policy.Finished, Pipeline: "q", Err: typed("e20")}) // another pipeline has its own
	assert.Len(t, m.points(t, "ductile.call.duration"), observe.DefaultMaxErrorTypes+2)
	assert.EqualValues(t, 5, m.point(t, "ductile.call.duration", attrs{
		"ductile.pipeline.name": "p", "ductile.outcome": "failure", "error.type": "_OTHER",
	}).count)
	assert.EqualValues(t, 5, m.point(t, "ductile.attempt.duration", attrs{
		"ductile.pipeline.name": "p", "ductile.policy.name": "retry", "ductile.attempt.type": "original",
		"ductile.outcome": "failure", "error.type": "_OTHER",
	}).count)
	assert.EqualValues(t, 1, m.point(t, "ductile.call.duration", attrs{
		"ductile.pipeline.name": "q", "ductile.outcome": "failure", "error.type": "e20",
	}).count)
}

func TestOperationsBeyondTheLimitAreOther(t *testing.T) {
	m := metered(t)
	for i := range observe.DefaultMaxOperations + 3 {
		m.observe(observe.WithOperation(context.Background(), fmt.Sprint(i)), policy.Event{Kind: policy.Finished, Pipeline: "p"})
	}
	assert.EqualValues(t, 3, m.point(t, "ductile.call.duration", attrs{
		"ductile.pipeline.name": "p", "ductile.outcome": "success", "ductile.rescue": "none", "ductile.operation": "_OTHER",
	}).count)
}

func TestSeriesBeyondTheLimitShareAnOverflowSeriesAndNoMeasurementIsLost(t *testing.T) {
	m := metered(t)
	const more = 7
	for i := range observe.DefaultMaxSeries + more {
		m.observed(policy.Event{Kind: policy.Judged, Policy: "breaker", Name: fmt.Sprint(i), Outcome: policy.Success})
	}
	assert.Len(t, m.points(t, "ductile.circuit.calls"), observe.DefaultMaxSeries+1)
	assert.InDelta(t, more, m.point(t, "ductile.circuit.calls", overflow).value, 0)
	assert.InDelta(t, more, m.point(t, "ductile.series.dropped", attrs{}).value, 0)
	m.observed(policy.Event{Kind: policy.Judged, Policy: "breaker", Name: "0", Outcome: policy.Success})
	assert.InDelta(t, 2, m.point(t, "ductile.circuit.calls", attrs{
		"ductile.circuit.name": "0", "ductile.outcome": "success", "ductile.slow": "false",
	}).value, 0, "a series that is there goes on")
}

func TestPipelinesBeyondTheLimitShareTheOverflowSeriesOfEachInstrument(t *testing.T) {
	m := metered(t)
	const more = 3
	for i := range observe.DefaultMaxSeries + more {
		m.observed(
			policy.Event{Kind: policy.Started, Pipeline: fmt.Sprint(i)},
			policy.Event{Kind: policy.Rejected, Pipeline: fmt.Sprint(i), Policy: "breaker", Reason: "open"},
		)
	}
	assert.InDelta(t, more, m.point(t, "ductile.call.active", overflow).value, 0)
	for i := range observe.DefaultMaxSeries + more {
		m.observed(policy.Event{Kind: policy.Finished, Pipeline: fmt.Sprint(i)})
	}
	all := m.all(t)
	assert.InDelta(t, 0, find(t, "active", all["ductile.call.active"], overflow).value, 0)
	assert.InDelta(t, more, find(t, "rejections", all["ductile.rejections"], overflow).value, 0)
	assert.EqualValues(t, more, find(t, "duration", all["ductile.call.duration"], overflow).count)
	assert.EqualValues(t, more, find(t, "attempts", all["ductile.call.attempts"], overflow).count)
	assert.InDelta(t, 5*more, find(t, "dropped", all["ductile.series.dropped"], attrs{}).value, 0)
}

func TestTheUsersAttributesAreBoundedToo(t *testing.T) {
	i := 0
	m := metered(t, ductileotel.WithAttributes(func(context.Context, policy.Event) []attribute.KeyValue {
		i++
		return []attribute.KeyValue{attribute.Int("request.id", i)}
	}))
	for range observe.DefaultMaxSeries + 9 {
		m.observed(policy.Event{Kind: policy.Rejected, Pipeline: "p", Policy: "breaker", Reason: "open"})
	}
	assert.Len(t, m.points(t, "ductile.rejections"), observe.DefaultMaxSeries+1)
	assert.InDelta(t, 9, m.point(t, "ductile.rejections", overflow).value, 0)
}

// Goroutines add the same series at the same time, while the table grows.
func TestNoMeasurementIsLostWhileSeriesAreAdded(t *testing.T) {
	m := metered(t)
	const goroutines, each, names = 8, 2000, 300
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 1))
			for range each {
				name := fmt.Sprint(random.IntN(names))
				m.observed(
					policy.Event{Kind: policy.Started, Pipeline: name},
					policy.Event{Kind: policy.Finished, Pipeline: name, Err: typed(fmt.Sprint(random.IntN(40)))},
				)
			}
		})
	}
	all.Wait()
	var calls uint64
	types := map[string]map[string]bool{}
	for _, p := range m.points(t, "ductile.call.duration") {
		calls += p.count
		name := p.attrs["ductile.pipeline.name"]
		if types[name] == nil {
			types[name] = map[string]bool{}
		}
		types[name][p.attrs["error.type"]] = true
	}
	assert.EqualValues(t, goroutines*each, calls)
	for name, of := range types {
		if name != "" { // of the overflow series
			assert.LessOrEqual(t, len(of), observe.DefaultMaxErrorTypes+1)
		}
	}
	for _, p := range m.points(t, "ductile.call.active") {
		assert.Zero(t, p.value, p.attrs)
	}
}
