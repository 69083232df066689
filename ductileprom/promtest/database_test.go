package promtest_test

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// database holds what was scraped, for Prometheus' query engine. It is a storage.Queryable.
type database struct {
	format         string // to ask for
	withoutClassic bool   // as a Prometheus that does not keep classic buckets beside native ones

	series map[string]*series // by labels
}

// series is one series, with its samples in the order of time.
type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// databases are Prometheus servers with different configurations.
func databases() map[string]*database {
	return map[string]*database{
		"classic": {format: openMetrics},
		"native":  {format: protobuf, withoutClassic: true},
	}
}

// add stores a scrape. A series that is not in it any more gets a staleness marker, as in
// Prometheus.
func (db *database) add(all []sample, at time.Time) {
	if db.series == nil {
		db.series = map[string]*series{}
	}
	native := map[string]bool{}
	for _, one := range all {
		native[one.labels.Get("__name__")] = one.native != nil
	}
	t := at.UnixMilli()
	for _, one := range all {
		if db.withoutClassic && classicOf(one, native) {
			continue
		}
		// As Prometheus does with the target's labels.
		with := labels.NewBuilder(one.labels).Set("job", "shop").Set("instance", "shop:80").Labels()
		key := with.String()
		if db.series[key] == nil {
			db.series[key] = &series{labels: with}
		}
		db.series[key].samples = append(db.series[key].samples, point{t, one.value, one.native})
	}
	for _, one := range db.series {
		if last := one.samples[len(one.samples)-1]; last.T() != t && !value.IsStaleNaN(last.F()) {
			one.samples = append(one.samples, point{t, math.Float64frombits(value.StaleNaN), nil})
		}
	}
}

// classicOf reports whether one is a series of a histogram that is also a native one.
func classicOf(one sample, native map[string]bool) bool {
	name := one.labels.Get("__name__")
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if n := len(name) - len(suffix); n > 0 && name[n:] == suffix && native[name[:n]] {
			return true
		}
	}
	return false
}

// Querier implements storage.Queryable.
func (db *database) Querier(from, to int64) (storage.Querier, error) {
	return querier{db, from, to}, nil
}

type querier struct {
	db       *database
	from, to int64
}

func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &seriesSet{}
	for _, one := range q.db.series {
		if matches(one.labels, matchers) {
			samples := slices.DeleteFunc(slices.Clone(one.samples), func(s chunks.Sample) bool { return s.T() < q.from || s.T() > q.to })
			found.all = append(found.all, storage.NewListSeries(one.labels, samples))
		}
	}
	slices.SortFunc(found.all, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return found
}

func matches(with labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(with.Get(m.Name)) {
			return false
		}
	}
	return true
}

func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	panic("a query asks for label values")
}

func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	panic("a query asks for label names")
}

func (querier) Close() error { return nil }

type seriesSet struct {
	all []storage.Series
	n   int
}

func (s *seriesSet) Next() bool                        { s.n++; return s.n <= len(s.all) }
func (s *seriesSet) At() storage.Series                { return s.all[s.n-1] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// point is a sample at a time in milliseconds.
type point struct {
	t int64
	f float64
	h *histogram.Histogram
}

func (p point) T() int64                      { return p.t }
func (p point) ST() int64                     { return 0 }
func (p point) F() float64                    { return p.f }
func (p point) H() *histogram.Histogram       { return p.h }
func (p point) FH() *histogram.FloatHistogram { return p.h.ToFloat(nil) }
func (p point) Copy() chunks.Sample           { return p }
func (p point) Type() chunkenc.ValueType {
	if p.h != nil {
		return chunkenc.ValHistogram
	}
	return chunkenc.ValFloat
}
