package console

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/ductile-go/ductile/observe"
)

// pipeline is one pipeline of a snapshot. Its counters are cumulative.
type pipeline struct {
	Name        string    `json:"name"`
	Composition string    `json:"composition,omitempty"` // "retry(3) > breaker(stripe)", if it is watched
	Uncounted   bool      `json:"uncounted,omitempty"`   // it is of the Registry, and no Stats has seen it
	Family      bool      `json:"family,omitempty"`      // a family of the Registry
	Members     int       `json:"members,omitempty"`     // of a family, now
	Calls       int64     `json:"calls"`
	Succeeded   int64     `json:"succeeded,omitempty"`
	Failed      int64     `json:"failed,omitempty"`
	Timeouts    int64     `json:"timeouts,omitempty"`
	Rejected    int64     `json:"rejected,omitempty"`
	Canceled    int64     `json:"canceled,omitempty"`
	Rescued     int64     `json:"rescued,omitempty"` // of Succeeded
	Attempts    int64     `json:"attempts,omitempty"`
	Retries     int64     `json:"retries,omitempty"`
	Active      int64     `json:"active,omitempty"`
	Refused     []refusal `json:"refused,omitempty"` // by reason, the most frequent first
	// Quantiles of the time in seconds of the calls that ran and ended in the latest
	// 10 to 20 s; 0 if there were none.
	P50 float64 `json:"p50,omitempty"`
	P95 float64 `json:"p95,omitempty"`
	P99 float64 `json:"p99,omitempty"`
}

// refusal is how many calls were refused for one reason.
type refusal struct {
	Policy string `json:"policy"`
	Reason string `json:"reason"`
	Calls  int64  `json:"calls"`
}

// limit is a gate, a limiter or a budget of a snapshot.
type limit struct {
	Name  string   `json:"name"`
	Type  string   `json:"type,omitempty"`
	Used  float64  `json:"used"`
	Limit float64  `json:"limit,omitempty"`
	Queue float64  `json:"queue,omitempty"`
	Wait  float64  `json:"wait,omitempty"`  // p95 of the latest 10 to 20 s, in seconds
	Left  *float64 `json:"left,omitempty"`  // share of a budget
	Sheds *float64 `json:"sheds,omitempty"` // share of the calls that a throttle rejects
}

// counted is what a Stats has counted, as the page shows it.
type counted struct {
	pipelines []pipeline
	limits    []limit
	dropped   int64
	byName    map[string]int // of pipelines
	byLimit   map[string]int
}

// count sorts the series of a snapshot by pipeline and limit. Series of the overflow belong
// to none; their measurements are in dropped.
func (c *Console) count(s observe.Snapshot, at time.Time) counted {
	all := counted{byName: map[string]int{}, byLimit: map[string]int{}}
	now := map[string]*spread{}
	for _, one := range s.Pipelines {
		all.pipeline(one.Name).Composition = one.Composition
	}
	for _, one := range s.Series {
		if one.Name == "ductile.series.dropped" {
			all.dropped = int64(one.Value)
		}
		if name, ok := one.Labels[observe.LabelPipeline]; ok {
			all.pipeline(name).add(one, now)
		} else if name, ok := one.Labels[observe.LabelPolicy]; ok {
			all.limit(name, one).add(one, now)
		}
	}
	before := c.recent.before(now, at)
	for i := range all.pipelines {
		p := &all.pipelines[i]
		h := now["pipeline "+p.Name].since(before["pipeline "+p.Name])
		p.P50, p.P95, p.P99 = quantile(h, 0.5), quantile(h, 0.95), quantile(h, 0.99)
		slices.SortFunc(p.Refused, func(a, b refusal) int {
			return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Reason, b.Reason))
		})
	}
	for i := range all.limits {
		l := &all.limits[i]
		key := "limit " + l.Type + " " + l.Name
		l.Wait = quantile(now[key].since(before[key]), 0.95)
	}
	return all
}

func (all *counted) pipeline(name string) *pipeline {
	i, ok := all.byName[name]
	if !ok {
		i = len(all.pipelines)
		all.byName[name] = i
		all.pipelines = append(all.pipelines, pipeline{Name: name})
	}
	return &all.pipelines[i]
}

// limit returns the limit of a series; those of a keyed family are of their sum.
func (all *counted) limit(name string, one observe.Series) *limit {
	kind := one.Labels[observe.LabelPolicyType]
	switch one.Name {
	case "ductile.budget.remaining":
		kind = "budget"
	case "ductile.throttle.rate":
		kind = "throttle"
	}
	key := kind + " " + name
	i, ok := all.byLimit[key]
	if !ok {
		i = len(all.limits)
		all.byLimit[key] = i
		all.limits = append(all.limits, limit{Name: name, Type: kind})
	}
	return &all.limits[i]
}

func (p *pipeline) add(one observe.Series, now map[string]*spread) {
	n := int64(one.Value)
	if one.Histogram != nil {
		n = int64(one.Histogram.Count)
	}
	switch one.Name {
	case "ductile.call.duration":
		p.ended(one, n, now)
	case "ductile.call.attempts":
		p.Attempts += int64(one.Histogram.Sum)
	case "ductile.retry.delay":
		p.Retries += n
	case "ductile.call.active":
		p.Active += n
	case "ductile.rejections":
		p.refused(refusal{one.Labels[observe.LabelPolicy], one.Labels[observe.LabelReason], n})
	}
}

// ended counts calls by their outcome. The time of a call that was refused or cancelled
// says nothing about the service.
func (p *pipeline) ended(one observe.Series, n int64, now map[string]*spread) {
	p.Calls += n
	ran := true
	switch one.Labels[observe.LabelOutcome] {
	case "success":
		p.Succeeded += n
		if one.Labels[observe.LabelRescue] != "none" {
			p.Rescued += n
		}
	case "timeout":
		p.Timeouts += n
	case "rejected":
		p.Rejected += n
		ran = false
	case "canceled":
		p.Canceled += n
		ran = false
	default:
		p.Failed += n
	}
	if ran {
		addTo(now, "pipeline "+p.Name, one.Histogram)
	}
}

func (p *pipeline) refused(q refusal) {
	for i := range p.Refused {
		if p.Refused[i].Policy == q.Policy && p.Refused[i].Reason == q.Reason {
			p.Refused[i].Calls += q.Calls
			return
		}
	}
	p.Refused = append(p.Refused, q)
}

func (l *limit) add(one observe.Series, now map[string]*spread) {
	switch one.Name {
	case "ductile.permits.used":
		l.Used += one.Value
	case "ductile.permits.limit":
		l.Limit += one.Value
	case "ductile.queue.length":
		l.Queue += one.Value
	case "ductile.queue.wait":
		addTo(now, "limit "+l.Type+" "+l.Name, one.Histogram)
	case "ductile.budget.remaining":
		left := one.Value
		l.Left = &left
	case "ductile.throttle.rate":
		sheds := one.Value
		l.Sheds = &sheds
	}
}

func quantile(h *observe.Histogram, q float64) float64 {
	v := h.Quantile(q)
	if math.IsNaN(v) {
		return 0
	}
	return v
}
