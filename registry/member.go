package registry

import (
	"maps"
	"reflect"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/keyed"
)

// member is what a family has for one key: what its pipelines of each T share, and those
// pipelines.
type member struct {
	family   *family
	key      string // "" for what newcomers share
	overflow bool
	parts    partsByName
	// own is by section, and replaced as a whole by compare-and-swap: of two goroutines that
	// add to it at the same time, a plain store would lose what the other has added, and its
	// pipeline would use a circuit that no reload reaches. What the family no longer declares
	// stays, and is used again if it declares it again.
	own atomic.Pointer[map[string]any]
	// lives is replaced by compare-and-swap: of two that are added at the same time, a
	// plain store would lose one.
	lives atomic.Pointer[[]memberLive]
}

type memberLive struct {
	t    reflect.Type
	live live
}

// Idle reports whether nothing would be lost if the member were dropped. Caches and what
// hedges have learned can be had again, and do not count. Neither does what the family no
// longer declares: no call runs through it, so it might never be idle again.
func (m *member) Idle() bool {
	own, declared := *m.own.Load(), m.family.declared()
	for _, class := range classes {
		if !class.isMember(&declared) {
			continue
		}
		if i, ok := own[class.name()].(keyed.Idler); ok && !i.Idle() {
			return false
		}
	}
	return true
}

// plan returns what the pipelines of m are built from.
func (m *member) plan(s *state) *plan {
	at := s.families[m.family.name]
	declared := at.spec.Families[m.family.name]
	return &plan{
		env: &m.family.r.env, spec: at.spec, revision: at.revision, shared: s.shared, parts: &m.parts,
		own: *m.own.Load(), family: &declared,
	}
}

// make makes what the family declares in s and the member does not have.
func (m *member) make(s *state) {
	at := s.families[m.family.name]
	declared := at.spec.Families[m.family.name]
	for {
		was := m.own.Load()
		own := map[string]any{}
		if was != nil {
			own = maps.Clone(*was)
		}
		for _, class := range classes {
			class.addMember(&m.family.r.env, m.family.name, &declared, m.overflow, own)
		}
		if m.own.CompareAndSwap(was, &own) {
			return
		}
	}
}

// settle puts the family's declaration in force.
func (m *member) settle(s *state, declared *FamilySpec) {
	m.make(s)
	for _, class := range classes {
		class.settleMember(&m.family.r.env, m.family.name, declared, m.overflow, *m.own.Load())
	}
	if all := m.lives.Load(); all != nil {
		for _, one := range *all {
			one.live.settle(s)
		}
	}
}

// liveOf returns the member's pipeline for T.
func liveOf[T any](m *member, t reflect.Type) *Live[T] {
	if l := m.find(t); l != nil {
		return l.(*Live[T])
	}
	return addLive[T](m, t)
}

func (m *member) find(t reflect.Type) live {
	if all := m.lives.Load(); all != nil {
		for i := range *all {
			if (*all)[i].t == t {
				return (*all)[i].live
			}
		}
	}
	return nil
}

// addLive builds the member's pipeline for T. The Apply that made the state may not have
// reached the member yet, so the member first makes what the pipeline needs. An Apply that
// commits after the state was read may look at the member's pipelines before this one is
// there. So the state is read again once it is.
func addLive[T any](m *member, t reflect.Type) *Live[T] {
	r := m.family.r
	s := r.held()
	m.make(s)
	l := &Live[T]{r: r, name: m.family.name, of: m}
	l.settle(s)
	for {
		was := m.lives.Load()
		if other := m.find(t); other != nil {
			return other.(*Live[T])
		}
		all := []memberLive{{t, l}}
		if was != nil {
			all = append(all, *was...)
		}
		if m.lives.CompareAndSwap(was, &all) {
			break
		}
	}
	if r.held().revision != s.revision {
		m.family.stale.Store(true)
		r.settleAside()
	}
	return l
}
