package console

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
)

// enlisted holds the circuits of a Registry.
type enlisted struct {
	stop func()
	// asked counts the calls of muster that have not been answered. The first one looks at
	// the Registry, again for those that come meanwhile, and the others return: two that look
	// at once would both watch a new circuit. No lock is held, since watching reads clocks.
	asked atomic.Int32

	mu     sync.Mutex // guards byName: snapshots and actions read it while a reload changes it
	byName map[string]*watched
}

// enlist watches the circuits of r, and its reloads.
func (c *Console) enlist(r *registry.Registry) {
	c.enlisted.stop = r.Watch(func(changes registry.Changes) {
		c.muster()
		c.journal.add(&event{At: policy.Now(c.cfg.Clock), Kind: "reloaded", Name: "configuration", Reason: summary(changes)})
	})
	c.muster()
}

// muster watches the circuits that the Registry has now, and no others.
func (c *Console) muster() {
	e := &c.enlisted
	if e.asked.Add(1) > 1 {
		return
	}
	for n := int32(1); n > 0; {
		c.musterNow()
		n = e.asked.Add(-n)
	}
}

func (c *Console) musterNow() {
	r, e := c.cfg.Registry, &c.enlisted
	if _, closed := c.open(); closed {
		return
	}
	was, is := e.all(), map[string]*watched{}
	for name := range r.Snapshot().Circuits {
		circuit, err := r.Circuit(name)
		if err != nil { // removed meanwhile
			continue
		}
		key := shownName(name)
		if w := was[key]; w != nil && w.Circuit == circuit {
			is[key] = w
		} else if c.byName[key] == nil {
			is[key] = c.watch(circuit)
		}
	}
	e.mu.Lock()
	e.byName = is
	e.mu.Unlock()
	for key, w := range was {
		if is[key] != w {
			w.stop()
		}
	}
	if _, closed := c.open(); closed { // Close may have looked before the new ones were there
		c.stopAll()
	}
}

// discharge stops listening to the Registry and its circuits. They are shown as before.
func (c *Console) discharge() {
	if c.enlisted.stop != nil {
		c.enlisted.stop()
		c.stopAll()
	}
}

func (c *Console) stopAll() {
	for _, w := range c.enlisted.all() {
		w.stop()
	}
}

// all returns the circuits. The map is replaced, and never changed.
func (e *enlisted) all() map[string]*watched {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.byName
}

func (e *enlisted) find(name string) *watched { return e.all()[shownName(name)] }

// with returns the given circuits and those of the Registry, by name.
func (e *enlisted) with(circuits []*watched) []*watched {
	own := slices.SortedFunc(maps.Values(e.all()), func(a, b *watched) int { return cmp.Compare(a.Name(), b.Name()) })
	return append(slices.Clip(circuits), own...)
}

// summary says what a reload changed.
func summary(c registry.Changes) string {
	var parts []string
	for _, part := range []struct {
		verb  string
		names []string
	}{{"added", c.Added}, {"changed", c.Changed}, {"removed", c.Removed}, {"began anew", c.Restarted}} {
		if len(part.names) > 0 {
			parts = append(parts, part.verb+" "+strings.Join(part.names, ", "))
		}
	}
	return shortened(strings.Join(parts, "; "))
}
