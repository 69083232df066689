package policy

import (
	"context"
	"slices"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Switch is a chain that can be replaced while calls run. Package registry reloads
// pipelines with it; most callers want that package instead. Make one with [NewSwitch], or
// call Set before the first use of a zero Switch. It is safe for concurrent use, and a call
// that has begun ends with the chain that it began with.
//
// A Switch is itself a Policy. Inside another chain it costs no allocation, even if it
// stands in several chains with observers: it keeps the links for the places that it is
// called from.
type Switch[T any] struct{ now atomic.Pointer[version[T]] }

// version is a chain with its links for the places that it was called from. It is replaced
// as a whole by compare-and-swap, so that a goroutine that adds a place to an old version
// cannot bring an old chain back.
type version[T any] struct {
	chain  *Chain[T]
	places []*relinking[T]
}

// maxPlaces bounds version.places. Chains that contain the Switch may come and go; their
// links would otherwise be kept as long as the chain is.
const maxPlaces = 16

// NewSwitch returns a Switch that runs calls through c, which must not be nil.
func NewSwitch[T any](c *Chain[T]) *Switch[T] {
	s := new(Switch[T])
	s.Set(c)
	return s
}

// Set replaces the chain for calls that begin after it. c must not be nil.
func (s *Switch[T]) Set(c *Chain[T]) { s.now.Store(&version[T]{chain: c}) }

// Chain returns the current chain.
func (s *Switch[T]) Chain() *Chain[T] { return s.now.Load().chain }

// Call returns a call of fn through the current chain. It panics if fn is nil.
func (s *Switch[T]) Call(fn Func[T]) Call[T] { return s.Chain().Call(fn) }

// Execute runs next inside the current chain.
func (s *Switch[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	v, at := s.now.Load(), next.at
	if at.bare() {
		next.at = &v.chain.entry
		return next.Do(ctx)
	}
	next.at = &s.placed(v, at).entry
	return next.Do(ctx)
}

// placed returns the links of v for a place. Members of a keyed family keep them
// themselves, since there may be many.
func (s *Switch[T]) placed(v *version[T], at *link[T]) *relinking[T] {
	if at.last != nil {
		return v.chain.relink(at)
	}
	for _, r := range v.places {
		if r.at == at {
			return r
		}
	}
	return s.place(v, at)
}

// place adds the links for a new place to v, the oldest of which make room. If v has been
// replaced meanwhile, this call alone uses them.
func (s *Switch[T]) place(v *version[T], at *link[T]) *relinking[T] {
	r := v.chain.relinkedAt(at)
	old := v.places[max(0, len(v.places)-maxPlaces+1):]
	s.now.CompareAndSwap(v, &version[T]{chain: v.chain, places: slices.Concat(old, []*relinking[T]{r})})
	return r
}

// Refusal asks the current chain's policies in order; see [Call.Refusal].
func (s *Switch[T]) Refusal(ctx context.Context, after time.Duration) error {
	return s.Chain().Refusal(ctx, after)
}

// Describe returns the current chain's name and policies, outermost first.
func (s *Switch[T]) Describe() Description { return s.Chain().Describe() }
