package observe

import (
	"sync"

	"github.com/ductile-go/ductile/internal/members"
)

// family is a keyed map that is watched. Its members are watched one by one.
type family struct {
	watches *watches

	mu      sync.Mutex // serializes changes of the members with each other and with the end
	members map[member]bool
	// left has the members that were dropped while the list of members is read for the
	// first time: the list may still have them. It is nil after that.
	left    map[member]bool
	stopped bool
}

type member struct {
	key   string
	value any
}

// follow watches the members of a map, now and later.
func (ws *watches) follow(f *members.Family) (stop func()) {
	m := &family{watches: ws, members: map[member]bool{}, left: map[member]bool{}}
	unwatch := f.Watch(m.joined, m.dropped)
	f.All(func(key string, value any) bool {
		m.joined(key, value)
		return true
	})
	m.mu.Lock()
	m.left = nil
	m.mu.Unlock()
	return func() {
		unwatch()
		m.end()
	}
}

// joined watches a member. The member is reserved under mu, so that dropped finds it. The
// circuit is called without mu, because it may call its listeners.
func (m *family) joined(key string, value any) {
	if w := m.reserve(member{key, value}); w != nil {
		m.watches.attach(w)
	}
}

func (m *family) reserve(one member) *watch {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped || m.members[one] || m.left[one] {
		return nil
	}
	m.members[one] = true
	s, _ := sourceOf(one.value) // its type was checked
	return m.watches.reserve(one.value, s, one.key)
}

func (m *family) dropped(key string, value any) {
	one := member{key, value}
	m.mu.Lock()
	was := m.members[one]
	delete(m.members, one)
	if m.left != nil {
		m.left[one] = true
	}
	m.mu.Unlock()
	if was {
		m.watches.end(value)
	}
}

func (m *family) end() {
	m.mu.Lock()
	all := m.members
	m.members, m.stopped = nil, true
	m.mu.Unlock()
	for one := range all {
		m.watches.end(one.value)
	}
}

// read adds the state of what is watched to a snapshot.
func (ws *watches) read(snap *Snapshot, g *gauges) {
	for _, w := range ws.list() {
		switch {
		case w.circuit != nil:
			s := w.circuit.Snapshot()
			g.circuit(s)
			if s.Name == "" {
				s.Name = w.key
			}
			snap.Circuits = append(snap.Circuits, s)
		case w.gauges != nil:
			w.gauges(g)
		case w.pipeline != nil:
			d := w.pipeline.Describe()
			snap.Pipelines = append(snap.Pipelines, Pipeline{Name: w.pipeline.Name(), Composition: d.String(), Description: d})
		}
	}
}
