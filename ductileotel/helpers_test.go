package ductileotel_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ductile-go/ductile/ductileotel"
	"github.com/ductile-go/ductile/policy"
)

var errDown = errors.New("down")

type attrs = map[string]string

// point is one data point: a sum or a gauge, or a histogram's sum, count and buckets.
type point struct {
	attrs   attrs
	value   float64
	count   uint64
	bounds  []float64
	buckets []uint64
}

// meter is an observer with a reader of what it records.
type meter struct {
	observe policy.Observer
	reader  *sdkmetric.ManualReader
}

func metered(t testing.TB, opts ...ductileotel.Option) meter {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithCardinalityLimit(100_000))
	observe, err := ductileotel.NewObserver(append(opts, ductileotel.WithMeterProvider(provider))...)
	require.NoError(t, err)
	return meter{observe, reader}
}

// observed passes events to the observer, as a pipeline does.
func (m meter) observed(events ...policy.Event) {
	for _, e := range events {
		m.observe(context.Background(), e)
	}
}

func (m meter) collect(t testing.TB) metricdata.ScopeMetrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, m.reader.Collect(context.Background(), &all))
	if len(all.ScopeMetrics) == 0 {
		return metricdata.ScopeMetrics{}
	}
	require.Len(t, all.ScopeMetrics, 1)
	return all.ScopeMetrics[0]
}

// points returns the data points of an instrument.
func (m meter) points(t testing.TB, name string) []point {
	t.Helper()
	for _, one := range m.collect(t).Metrics {
		if one.Name == name {
			return pointsOf(one.Data)
		}
	}
	return nil
}

// all returns the data points of all instruments.
func (m meter) all(t testing.TB) map[string][]point {
	t.Helper()
	of := map[string][]point{}
	for _, one := range m.collect(t).Metrics {
		of[one.Name] = pointsOf(one.Data)
	}
	return of
}

// point returns the data point with exactly these attributes.
func (m meter) point(t testing.TB, name string, want attrs) point {
	t.Helper()
	return find(t, name, m.points(t, name), want)
}

func find(t testing.TB, name string, all []point, want attrs) point {
	t.Helper()
	for _, p := range all {
		if maps.Equal(p.attrs, want) {
			return p
		}
	}
	require.Failf(t, "no such data point", "%s%v is not among %v", name, want, all)
	return point{}
}

func pointsOf(data metricdata.Aggregation) []point {
	switch data := data.(type) {
	case metricdata.Sum[int64]:
		return numbers(data.DataPoints)
	case metricdata.Gauge[float64]:
		return numbers(data.DataPoints)
	case metricdata.Histogram[int64]:
		return histograms(data.DataPoints)
	case metricdata.Histogram[float64]:
		return histograms(data.DataPoints)
	}
	return nil
}

func numbers[N int64 | float64](from []metricdata.DataPoint[N]) (all []point) {
	for _, p := range from {
		all = append(all, point{attrs: attrsOf(p.Attributes), value: float64(p.Value)})
	}
	return all
}

func histograms[N int64 | float64](from []metricdata.HistogramDataPoint[N]) (all []point) {
	for _, p := range from {
		all = append(all, point{attrsOf(p.Attributes), float64(p.Sum), p.Count, p.Bounds, p.BucketCounts})
	}
	return all
}

func attrsOf(set attribute.Set) attrs {
	all := attrs{}
	for _, kv := range set.ToSlice() {
		all[string(kv.Key)] = kv.Value.String()
	}
	return all
}
