package ductileotel

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// ScopeName is the name of the meter and of the tracer: the import path of this package.
const ScopeName = "github.com/ductile-go/ductile/ductileotel"

// Version is the version of the meter and of the tracer.
const Version = "0.1.0"

// Option changes [NewObserver] and [Trace].
type Option func(*config)

type config struct {
	meters     metric.MeterProvider
	tracers    trace.TracerProvider
	attributes func(ctx context.Context, e policy.Event) []attribute.KeyValue
	sources    []any
}

// WithMeterProvider sets the provider of [NewObserver]'s meter. The default, also for a nil
// p, is the global provider. [Trace] ignores it.
func WithMeterProvider(p metric.MeterProvider) Option { return func(c *config) { c.meters = p } }

// WithTracerProvider sets the provider of [Trace]'s tracer. The default, also for a nil p,
// is the global provider. [NewObserver] ignores it.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracers = p } }

// WithAttributes adds attributes to each measurement that an event leads to, and to the
// span events of [Trace]. fn runs on the goroutine of the call and must be safe for
// concurrent use. It should return few different values: each set of values is a series,
// of at most 2000 an instrument. The attributes of this package win over those of the same
// key. ductile.call.active and the instruments that are read from sources get none.
// Measurements with further attributes cost more: their set is built for each.
func WithAttributes(fn func(ctx context.Context, e policy.Event) []attribute.KeyValue) Option {
	return func(c *config) { c.attributes = fn }
}

// WithCircuits makes [NewObserver] report the state of circuits, and count every move of
// them, also those by hand. StateChanged events for circuits of the same name are then left
// out, so that no move counts twice.
func WithCircuits(circuits ...*breaker.Circuit) Option {
	return func(c *config) {
		for _, circuit := range circuits {
			c.sources = append(c.sources, circuit)
		}
	}
}

// WithSources makes [NewObserver] report the state of sources: of all that
// [observe.Stats.Watch] takes. Gates and limiters have permits and a queue, retry budgets
// what is left of them, circuits are as with [WithCircuits]. Keyed maps stand for their
// members, now and later.
func WithSources(sources ...any) Option {
	sources = slices.Clone(sources)
	return func(c *config) { c.sources = append(c.sources, sources...) }
}

func configOf(opts []Option) config {
	var c config
	for _, opt := range opts {
		if opt != nil {
			opt(&c)
		}
	}
	if c.meters == nil {
		c.meters = otel.GetMeterProvider()
	}
	if c.tracers == nil {
		c.tracers = otel.GetTracerProvider()
	}
	return c
}
