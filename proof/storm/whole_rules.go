package storm

import (
	"context"
	"errors"

	"github.com/ductile-go/ductile/policy"
)

// The rules of the stages. The mutex of the scene is held.

// passesOn complains unless a policy that runs at most once has passed its run's result on, or
// has refused.
func (w *whole) passesOn(u *visited) {
	is := &w.stages[u.at]
	timeout := u.at == atTotal || u.at == atAttempt
	switch {
	case len(u.inside) == 0 && refusal(u.at, u.err):
		is.refused++
	case len(u.inside) == 0:
		w.nothingRan(u)
	case !u.last.over || timeout && u.err != nil && !u.broke: // abandoned, or it was too late
	case u.broke != u.last.broke || !u.broke && (u.v != u.last.v || !same(u.err, u.last.err)):
		w.complain("%s made %v, %v of %v, %v", placeNames[u.at], u.v, text(u.err), u.last.v, text(u.last.err))
	default:
		w.judge(u, is)
	}
}

// judge counts how a breaker and a throttle must take a run.
func (w *whole) judge(u *visited, is *counts) {
	left := errors.Is(u.ctx.Err(), context.Canceled)
	switch {
	case !u.broke && u.err != nil && left && u.last.alive:
		is.unsure++
	case u.broke:
		is.failures++
	case u.err == nil:
		is.successes++
	case left || errors.Is(u.err, policy.ErrRejected):
		is.ignored++
	default:
		is.failures++
	}
}

// nothingRan complains unless the caller had left. A call that was in a queue may say so as a
// rejection.
func (w *whole) nothingRan(u *visited) {
	if u.broke || u.v != (worth{}) || !endedBy(u.ctx, u.err) {
		w.complain("%s ran nothing, and came to %v, %v", placeNames[u.at], u.v, text(u.err))
	}
}

// oneOf complains unless a success of a retry or a hedge is one of its runs'.
func (w *whole) oneOf(u *visited) {
	switch {
	case u.broke:
	case len(u.inside) == 0:
		w.nothingRan(u)
	case u.err != nil:
		for _, r := range u.inside {
			if r.over && !r.broke && r.err == nil && r.v.run != 0 && u.ctx.Err() == nil && w.fates[r.v.run].ways == nil {
				w.complain("%s failed with %v, and %v is lost", placeNames[u.at], text(u.err), r.v)
			}
		}
	default:
		for _, r := range u.inside {
			if r.over && !r.broke && r.err == nil && r.v == u.v {
				return
			}
		}
		w.complain("%s came to %v, and none of its %d runs did", placeNames[u.at], u.v, len(u.inside))
	}
}

// flown notes the value of a flight.
func (w *whole) flown(u *visited) {
	w.passesOn(u)
	if !u.broke && u.err == nil {
		w.endsAsHeld(u.v.run, "flown")
	}
	if u.broke && (len(u.inside) == 0 || !u.inside[0].broke) {
		w.complain("a flight panicked or called Goexit, and what was in it did not")
	}
}

// sharedFrom judges what a cache or a coalesce gave to one caller.
func (w *whole) sharedFrom(u *visited) {
	key, keyed := keyOf(u.ctx)
	switch {
	case u.broke || u.err == nil && u.v.key == key && (keyed || u.v.by == u.ctx.Value(wholeKey{}).(*wholeCall).n):
	case u.err == nil:
		w.complain("%s gave %v to a call for %q", placeNames[u.at], u.v, key)
	case u.ctx.Err() == nil && (errors.Is(u.err, errGone) || errors.Is(u.err, context.Canceled)):
		w.complain("%s gave a caller for %q, which waits, the end of another: %v", placeNames[u.at], key, text(u.err))
	}
}
