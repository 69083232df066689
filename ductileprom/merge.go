package ductileprom

import (
	"strings"

	"github.com/ductile-go/ductile/observe"
)

// merged returns metrics with those of the same name and labels combined into one, as
// package observe combines things of the same name.
func merged(all []*metric) []*metric {
	kept := all[:0]
	first := map[string]*metric{}
	for _, m := range all {
		id := m.identity()
		was := first[id]
		if was == nil {
			first[id] = m
			kept = append(kept, m)
			continue
		}
		if h := m.series.Histogram; h != nil {
			was.series.Histogram = sum(was.series.Histogram, h)
			continue
		}
		was.series.Value = m.combined(was.series.Value, m.series.Value)
	}
	return kept
}

// combined returns the value of two series in one: counts are added up, a circuit of the
// two is in a state, of budgets the lowest counts, and of throttles the highest rate.
func (m *metric) combined(a, b float64) float64 {
	switch {
	case m.series.Name == "ductile.circuit.state", m.series.Name == "ductile.throttle.rate":
		return max(a, b)
	case m.kind == observe.KindGauge:
		return min(a, b)
	}
	return a + b
}

// identity returns the name and the labels of m. Label values are valid UTF-8, in which
// the separator does not occur.
func (m *metric) identity() string {
	var b strings.Builder
	b.WriteString(m.series.Name)
	for _, pair := range m.labels {
		b.WriteString("\xff" + pair.GetValue())
	}
	return b.String()
}

// sum returns the sum of two histograms of the same instrument.
func sum(a, b *observe.Histogram) *observe.Histogram {
	out := &observe.Histogram{
		Count: a.Count + b.Count, Sum: a.Sum + b.Sum, Zero: a.Zero + b.Zero,
		Bounds: a.Bounds, AtMost: make([]uint64, len(a.AtMost)),
	}
	for i := range out.AtMost {
		out.AtMost[i] = a.AtMost[i] + b.AtMost[i]
	}
	if len(b.Buckets) == 0 {
		a, b = b, a
	}
	if len(a.Buckets) == 0 {
		out.Offset, out.Buckets = b.Offset, b.Buckets
		return out
	}
	out.Offset = min(a.Offset, b.Offset)
	out.Buckets = make([]uint64, max(a.Offset+len(a.Buckets), b.Offset+len(b.Buckets))-out.Offset)
	for _, h := range []*observe.Histogram{a, b} {
		for j, n := range h.Buckets {
			out.Buckets[h.Offset-out.Offset+j] += n
		}
	}
	return out
}
