package policy

import atomic "github.com/ductile-go/ductile/internal/atomicx"

// places keeps the links that a chain, or a member of a family, has for the places that it is
// called from: a policy that stands in several pipelines would otherwise make them anew for
// each call. The zero places is empty.
type places[T any] struct{ newest atomic.Pointer[placed[T]] }

// placed is a copy of links for one place inside another policy. Their events also go to the
// listeners around that place, and after the last of them come the policies that follow there.
type placed[T any] struct {
	chain *Chain[T] // whose links they are; nil for those of a member
	at    *link[T]  // the place; nil for a call without policies
	entry link[T]

	// The next two are not changed once the links are kept.
	older *placed[T] // the links for another place
	count int        // how many are kept: these, and the older ones
}

// maxPlaces bounds places. Chains that contain a policy may come and go; their links would
// otherwise be kept as long as the policy is.
const maxPlaces = 16

// find returns the links for a place, or nil.
func (p *places[T]) find(at *link[T]) *placed[T] {
	l := p.newest.Load()
	for l != nil && l.at != at {
		l = l.older
	}
	return l
}

// keep adds the links for a new place. When there are too many, the older ones make room
// together. Of two goroutines that add at the same time, one keeps its links, and the other
// uses its own for this call alone.
func (p *places[T]) keep(l *placed[T]) {
	newest := p.newest.Load()
	l.count = 1
	if newest != nil && newest.count < maxPlaces {
		l.older, l.count = newest, newest.count+1
	}
	p.newest.CompareAndSwap(newest, l)
}
