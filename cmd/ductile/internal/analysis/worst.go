package analysis

import (
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// leastAgain is the least time between two attempts of a hedge whose budget refuses.
const leastAgain = Span(time.Millisecond)

// bounds limit one call of a pipeline, or of some of its policies.
type bounds struct {
	runs   Count // of the function
	time   Span
	hinted Span // time, if servers ask for the longest waits that are followed
}

// worst returns the bounds of a call of v that outer policies give no more time than
// limit.
func (v *view) worst(limit Span) bounds {
	limit = min(limit, orUnbounded(v.spec.TotalTimeout))
	b := v.hedged(v.attempt(limit), limit)
	b = v.retried(b, limit)
	b.time, b.hinted = min(b.time, limit), min(b.hinted, limit)
	return b
}

// attempt returns the bounds of one attempt, from the breaker inward.
func (v *view) attempt(limit Span) bounds {
	limit = min(limit, orUnbounded(v.spec.AttemptTimeout))
	b := bounds{1, Unbounded, Unbounded}
	if v.inner != nil {
		b = v.inner.worst(limit)
	}
	wait := v.latency().plus(v.adaptiveWait()).plus(v.gateWait())
	b.time = min(b.time.plus(wait), limit).plus(v.rateWait())
	b.hinted = min(b.hinted.plus(wait), limit).plus(v.rateWait())
	return b
}

// latency returns the longest wait that chaos injects.
func (v *view) latency() Span {
	if c := v.spec.Chaos; c != nil && c.Enabled && (c.Rate > 0 || c.RateFunc != nil) {
		return Span(c.Latency)
	}
	return 0
}

func (v *view) gateWait() Span {
	if v.gate == nil {
		return 0
	}
	return queueWait(v.gate.cfg)
}

func (v *view) adaptiveWait() Span {
	if v.adaptive == nil {
		return 0
	}
	return queueWait(queueOf(v.adaptive.cfg))
}

// queueOf returns the queue of an adaptive limit as that of a gate.
func queueOf(c adaptive.Config) bulkhead.Config {
	return bulkhead.Config{MaxQueue: c.MaxQueue, MaxWait: c.MaxWait, Delay: c.Delay}
}

// queueWait returns the longest wait in the queue of a gate.
func queueWait(c bulkhead.Config) Span {
	if c.MaxQueue == 0 {
		return 0
	}
	return min(orUnbounded(c.MaxWait), orUnbounded(c.Delay.Interval))
}

// rateWait returns the longest wait for tokens. Such a wait is not part of the attempt's
// timeout.
func (v *view) rateWait() Span {
	if v.rate == nil {
		return 0
	}
	return span(v.rate.cfg.MaxWait)
}

// hedged returns the bounds of one attempt with those that a hedge adds beside it.
func (v *view) hedged(b bounds, limit Span) bounds {
	h := v.spec.Hedge
	if h == nil {
		return b
	}
	extra := v.extra(b.time, limit)
	b.runs = b.runs.times(extra + 1)
	b.time = hedgedTime(h, extra, b.time)
	if h.Delay != hedge.AtOnce { // hints also defer attempts that are due
		b.hinted = b.hinted.times(extra + 1)
	}
	if h.OnFailure && h.Delay != hedge.AtOnce {
		b.hinted = b.hinted.plus(Span(retry.DefaultMaxRetryAfter).times(extra))
	}
	return b
}

// extra returns how many attempts the hedge adds to one of that length, if the call ends
// before limit.
func (v *view) extra(length, limit Span) Count {
	h := v.spec.Hedge
	if h == nil || !acts(h, length) {
		return 0
	}
	most := Count(h.MaxExtra)
	if most == 0 {
		most = hedge.DefaultMaxExtra
	}
	if delay := hedgeDelay(h); !h.OnFailure && delay > 0 && limit != Unbounded {
		most = min(most, Count(limit/delay))
	}
	return most
}

// acts reports whether a hedge may add to an attempt that takes no longer than length. One
// that is due as the attempt ends may begin or not.
func acts(h *registry.HedgeSpec, length Span) bool {
	return h.OnFailure || hedgeDelay(h) <= length
}

// hedgeDelay returns the shortest delay of a hedge.
func hedgeDelay(h *registry.HedgeSpec) Span {
	switch {
	case h.Delay == hedge.AtOnce:
		return 0
	case h.Delay > 0:
		return Span(h.Delay)
	case h.MinDelay > 0:
		return Span(h.MinDelay)
	case h.MaxDelay > 0:
		return min(Span(hedge.DefaultMinDelay), Span(h.MaxDelay))
	}
	return Span(hedge.DefaultMinDelay)
}

// hedgedTime returns how long a hedged attempt takes at most, if each of its attempts
// takes length. A budget that refuses is asked again after each delay, so that the next
// attempt may begin just before the one before it ends.
func hedgedTime(h *registry.HedgeSpec, extra Count, length Span) Span {
	switch {
	case extra == 0 || length == Unbounded || h.Delay == hedge.AtOnce:
		return length
	case h.OnFailure || h.Delay == 0:
		return length.times(extra + 1)
	case h.Budget == hedge.NoBudget:
		return Span(h.Delay).times(extra).plus(length)
	case Span(h.Delay) < leastAgain:
		return length.times(extra + 1)
	}
	last := length / Span(h.Delay) * Span(h.Delay) // the last due time
	return last.times(extra).plus(length)
}

// retried returns the bounds of all attempts of the retry, if each has the bounds b.
func (v *view) retried(b bounds, limit Span) bounds {
	if v.spec.Retry == nil {
		return b
	}
	d := delaysOf(*v.spec.Retry)
	n := d.within(limit)
	last := orUnbounded(d.cfg.MaxElapsed) // when the last attempt begins
	hints := max(d.hint(), d.longest()).times(n - 1)
	return bounds{
		runs:   b.runs.times(n),
		time:   min(b.time.times(n).plus(d.sum(n)), last.plus(b.time)),
		hinted: min(b.hinted.times(n).plus(hints), last.plus(b.hinted)),
	}
}
