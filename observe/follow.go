package observe

import (
	"context"
	"slices"

	"github.com/ductile-go/ductile/policy"
)

// follower is a function given to Follow.
type follower struct {
	observe policy.Observer
	kinds   []policy.EventKind
}

// Follow calls fn for each event of the given kinds that s observes from now on, or for all
// events if no kind is given. If s watches a circuit, fn gets each of its moves once, as a
// StateChanged, moves by hand included; the pipeline's events for these moves are left out.
//
// fn is a [policy.Observer]: it runs on the goroutine of the call and should be quick.
// After stop has returned, fn is not called for later events; a call in progress may still
// finish. stop may be called more than once. Follow panics if fn is nil.
func (s *Stats) Follow(fn policy.Observer, kinds ...policy.EventKind) (stop func()) {
	if fn == nil {
		panic("observe: Stats.Follow: fn is nil, want a function")
	}
	f := &follower{fn, slices.Clone(kinds)}
	s.changeFollowers(func(all []*follower) []*follower { return append(all, f) })
	return func() {
		s.changeFollowers(func(all []*follower) []*follower {
			return slices.DeleteFunc(all, func(one *follower) bool { return one == f })
		})
	}
}

// changeFollowers replaces the list by compare-and-swap: of two concurrent changes, a plain
// store would lose one.
func (s *Stats) changeFollowers(change func([]*follower) []*follower) {
	for {
		old := s.followers.Load()
		var all []*follower
		if old != nil {
			all = slices.Clone(*old)
		}
		var next *[]*follower // nil if there are none, for Observe
		if all = change(all); len(all) > 0 {
			next = &all
		}
		if s.followers.CompareAndSwap(old, next) {
			return
		}
	}
}

func tell(ctx context.Context, all []*follower, e *policy.Event) {
	for _, f := range all {
		if len(f.kinds) == 0 || slices.Contains(f.kinds, e.Kind) {
			f.observe(ctx, *e)
		}
	}
}
