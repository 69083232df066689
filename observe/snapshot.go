package observe

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// Snapshot is what a [Stats] has counted up to one moment, and the state of what it
// watches.
type Snapshot struct {
	At time.Time `json:"at"`
	// Series is sorted by instrument and labels. No two have the same.
	Series []Series `json:"series"`
	// Circuits are those given to [Stats.Watch], by name. A circuit of a keyed map without
	// a name has its key as Name.
	Circuits []breaker.Snapshot `json:"circuits"`
	// Pipelines are those given to Watch, by name.
	Pipelines []Pipeline `json:"pipelines,omitempty"`
}

// Series is one series of an instrument.
type Series struct {
	Name   string            `json:"name"`   // of the instrument, "ductile.call.duration"
	Labels map[string]string `json:"labels"` // by the constants from LabelPipeline to LabelOverflow
	// Value is that of a counter or a gauge. Counters only grow, until their series is
	// deleted; see [Stats.Watch] and [policy.Forgotten].
	Value     float64    `json:"value"`
	Histogram *Histogram `json:"histogram,omitempty"` // nil for a counter or a gauge
}

// Pipeline is a pipeline given to [Stats.Watch].
type Pipeline struct {
	Name        string             `json:"name"`
	Composition string             `json:"composition"` // "retry(3) > breaker(stripe)"
	Description policy.Description `json:"-"`
}

// Find returns the first series of an instrument that has all the given labels, which may
// be a part of its own. ok is false if there is none.
func (snap Snapshot) Find(name string, labels map[string]string) (one Series, ok bool) {
	for _, one := range snap.Series {
		if one.Name == name && contains(one.Labels, labels) {
			return one, true
		}
	}
	return Series{}, false
}

func contains(all, some map[string]string) bool {
	for k, v := range some {
		if got, ok := all[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// Snapshot returns what has been counted so far. Calls go on meanwhile, so different series
// may be from slightly different moments.
func (s *Stats) Snapshot() Snapshot {
	snap := Snapshot{At: s.now(), Series: []Series{}, Circuits: []breaker.Snapshot{}}
	for r := range s.table.all {
		if int(r.kind) < instrumentCount {
			snap.add(r, r.labels())
		}
	}
	rest := map[string]string{LabelOverflow: "true"}
	for i := range s.overflow {
		if r := s.overflow[i].Load(); r != nil {
			snap.add(r, rest)
		}
	}
	snap.addDropped()
	g := gauges{limit: s.cfg.MaxSeries, of: map[gaugeKey]*gauge{}}
	s.watches.read(&snap, &g)
	snap.Series = append(snap.Series, g.series()...)
	sortSeries(snap.Series)
	slices.SortStableFunc(snap.Circuits, func(a, b breaker.Snapshot) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(snap.Pipelines, func(a, b Pipeline) int { return cmp.Compare(a.Name, b.Name) })
	return snap
}

// String returns the [Stats.Snapshot] as JSON. A Stats is therefore an expvar.Var:
//
//	expvar.Publish("ductile", stats)
func (s *Stats) String() string {
	text, err := json.Marshal(s.Snapshot())
	if err != nil { // not by any value that a Snapshot has
		text, _ = json.Marshal(map[string]string{"error": err.Error()})
	}
	return string(text)
}

// add adds the series of an entry, unless it has counted nothing. The entry of callActive
// is also that of callAttempts.
func (snap *Snapshot) add(r *series, labels map[string]string) {
	one := Series{Name: instruments[r.kind].Name, Labels: maps.Clone(labels)}
	switch {
	case r.kind == callActive:
		snap.addPipeline(r, one)
		return
	case r.hist != nil:
		if one.Histogram = r.hist.snapshot(float64(time.Second), instruments[r.kind].Bounds); one.Histogram.Count == 0 {
			return
		}
	default:
		if one.Value = float64(r.count.Load()); one.Value == 0 {
			return
		}
	}
	snap.Series = append(snap.Series, one)
}

// addPipeline adds calls in flight and attempts. It reads the calls that have ended before
// those that have started: otherwise a call that starts and ends in between would count as
// -1. Without Started events, calls in flight are not known.
func (snap *Snapshot) addPipeline(r *series, active Series) {
	attempts := Series{
		Name: instruments[callAttempts].Name, Labels: maps.Clone(active.Labels),
		Histogram: r.pipe.attempts.snapshot(1, instruments[callAttempts].Bounds),
	}
	if attempts.Histogram.Count > 0 {
		snap.Series = append(snap.Series, attempts)
	}
	if started := r.count.Load(); started > 0 {
		active.Value = max(0, float64(started)-float64(attempts.Histogram.Count))
		snap.Series = append(snap.Series, active)
	}
}

// addDropped adds the number of measurements in the overflow series of this snapshot.
func (snap *Snapshot) addDropped() {
	var dropped float64
	for _, one := range snap.Series {
		switch {
		case one.Labels[LabelOverflow] == "" || one.Name == instruments[callActive].Name:
		case one.Histogram != nil:
			dropped += float64(one.Histogram.Count)
		default:
			dropped += one.Value
		}
	}
	snap.Series = append(snap.Series, Series{Name: instruments[seriesDropped].Name, Labels: map[string]string{}, Value: dropped})
}

// labels returns the labels of a series.
func (x *id) labels() map[string]string {
	l := map[string]string{}
	switch x.kind {
	case callDuration:
		l[LabelPipeline], l[LabelOutcome] = x.a, outcomes[x.code]
		if outcome(x.code) == success {
			l[LabelRescue] = x.c
		} else {
			l[LabelErrorType] = x.c
		}
		if x.d != "" {
			l[LabelOperation] = x.d
		}
	case attemptDuration:
		l[LabelPipeline], l[LabelPolicy] = x.a, x.c
		l[LabelAttemptType], l[LabelOutcome] = attemptTypes[x.code>>4], outcomes[x.code&0xf]
		if x.d != "" {
			l[LabelErrorType] = x.d
		}
	case retryDelay:
		l[LabelPipeline], l[LabelPolicy], l[LabelSource] = x.a, x.c, x.d
	case rejections:
		l[LabelPipeline], l[LabelPolicy], l[LabelPolicyType], l[LabelReason] = x.a, x.c, x.e, x.d
	case callActive:
		l[LabelPipeline] = x.a
	case circuitCalls:
		l[LabelCircuit], l[LabelOutcome], l[LabelSlow] = x.a, policy.Outcome(x.code>>1).String(), "false"
		if x.code&1 == 1 {
			l[LabelSlow] = "true"
		}
	case circuitTransitions:
		l[LabelCircuit], l[LabelFrom], l[LabelTo] = x.a, x.c, x.d
	case queueWait:
		l[LabelPolicy], l[LabelPolicyType] = x.a, x.c
	}
	if x.b != "" {
		l[LabelKey] = x.b
	}
	return l
}

// sortSeries orders series by instrument and then by their labels.
func sortSeries(all []Series) {
	type keyed struct {
		Series
		key []string
	}
	sorted := make([]keyed, len(all))
	for i, one := range all {
		key := []string{one.Name}
		for _, l := range slices.Sorted(maps.Keys(one.Labels)) {
			key = append(key, l, one.Labels[l])
		}
		sorted[i] = keyed{one, key}
	}
	slices.SortFunc(sorted, func(a, b keyed) int { return slices.Compare(a.key, b.key) })
	for i := range sorted {
		all[i] = sorted[i].Series
	}
}
