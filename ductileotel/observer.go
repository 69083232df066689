package ductileotel

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// NewObserver returns an observer that records metrics. Pass it to WithObserver of a
// pipeline, once, without kinds, and not also to pipelines inside of it, whose events it
// would count twice. One observer serves all pipelines of a program.
//
// It records in the context of the call, so exemplars lead to the call's trace. It is safe
// for concurrent use, and allocates only to begin a series.
//
// The error joins those of the meter that makes the instruments. A source that is nil or
// of the wrong type is an error too. Circuits and other sources stay watched as long as
// the program runs, so make one observer for each.
func NewObserver(opts ...Option) (policy.Observer, error) {
	cfg := configOf(opts)
	meter := cfg.meters.Meter(ScopeName, metric.WithInstrumentationVersion(Version))
	all, err := newInstruments(meter)
	if err != nil {
		return nil, fmt.Errorf("ductileotel: NewObserver: cannot make the instruments: %w", err)
	}
	o := &observer{instruments: all, store: newStore(), attributes: cfg.attributes}
	if err := o.watch(meter, cfg.sources); err != nil {
		return nil, err
	}
	return o.observe, nil
}

type observer struct {
	*instruments
	store      *store
	stats      *observe.Stats // of the sources
	attributes func(ctx context.Context, e policy.Event) []attribute.KeyValue
}

func (o *observer) observe(ctx context.Context, e policy.Event) {
	switch e.Kind {
	case policy.Started:
		o.started(ctx, &e)
	case policy.Finished:
		o.finished(ctx, &e)
	case policy.Attempted:
		o.attempted(ctx, &e)
	case policy.Judged:
		o.count(ctx, o.circuitCalls, &e, key{kind: circuitCalls, circuit: nameOf(&e), outcome: e.Outcome.String(), variant: slow(&e)})
	case policy.Retried:
		o.time(ctx, o.retryDelay, e.Delay, &e, key{kind: retryDelay, pipeline: e.Pipeline, policy: nameOf(&e), variant: e.Reason})
	case policy.Rejected:
		o.count(ctx, o.rejections, &e, key{kind: rejections, pipeline: e.Pipeline, policy: nameOf(&e), policyType: e.Policy, variant: e.Reason})
	case policy.Waited:
		o.time(ctx, o.queueWait, e.Delay, &e, key{kind: queueWait, policy: nameOf(&e), policyType: e.Policy})
	case policy.StateChanged:
		o.stats.Observe(ctx, e) // calls moved, unless the circuit is watched
	}
}

// nameOf returns the policy's name, or its kind if it has none.
func nameOf(e *policy.Event) string {
	if e.Name != "" {
		return e.Name
	}
	return e.Policy
}

func slow(e *policy.Event) string {
	if e.Reason == "slow" {
		return "true"
	}
	return "false"
}

func (o *observer) started(ctx context.Context, e *policy.Event) {
	r := o.active(e.Pipeline)
	r.pipe.active.Add(1)
	o.callActive.Add(ctx, 1, r.add...)
	o.drop(ctx, r)
}

// active returns the series of a pipeline's calls in flight.
func (o *observer) active(pipeline string) *series {
	return o.store.find(&key{kind: callActive, pipeline: pipeline}, attribute.Set{})
}

func (o *observer) finished(ctx context.Context, e *policy.Event) {
	if r := o.active(e.Pipeline); r.pipe.end() {
		o.callActive.Add(ctx, -1, r.add...)
		o.drop(ctx, r)
	}
	k := key{kind: callDuration, pipeline: e.Pipeline, operation: observe.Operation(ctx), outcome: observe.Outcome(ctx, e.Err)}
	if e.Err != nil {
		k.errorType = observe.ErrorType(e.Err)
	} else if k.rescue = e.Reason; k.rescue == "" {
		k.rescue = "none"
	}
	o.time(ctx, o.callDuration, e.Elapsed, e, k)
	attempts := o.find(ctx, e, &key{kind: callAttempts, pipeline: e.Pipeline})
	o.callAttempts.Record(ctx, int64(max(1, e.Attempt)), attempts.record...)
}

// end counts the end of a call, and reports false if no call was in flight. It compares
// and swaps: of two calls that end without a beginning, a plain subtraction by each could
// go below 0.
func (p *pipe) end() bool {
	for {
		n := p.active.Load()
		if n == 0 {
			return false
		}
		if p.active.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

func (o *observer) attempted(ctx context.Context, e *policy.Event) {
	k := key{
		kind: attemptDuration, pipeline: e.Pipeline, policy: nameOf(e),
		variant: attemptType(e), outcome: observe.Outcome(ctx, e.Err), errorType: observe.ErrorType(e.Err),
	}
	o.time(ctx, o.attemptDuration, e.Took, e, k)
}

func attemptType(e *policy.Event) string {
	switch {
	case e.Attempt <= 1:
		return "original"
	case e.Policy == "hedge":
		return "hedge"
	}
	return "retry"
}

// moved counts a move of a circuit.
func (o *observer) moved(ctx context.Context, e policy.Event) {
	o.count(ctx, o.circuitTransitions, &e, key{kind: circuitTransitions, circuit: nameOf(&e), variant: e.From, to: e.To})
}

func (o *observer) count(ctx context.Context, c metric.Int64Counter, e *policy.Event, k key) {
	c.Add(ctx, 1, o.find(ctx, e, &k).add...)
}

func (o *observer) time(ctx context.Context, h metric.Float64Histogram, d time.Duration, e *policy.Event, k key) {
	h.Record(ctx, d.Seconds(), o.find(ctx, e, &k).record...)
}

// find returns the series of k for a measurement of an event, and counts the measurement
// as dropped if it goes to an overflow series.
func (o *observer) find(ctx context.Context, e *policy.Event, k *key) *series {
	var more attribute.Set
	if o.attributes != nil {
		if all := o.attributes(ctx, *e); len(all) > 0 {
			more = attribute.NewSet(slices.Clone(all)...) // which sorts what it is given
			k.more = more.Equivalent()
		}
	}
	r := o.store.find(k, more)
	o.drop(ctx, r)
	return r
}

func (o *observer) drop(ctx context.Context, r *series) {
	if r.rest {
		o.dropped.Add(ctx, 1)
	}
}
