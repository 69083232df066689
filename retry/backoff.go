package retry

import (
	"fmt"
	"math"
	"time"

	"github.com/ductile-go/ductile/internal/random"
)

// Step describes the failed attempt after which a [Backoff] chooses a delay.
type Step struct {
	Attempt  int            // the attempt that failed; 1 is the first
	Previous time.Duration  // the delay before that attempt; 0 for the first
	Elapsed  time.Duration  // the time since the first attempt began; see [Error]
	Rand     func() float64 // in [0,1); nil means math/rand/v2
	Err      error          // the attempt's error; nil for a rejected value
}

// random returns the next number of Rand, clamped to [0,1).
func (s Step) random() float64 { return random.Float64(s.Rand) }

// Backoff returns how long to wait after a failed attempt. [Stop] ends the retry with
// [ErrExhausted]; other negative delays are treated as 0. A Backoff keeps no state
// between calls, so any number of retries may share one.
//
// The backoffs of this package return delays between 0 and their limit for every
// attempt. Their constructors panic if a duration is negative.
type Backoff func(s Step) time.Duration

// Stop is the delay that ends the retry with [ErrExhausted].
const Stop time.Duration = math.MinInt64

// Capped returns a backoff that waits as b does, but at most limit. It panics if b is
// nil or limit is negative.
func (b Backoff) Capped(limit time.Duration) Backoff {
	b.notNil("Capped")
	notNegative("Backoff.Capped", "max", limit)
	return func(s Step) time.Duration { return min(b(s), limit) }
}

// Jittered returns a backoff that waits a uniformly random time within d*(1±factor),
// where d is the delay of b. It panics if b is nil or factor is not between 0 and 1.
func (b Backoff) Jittered(factor float64) Backoff {
	b.notNil("Jittered")
	if !(factor >= 0 && factor <= 1) {
		panic(fmt.Sprintf("retry: Backoff.Jittered: factor is %v, want 0 to 1", factor))
	}
	return func(s Step) time.Duration {
		d := b(s)
		if d <= 0 {
			return d
		}
		return clamp(float64(d)*(1+factor*(2*s.random()-1)), math.MaxInt64)
	}
}

// Limited returns a backoff that waits as b does and stops after the given number of
// attempts: with Limited(3) there are at most 3. It panics if b is nil or attempts is
// less than 1.
func (b Backoff) Limited(attempts int) Backoff {
	b.notNil("Limited")
	if attempts < 1 {
		panic(fmt.Sprintf("retry: Backoff.Limited: attempts is %d, want 1 or more", attempts))
	}
	return func(s Step) time.Duration {
		if s.Attempt >= attempts {
			return Stop
		}
		return b(s)
	}
}

func (b Backoff) notNil(method string) {
	if b == nil {
		panic("retry: Backoff." + method + ": the backoff is nil, want a function")
	}
}

// Constant returns a backoff that always waits d.
func Constant(d time.Duration) Backoff {
	notNegative("Constant", "d", d)
	return func(Step) time.Duration { return d }
}

// Sequence returns a backoff that waits each of delays in turn, and then the last one
// again and again. It panics if there are no delays.
func Sequence(delays ...time.Duration) Backoff {
	if len(delays) == 0 {
		panic("retry: Sequence: no delays, want at least one")
	}
	delays = append([]time.Duration(nil), delays...)
	for i, d := range delays {
		notNegative("Sequence", fmt.Sprintf("delay %d", i+1), d)
	}
	return func(s Step) time.Duration { return delays[min(max(s.Attempt, 1), len(delays))-1] }
}

// Linear returns a backoff that waits base, 2*base, 3*base and so on, at most limit.
func Linear(base, limit time.Duration) Backoff {
	notNegative("Linear", "base", base)
	notNegative("Linear", "max", limit)
	return func(s Step) time.Duration {
		return clamp(float64(base)*float64(max(s.Attempt, 1)), limit)
	}
}

// Exponential returns a backoff that waits base, base*factor, base*factor² and so on,
// at most limit. It panics if factor is less than 1 or not finite.
func Exponential(base, limit time.Duration, factor float64) Backoff {
	notNegative("Exponential", "base", base)
	notNegative("Exponential", "max", limit)
	if !(factor >= 1 && !math.IsInf(factor, 1)) {
		panic(fmt.Sprintf("retry: Exponential: factor is %v, want 1 or more and finite", factor))
	}
	return func(s Step) time.Duration {
		return clamp(exponential(float64(base), float64(limit), factor, s.Attempt), limit)
	}
}

// Fibonacci returns a backoff that waits base times 1, 1, 2, 3, 5 and so on, at most
// limit.
func Fibonacci(base, limit time.Duration) Backoff {
	notNegative("Fibonacci", "base", base)
	notNegative("Fibonacci", "max", limit)
	return func(s Step) time.Duration {
		a, b := 0.0, float64(base)
		for n := 1; n < s.Attempt && b < float64(limit) && b > 0; n++ {
			a, b = b, a+b
		}
		return clamp(b, limit)
	}
}

// FullJitter returns a backoff that waits a random time up to the delay of Exponential
// with factor 2. It is from Marc Brooker, "Exponential Backoff And Jitter", AWS
// Architecture Blog, 2015, and so are EqualJitter and Decorrelated.
func FullJitter(base, limit time.Duration) Backoff {
	notNegative("FullJitter", "base", base)
	notNegative("FullJitter", "max", limit)
	return func(s Step) time.Duration {
		return clamp(s.random()*exponential(float64(base), float64(limit), 2, s.Attempt), limit)
	}
}

// EqualJitter returns a backoff that waits half of the delay of Exponential with factor
// 2, and a random time up to the other half.
func EqualJitter(base, limit time.Duration) Backoff {
	notNegative("EqualJitter", "base", base)
	notNegative("EqualJitter", "max", limit)
	return func(s Step) time.Duration {
		half := exponential(float64(base), float64(limit), 2, s.Attempt) / 2
		return clamp(half+s.random()*half, limit)
	}
}

// Decorrelated returns a backoff that waits a random time between base and three times
// the previous delay, at most limit.
func Decorrelated(base, limit time.Duration) Backoff {
	notNegative("Decorrelated", "base", base)
	notNegative("Decorrelated", "max", limit)
	return func(s Step) time.Duration {
		low := float64(base)
		high := max(low, 3*float64(max(s.Previous, base)))
		return clamp(low+s.random()*(high-low), limit)
	}
}

// exponential returns base*factor^(attempt-1) in nanoseconds, at most limit. A float
// overflows to infinity, which min caps; an integer would wrap around.
func exponential(base, limit, factor float64, attempt int) float64 {
	if base == 0 {
		return 0 // rather than 0 * infinity, which is NaN
	}
	return min(base*math.Pow(factor, float64(max(attempt, 1)-1)), limit)
}

// clamp rounds d to a nanosecond between 0 and limit. NaN becomes 0.
func clamp(d float64, limit time.Duration) time.Duration {
	switch {
	case !(d > 0):
		return 0
	case d >= float64(limit):
		return limit
	}
	return time.Duration(math.Round(d))
}

func notNegative(fn, name string, d time.Duration) {
	if d < 0 {
		panic(fmt.Sprintf("retry: %s: %s is %v, want 0 or more", fn, name, d))
	}
}
