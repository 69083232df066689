package registry

import (
	"maps"
	"slices"
	"strings"
)

// Changes says what an [Registry.Apply] has changed: sorted names with their sections, such
// as "circuits.stripe" and "pipelines.charge". A declaration that differs from the one
// before only by writing out a default has not changed.
type Changes struct {
	Added   []string `json:"added,omitempty"`
	Changed []string `json:"changed,omitempty"`
	Removed []string `json:"removed,omitempty"`
	// Restarted are those of Changed whose counts, or whose cached results, began anew: a
	// circuit with a window of another shape, a pipeline whose cache has another store.
	Restarted []string `json:"restarted,omitempty"`
}

// None reports whether nothing has changed.
func (c Changes) None() bool { return len(c.Added)+len(c.Changed)+len(c.Removed) == 0 }

// String returns what has changed in one line, such as "changed circuits.stripe; removed
// pipelines.refund", or "no changes".
func (c Changes) String() string {
	if c.None() {
		return "no changes"
	}
	var parts []string
	for _, part := range []struct {
		verb  string
		names []string
	}{{"added", c.Added}, {"changed", c.Changed}, {"removed", c.Removed}, {"restarted", c.Restarted}} {
		if len(part.names) > 0 {
			parts = append(parts, part.verb+" "+strings.Join(part.names, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

// clone returns a copy for a caller to keep and change.
func (c Changes) clone() Changes {
	return Changes{slices.Clone(c.Added), slices.Clone(c.Changed), slices.Clone(c.Removed), slices.Clone(c.Restarted)}
}

// diff adds what differs in a section, where differs compares two of one name.
func (c *Changes) diff(section string, was, is []string, differs func(name string) (changed, anew bool)) {
	before, after := setOf(was), setOf(is)
	for _, name := range was {
		if !after[name] {
			c.Removed = append(c.Removed, section+"."+name)
		}
	}
	for _, name := range is {
		if !before[name] {
			c.Added = append(c.Added, section+"."+name)
			continue
		}
		changed, anew := differs(name)
		if changed {
			c.Changed = append(c.Changed, section+"."+name)
		}
		if changed && anew {
			c.Restarted = append(c.Restarted, section+"."+name)
		}
	}
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// changesOf returns what differs between two specs.
func changesOf(was, is *Spec) Changes {
	var c Changes
	for _, class := range classes {
		class.diff(was, is, &c)
	}
	diff(&c, "pipelines", was.Pipelines, is.Pipelines, pipelineDiff)
	diff(&c, "families", was.Families, is.Families, familyDiff)
	for _, names := range [][]string{c.Added, c.Changed, c.Removed, c.Restarted} {
		slices.Sort(names)
	}
	return c
}

func diff[S any](c *Changes, section string, was, is map[string]S, differs func(was, is S) (changed, anew bool)) {
	c.diff(section, slices.Collect(maps.Keys(was)), slices.Collect(maps.Keys(is)), func(name string) (changed, anew bool) {
		return differs(was[name], is[name])
	})
}

func pipelineDiff(was, is PipelineSpec) (changed, anew bool) {
	if equal(was, is) {
		return false, false
	}
	was, is = was.filled(), is.filled()
	restarted := was.Cache != nil && is.Cache != nil && !was.Cache.keepsEntriesOf(is.Cache)
	return !equal(was, is), restarted
}

func familyDiff(was, is FamilySpec) (changed, anew bool) {
	for _, class := range classes {
		c, a := class.memberDiff(&was, &is)
		changed, anew = changed || c, anew || a
	}
	was, is = was.filled(), is.filled()
	return changed || was.Pipeline != is.Pipeline || was.Max != is.Max || was.Idle != is.Idle, anew
}
