package ductileotel

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// watch makes o report the state of sources, and count the moves of circuits: all moves of
// those that are watched, from Circuit.Watch, and the others from their events. stats
// tells them apart, so that none counts twice.
func (o *observer) watch(meter metric.Meter, sources []any) (err error) {
	o.stats = observe.New(observe.Config{})
	o.stats.Follow(o.moved, policy.StateChanged)
	if len(sources) == 0 {
		return nil
	}
	if err := watchAll(o.stats, sources); err != nil {
		return err
	}
	i := o.instruments
	_, err = meter.RegisterCallback(o.read, i.circuitState, i.queueLength, i.permitsUsed, i.permitsLimit, i.budgetRemaining, i.throttleRate)
	return err
}

// watchAll is Watch with an error in place of its panic, which says what is wrong with a
// source.
func watchAll(s *observe.Stats, sources []any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("ductileotel: NewObserver: a source is wrong: %v", r)
		}
	}()
	s.Watch(sources...)
	return nil
}

// read reports the state of the sources.
func (o *observer) read(_ context.Context, out metric.Observer) error {
	shares := map[string]metric.Float64Observable{
		"ductile.budget.remaining": o.budgetRemaining,
		"ductile.throttle.rate":    o.throttleRate,
	}
	of := map[string]metric.Int64Observable{
		"ductile.circuit.state": o.circuitState,
		"ductile.queue.length":  o.queueLength,
		"ductile.permits.used":  o.permitsUsed,
		"ductile.permits.limit": o.permitsLimit,
	}
	for _, s := range o.stats.Snapshot().Series {
		if i := shares[s.Name]; i != nil {
			out.ObserveFloat64(i, s.Value, setOf(s))
		} else if i := of[s.Name]; i != nil {
			out.ObserveInt64(i, int64(s.Value), setOf(s))
		}
	}
	return nil
}

// setOf returns the attributes of a series.
func setOf(s observe.Series) metric.MeasurementOption {
	var all []attribute.KeyValue
	for label, value := range s.Labels {
		all = append(all, labelled(label, value))
	}
	return metric.WithAttributeSet(attribute.NewSet(all...))
}
