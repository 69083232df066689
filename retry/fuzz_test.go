package retry_test

import (
	"math"
	"testing"
	"time"

	"github.com/ductile-go/ductile/retry"
)

// FuzzBackoff checks that the delays of every backoff stay within their bounds.
func FuzzBackoff(f *testing.F) {
	f.Add(int64(time.Second), int64(time.Minute), 2.0, 1, int64(0), 0.5)
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), 10.0, 10000, int64(math.MaxInt64), 0.999)
	f.Fuzz(func(t *testing.T, base, limit int64, factor float64, attempt int, previous int64, random float64) {
		if base < 0 || limit < 0 || !(factor >= 1) || math.IsInf(factor, 1) || !(random >= 0 && random < 1) {
			return
		}
		b, m := time.Duration(base), time.Duration(limit)
		step := retry.Step{Attempt: attempt, Previous: time.Duration(previous), Rand: func() float64 { return random }}
		for i, backoff := range []retry.Backoff{
			retry.Linear(b, m), retry.Exponential(b, m, factor), retry.Fibonacci(b, m),
			retry.FullJitter(b, m), retry.EqualJitter(b, m), retry.Decorrelated(b, m),
		} {
			if d := backoff(step); d < 0 || d > m {
				t.Errorf("backoff %d: %v is not within 0 and %v", i, d, m)
			}
		}
		if attempt > 1 && attempt < math.MaxInt {
			next := step
			next.Attempt++
			if e := retry.Exponential(b, m, factor); e(next) < e(step) {
				t.Errorf("delay shrinks from %v to %v", e(step), e(next))
			}
		}
	})
}
