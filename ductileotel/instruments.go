package ductileotel

import (
	"errors"

	"go.opentelemetry.io/otel/metric"

	"github.com/ductile-go/ductile/observe"
)

// instruments are those of observe.Instruments.
type instruments struct {
	callDuration, attemptDuration, retryDelay, queueWait  metric.Float64Histogram
	callAttempts                                          metric.Int64Histogram
	rejections, circuitCalls, circuitTransitions, dropped metric.Int64Counter
	callActive                                            metric.Int64UpDownCounter
	circuitState, queueLength, permitsUsed, permitsLimit  metric.Int64ObservableUpDownCounter
	budgetRemaining, throttleRate                         metric.Float64ObservableGauge
}

// newInstruments makes the instruments, or returns all errors, joined.
func newInstruments(meter metric.Meter) (*instruments, error) {
	m := maker{meter: meter, of: map[string]observe.Instrument{}}
	for _, i := range observe.Instruments() {
		m.of[i.Name] = i
	}
	all := &instruments{
		callDuration:       m.seconds("ductile.call.duration"),
		attemptDuration:    m.seconds("ductile.attempt.duration"),
		retryDelay:         m.seconds("ductile.retry.delay"),
		queueWait:          m.seconds("ductile.queue.wait"),
		callAttempts:       m.attempts("ductile.call.attempts"),
		rejections:         m.counter("ductile.rejections"),
		circuitCalls:       m.counter("ductile.circuit.calls"),
		circuitTransitions: m.counter("ductile.circuit.transitions"),
		dropped:            m.counter("ductile.series.dropped"),
		callActive:         m.upDown("ductile.call.active"),
		circuitState:       m.observed("ductile.circuit.state"),
		queueLength:        m.observed("ductile.queue.length"),
		permitsUsed:        m.observed("ductile.permits.used"),
		permitsLimit:       m.observed("ductile.permits.limit"),
		budgetRemaining:    m.gauge("ductile.budget.remaining"),
		throttleRate:       m.gauge("ductile.throttle.rate"),
	}
	return all, errors.Join(m.errs...)
}

// maker makes instruments as package observe describes them, and keeps the errors.
type maker struct {
	meter metric.Meter
	of    map[string]observe.Instrument
	errs  []error
}

func (m *maker) failed(err error) {
	if err != nil {
		m.errs = append(m.errs, err)
	}
}

func (m *maker) seconds(name string) metric.Float64Histogram {
	i := m.of[name]
	h, err := m.meter.Float64Histogram(name, metric.WithUnit(i.Unit), metric.WithDescription(i.Help), metric.WithExplicitBucketBoundaries(i.Bounds...))
	m.failed(err)
	return h
}

func (m *maker) attempts(name string) metric.Int64Histogram {
	i := m.of[name]
	h, err := m.meter.Int64Histogram(name, metric.WithUnit(i.Unit), metric.WithDescription(i.Help), metric.WithExplicitBucketBoundaries(i.Bounds...))
	m.failed(err)
	return h
}

func (m *maker) counter(name string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(name, metric.WithUnit(m.of[name].Unit), metric.WithDescription(m.of[name].Help))
	m.failed(err)
	return c
}

func (m *maker) upDown(name string) metric.Int64UpDownCounter {
	c, err := m.meter.Int64UpDownCounter(name, metric.WithUnit(m.of[name].Unit), metric.WithDescription(m.of[name].Help))
	m.failed(err)
	return c
}

func (m *maker) observed(name string) metric.Int64ObservableUpDownCounter {
	c, err := m.meter.Int64ObservableUpDownCounter(name, metric.WithUnit(m.of[name].Unit), metric.WithDescription(m.of[name].Help))
	m.failed(err)
	return c
}

func (m *maker) gauge(name string) metric.Float64ObservableGauge {
	g, err := m.meter.Float64ObservableGauge(name, metric.WithUnit(m.of[name].Unit), metric.WithDescription(m.of[name].Help))
	m.failed(err)
	return g
}
