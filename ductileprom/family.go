package ductileprom

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/ductile-go/ductile/observe"
)

// family is what the series of one metric share.
type family struct {
	desc   *prometheus.Desc
	kind   observe.Kind
	labels []label // sorted by name, as a registry wants them
}

// label is a label of a metric, and of the series that it is read from.
type label struct{ name, of string }

func newFamily(i observe.Instrument) *family {
	f := &family{kind: i.Kind}
	of := slices.Clone(i.Labels)
	if i.Keyed {
		of = append(of, observe.LabelKey)
	}
	if len(of) > 0 {
		of = append(of, observe.LabelOverflow)
	}
	names := make([]string, len(of))
	for j, one := range of {
		names[j] = labelName(one)
		f.labels = append(f.labels, label{names[j], one})
	}
	slices.SortFunc(f.labels, func(a, b label) int { return strings.Compare(a.name, b.name) })
	f.desc = prometheus.NewDesc(metricName(i), i.Help+".", names, nil)
	return f
}

// metricName returns the name of an instrument's metric, by the rules of OpenTelemetry's
// exporter for Prometheus: the unit and the kind are suffixes. Calls in flight are named
// as is usual for Prometheus.
func metricName(i observe.Instrument) string {
	if i.Name == "ductile.call.active" {
		return "ductile_calls_in_flight"
	}
	name := strings.ReplaceAll(i.Name, ".", "_")
	switch {
	case i.Kind == observe.KindCounter:
		return name + "_total"
	case i.Unit == "s":
		return name + "_seconds"
	case i.Unit == "1" && i.Kind == observe.KindGauge:
		return name + "_ratio"
	}
	return name
}

// labelName returns the name of the label for one of a series: pipeline.name is pipeline,
// error.type is error_type. The state of a circuit is just state.
func labelName(of string) string {
	if of == observe.LabelState {
		return "state"
	}
	return strings.ReplaceAll(strings.TrimSuffix(of, ".name"), ".", "_")
}

// metric returns a series as a metric. changed reports whether a label value was replaced.
func (f *family) metric(c *collector, one observe.Series) (m *metric, changed bool) {
	m = &metric{family: f, of: c, series: one, labels: make([]*dto.LabelPair, len(f.labels))}
	pairs := make([]dto.LabelPair, len(f.labels))
	for i := range f.labels {
		value := one.Labels[f.labels[i].of]
		if !utf8.ValidString(value) { // a registry would refuse all that it has gathered
			value, changed = strings.ToValidUTF8(value, "\uFFFD"), true
		}
		pairs[i].Name, pairs[i].Value = &f.labels[i].name, &value
		m.labels[i] = &pairs[i]
	}
	return m, changed
}
