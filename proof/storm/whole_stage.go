package storm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/throttle"
)

// stage stands outside of the policy at a place of the whole order, and inside of the one
// before it.
type stage struct {
	w  *whole
	at int
}

// visited is one use of the policy at a place.
type visited struct {
	at      int
	outside *visited // the use of the policy before
	flight  *flying  // that it is in, from the total timeout inwards
	ctx     context.Context
	gone    bool // its context had ended
	inside  []*visited
	runs    int // of the function, which have no visit
	last    passed
	v       worth
	err     error
	broke   bool // it panicked or called Goexit
	over    bool
	refresh string // the key of which it is a refresh
}

// passed is what came out of the one run of a policy that runs at most once.
type passed struct {
	v     worth
	err   error
	broke bool
	over  bool
	alive bool // the context around the policy had not ended
}

// flying is a flight: what a coalesce runs for all its callers.
type flying struct{ attempts int }

type visitedKey struct{}

// counts are the sums of a stage.
type counts struct {
	came, gone, through, refused int64
	successes, failures, ignored int64
	unsure                       int64 // the context ended as the run did
	keyed, left, inUse           int64
}

// Refusal lets a retry ask what is inside.
func (s *stage) Refusal(context.Context, time.Duration) error { return nil }

func (s *stage) Execute(ctx context.Context, next policy.Call[worth]) (v worth, err error) {
	u := s.w.enters(ctx, s.at)
	u.broke = true
	defer func() { s.w.leaves(u, v, err) }()
	v, err = next.Do(u.ctx)
	u.broke = false
	return v, err
}

func (w *whole) enters(ctx context.Context, at int) *visited {
	u := &visited{at: at, gone: ctx.Err() != nil}
	u.outside, _ = ctx.Value(visitedKey{}).(*visited)
	u.ctx = &tagged{ctx, visitedKey{}, u}
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	is := &w.stages[at]
	is.came++
	if u.gone {
		is.gone++
	}
	if o := u.outside; o != nil {
		u.flight = o.flight
		o.inside = append(o.inside, u)
		w.stages[o.at].through++
		w.follows(o)
	}
	is.inUse++
	switch key, keyed := keyOf(ctx); at {
	case atTotal:
		u.flight = &flying{}
	case atCoalesce:
		if keyed && !u.gone {
			is.keyed++
		}
		if d, ok := ctx.Deadline(); ok && time.Until(d) > patient { // no caller has a deadline as late
			u.refresh = key
			w.refreshes(key)
		}
	case atBreaker:
		if u.flight.attempts++; u.flight.attempts > w.attempts*(1+w.extra) {
			w.complain("%d attempts in one flight, want %d at most", u.flight.attempts, w.attempts*(1+w.extra))
		}
	case atAttempt:
		w.tokens = append(w.tokens, now)
	case atAdaptive:
		w.gates.enter(now, int(is.inUse))
	case atChaos:
		w.adapts.enter(now, int(is.inUse))
	}
	return u
}

// follows complains of a run that the policy of o may not make.
func (w *whole) follows(o *visited) {
	most := 1
	switch o.at {
	case atRetry:
		most = w.attempts
		if len(o.inside) > 1 {
			w.retries++
		}
	case atHedge:
		most = 1 + w.extra
		if len(o.inside) > 1 {
			w.hedges++
		}
	case atCache, atCoalesce:
		return // their runs are flights, with the context of one caller
	}
	if len(o.inside) > most {
		w.complain("%s ran %d times, want %d at most", placeNames[o.at], len(o.inside), most)
	}
	if o.gone {
		w.complain("%s ran what is inside for a caller that had left", placeNames[o.at])
	}
}

// refreshes notes that a refresh of a key begins.
func (w *whole) refreshes(key string) {
	if w.refresh[key]++; w.refresh[key] > 1 {
		w.complain("%d refreshes of %s at a time", w.refresh[key], key)
	}
}

// attempted notes a run of the function.
func (w *whole) attempted(ctx context.Context, c *wholeCall) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ranFor[c.n]++
	if !w.staged {
		return
	}
	u := ctx.Value(visitedKey{}).(*visited)
	if u.at != atChaos || u.runs > 0 || u.gone {
		w.complain("the function ran %d times inside of %s", u.runs+1, placeNames[u.at])
	}
	u.runs++
	w.stages[atChaos].through++
}

// leaves judges a use that is over.
func (w *whole) leaves(u *visited, v worth, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u.v, u.err, u.over = v, err, true
	w.stages[u.at].inUse--
	if o := u.outside; o != nil {
		o.last = passed{v, err, u.broke, true, o.ctx.Err() == nil}
	}
	if o := u.outside; o != nil && (o.at == atRetry || o.at == atHedge) && o.inside[0] != u && errors.Is(err, policy.ErrRejected) {
		w.givenBack++
	}
	if u.refresh != "" {
		w.refresh[u.refresh]--
	}
	switch u.at {
	case atFallback:
	case atCache, atCoalesce:
		w.sharedFrom(u)
	case atTotal:
		w.flown(u)
	case atRetry, atHedge:
		if u.ctx.Err() != nil {
			w.stages[u.at].left++
		}
		w.oneOf(u)
	case atChaos:
		if u.runs == 0 && !u.broke && u.v.run >= 0 && !errors.Is(u.err, errInjected) {
			w.stages[atChaos].left++
			w.nothingRan(u)
		}
	default:
		w.passesOn(u)
	}
}

// placeNames are the names of the places.
var placeNames = [depth]string{
	"fallback", "cache", "coalesce", "total timeout", "retry", "hedge", "breaker", "throttle", "ratelimit", "attempt timeout",
	"bulkhead", "adaptive", "chaos",
}

// refusal reports whether err is that of the policy at a place, which refused a call.
func refusal(at int, err error) bool {
	switch at {
	case atBreaker:
		return as[*breaker.OpenError](err)
	case atThrottle:
		return as[*throttle.ThrottledError](err)
	case atLimiter:
		return as[*ratelimit.ExceededError](err)
	case atGate:
		return as[*bulkhead.FullError](err)
	case atAdaptive:
		return as[*adaptive.LimitedError](err)
	}
	return false
}

func as[E error](err error) bool {
	_, is := errors.AsType[E](err)
	return is
}

func (v worth) String() string { return fmt.Sprintf("run %d of call %d for %q", v.run, v.by, v.key) }
