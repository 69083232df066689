package ductileprom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/observe"
)

// collector exports the series of a Stats.
type collector struct {
	stats           *observe.Stats
	classic, native bool

	families map[string]*family // by the name of the instrument; not changed after New
}

// NewCollector returns a Collector of the series of s, for a registry of the caller's
// choice. It registers nothing itself. Each Collect takes one [observe.Stats.Snapshot], so
// calls do no work for it. To add labels to all series, register the collector through
// [prometheus.WrapRegistererWith].
//
// The Collector may be used by several registries and scrapes at the same time. Two
// Collectors fit into one registry only with different labels. NewCollector panics if s is
// nil or zero, or an option is nil.
func NewCollector(s *observe.Stats, opts ...Option) prometheus.Collector {
	if s == nil {
		panic("ductileprom: NewCollector: s is nil, want the *observe.Stats to export")
	}
	if err := origin.Stats(s); err != nil {
		panic("ductileprom: NewCollector: " + err.Error())
	}
	c := &collector{stats: s, classic: true, native: true, families: map[string]*family{}}
	for _, o := range opts {
		if o == nil {
			panic("ductileprom: NewCollector: an Option is nil, want none or one of this package")
		}
		o(c)
	}
	for _, i := range observe.Instruments() {
		c.families[i.Name] = newFamily(i)
	}
	return c
}

// Describe sends the description of every metric, so that a registry checks them.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range c.families {
		ch <- f.desc
	}
}

// Collect sends the present series.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, m := range c.metrics(c.stats.Snapshot()) {
		ch <- m
	}
}

// metrics returns the series of a snapshot. A registry refuses all that it has gathered if
// two series have the same labels. Two that differ only in bytes that are not UTF-8 would
// after these are replaced: they are added up.
func (c *collector) metrics(snap observe.Snapshot) []*metric {
	all := make([]*metric, 0, len(snap.Series))
	replaced := false
	for _, one := range snap.Series {
		if f := c.families[one.Name]; f != nil {
			m, changed := f.metric(c, one)
			all, replaced = append(all, m), replaced || changed
		}
	}
	if replaced {
		return merged(all)
	}
	return all
}
