package analysis

import (
	"math"
	"time"

	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// followed is how many delays are computed one by one. Behind them, delays are taken to
// stay as they are, or to be the longest where that is the safe side.
const followed = 10_000

// almostOne is the greatest number that a random source returns.
var almostOne = math.Nextafter(1, 0)

// delays are the waits of a retry between its attempts.
type delays struct {
	cfg     retry.Config // with defaults
	backoff retry.Backoff
	jitter  float64 // of a delay d, which is within d*(1±jitter)
	unknown bool    // a function of the program decides
}

func delaysOf(r registry.RetrySpec) delays {
	cfg := r.WithDefaults()
	d := delays{cfg: cfg, jitter: max(0, cfg.JitterFactor)}
	if cfg.Backoff != nil {
		d.unknown, d.jitter = true, 0
		return d
	}
	base, limit := max(0, cfg.BaseDelay), cfg.MaxDelay
	switch r.BackoffName {
	case "", "exponential":
		d.backoff = retry.Exponential(base, limit, cfg.Multiplier)
		return d
	case "full_jitter":
		d.backoff = retry.FullJitter(base, limit)
	case "equal_jitter":
		d.backoff = retry.EqualJitter(base, limit)
	case "decorrelated":
		d.backoff = retry.Decorrelated(base, limit)
	case "fibonacci":
		d.backoff = retry.Fibonacci(base, limit)
	case "linear":
		d.backoff = retry.Linear(base, limit)
	case "constant":
		d.backoff = retry.Constant(min(base, limit))
	default:
		d.unknown = true
	}
	d.jitter = 0 // a backoff's delays are used as they are
	return d
}

// after returns the delay after the nth attempt if the random source always returns r and
// previous was the delay before it.
func (d delays) after(n int, previous Span, r float64) Span {
	if d.unknown {
		return Unbounded
	}
	wait := d.backoff(retry.Step{Attempt: n, Previous: time.Duration(previous), Rand: func() float64 { return r }})
	if d.jitter == 0 {
		return span(wait)
	}
	return min(span(wait).scaled(1+d.jitter*(2*r-1)), Span(d.cfg.MaxDelay))
}

// random reports whether the delays differ from call to call.
func (d delays) random() bool {
	return d.unknown || d.after(2, 0, 0) != d.after(2, 0, almostOne)
}

// least returns the shortest delay after the nth attempt.
func (d delays) least(n int, previous Span) Span {
	if d.unknown {
		return 0
	}
	return d.after(n, previous, 0)
}

// most returns the longest delay after the nth attempt.
func (d delays) most(n int, previous Span) Span { return d.after(n, previous, almostOne) }

// longest bounds all delays.
func (d delays) longest() Span {
	if d.unknown {
		return Unbounded
	}
	return max(Span(d.cfg.MaxDelay), d.most(followed, Span(d.cfg.MaxDelay)))
}

// attempts returns the limit on attempts.
func (d delays) attempts() Count {
	if d.cfg.MaxAttempts == retry.Unlimited {
		return Unlimited
	}
	return Count(d.cfg.MaxAttempts)
}

// within returns how many attempts can begin before limit if none takes any time and all
// delays are as short as they can be.
func (d delays) within(limit Span) Count {
	if d.cfg.MaxElapsed > 0 {
		limit = min(limit, Span(d.cfg.MaxElapsed).plus(1)) // an attempt may begin at MaxElapsed
	}
	most := d.attempts()
	if limit == Unbounded {
		return most
	}
	var at, wait Span
	for n := Count(1); n < most; n++ {
		if n == followed && wait == 0 {
			return most
		}
		if n == followed {
			return min(most, n+Count((limit-at)/wait))
		}
		wait = d.least(int(n), wait)
		if at = at.plus(wait); at >= limit {
			return n
		}
	}
	return most
}

// sum returns the longest that n attempts spend between them.
func (d delays) sum(n Count) Span {
	return d.total(n, d.most, d.longest())
}

// nominal returns what n attempts spend between them on average, at most.
func (d delays) nominal(n Count) Span {
	return d.total(n, func(i int, previous Span) Span { return d.after(i, previous, 0.5) }, d.longest())
}

// shortest returns the least that n attempts spend between them.
func (d delays) shortest(n Count) Span { return d.total(n, d.least, 0) }

// fitting returns the most attempts, fewer than n, whose delays on average end before limit. One
// attempt has none. It halves the range, since more attempts wait longer, and n may be huge.
func (d delays) fitting(n Count, limit Span) Count {
	fit := Count(1)
	for over := n; over-fit > 1; {
		if middle := fit + (over-fit)/2; d.nominal(middle) < limit {
			fit = middle
		} else {
			over = middle
		}
	}
	return fit
}

func (d delays) total(n Count, delay func(i int, previous Span) Span, later Span) Span {
	var sum, wait Span
	for i := Count(1); i < n; i++ {
		if i == followed || sum == Unbounded {
			return sum.plus(later.times(n - i))
		}
		wait = delay(int(i), wait)
		sum = sum.plus(wait)
	}
	return sum
}

// hint returns the longest wait that the retry makes because it was asked to.
func (d delays) hint() Span {
	h := Span(d.cfg.MaxRetryAfter)
	return max(h, h.scaled(1+max(0, d.cfg.JitterFactor)))
}
