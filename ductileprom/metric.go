package ductileprom

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/ductile-go/ductile/observe"
)

// metric is a series of one scrape. It is a [prometheus.Metric] of its own because
// client_golang has no constant histogram with both classic and native buckets.
type metric struct {
	*family
	of     *collector
	series observe.Series
	labels []*dto.LabelPair
}

// Desc returns the description that the metric shares with others of its name.
func (m *metric) Desc() *prometheus.Desc { return m.desc }

// Write sets out to the series.
func (m *metric) Write(out *dto.Metric) error {
	out.Label = m.labels
	switch m.kind {
	case observe.KindHistogram:
		out.Histogram = m.histogram()
	case observe.KindCounter:
		out.Counter = &dto.Counter{Value: &m.series.Value}
	default:
		out.Gauge = &dto.Gauge{Value: &m.series.Value}
	}
	return nil
}
