package console

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/registry"
)

// configuration is what a snapshot says of the Registry.
type configuration struct {
	Revision int64             `json:"revision"`
	At       time.Time         `json:"at,omitzero"`       // of the last reload that changed something
	Changes  *registry.Changes `json:"changes,omitempty"` // which it changed
	Failed   string            `json:"failed,omitempty"`  // the error of the last reload, until a good one
	// Digest differs where Values do. A stream has no Values: its page gets the snapshot
	// when the digest changes.
	Digest string           `json:"digest"`
	Values []registry.Value `json:"values,omitempty"`
}

// declare adds what the Registry holds to a snapshot.
func (c *Console) declare(s *snapshot) {
	held := c.cfg.Registry.Snapshot()
	s.Registry = &configuration{Revision: held.Revision, At: held.At, Values: held.Values}
	if !held.Changes.None() {
		s.Registry.Changes = &held.Changes
	}
	if held.Failed != "" {
		s.Registry.Failed = redacted(held.Failed, c.cfg.Redact)
	}
	sum := fnv.New64a()
	for i := range held.Values {
		v := &held.Values[i]
		v.Value = redacted(v.Value, c.cfg.Redact)
		_, _ = sum.Write([]byte(v.Path + "\x00" + v.Value + "\x00" + v.Origin + "\x00"))
	}
	s.Registry.Digest = strconv.FormatUint(sum.Sum64(), 16)
	for name, p := range held.Pipelines {
		s.pipeline(name).Composition = p.Text
	}
	for name, f := range held.Families {
		p := s.pipeline(name)
		p.Composition, p.Family, p.Members = f.Text, true, f.Members
	}
	s.declareLimits(&held)
	slices.SortStableFunc(s.Pipelines, func(a, b pipeline) int { return cmp.Compare(a.Name, b.Name) })
}

// pipeline returns the pipeline of that name, and adds it if no Stats has seen it.
func (s *snapshot) pipeline(name string) *pipeline {
	for i := range s.Pipelines {
		if s.Pipelines[i].Name == name {
			return &s.Pipelines[i]
		}
	}
	s.Pipelines = append(s.Pipelines, pipeline{Name: name, Uncounted: true})
	return &s.Pipelines[len(s.Pipelines)-1]
}

// declareLimits adds the limits and budgets that no Stats watches.
func (s *snapshot) declareLimits(held *registry.Snapshot) {
	seen := map[[2]string]bool{}
	for _, l := range s.Limits {
		seen[[2]string{l.Type, l.Name}] = true
	}
	before := len(s.Limits)
	add := func(kind, name string, l limit) {
		if !seen[[2]string{kind, name}] {
			l.Type, l.Name = kind, name
			s.Limits = append(s.Limits, l)
		}
	}
	for name, g := range held.Bulkheads {
		add("bulkhead", name, limit{Used: float64(g.InUse), Limit: float64(g.Limit), Queue: float64(g.Waiting)})
	}
	for name, g := range held.AdaptiveLimits {
		add("adaptive", name, limit{Used: float64(g.InUse), Limit: float64(g.Limit), Queue: float64(g.Waiting)})
	}
	for name, l := range held.RateLimits {
		add("ratelimit", name, limit{Used: float64(l.Burst - l.Tokens), Limit: float64(l.Burst), Queue: float64(l.Waiting)})
	}
	for name, t := range held.Throttles {
		add("throttle", name, limit{Sheds: &t.Rate})
	}
	for name, b := range held.Budgets {
		left := 1.0
		if allowed := b.Left + b.Retries; allowed > 0 {
			left = float64(b.Left) / float64(allowed)
		}
		add("budget", name, limit{Left: &left})
	}
	slices.SortFunc(s.Limits[before:], func(a, b limit) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name)) })
}
