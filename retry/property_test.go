package retry_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

// Bases, limits and attempts are random.
func TestBackoffsStayInBoundsAndGrow(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		base, limit := time.Duration(rnd.Int64()>>rnd.IntN(63)), time.Duration(rnd.Int64()>>rnd.IntN(63))
		factor := 1 + rnd.ExpFloat64()
		growing := []retry.Backoff{
			retry.Constant(limit), retry.Linear(base, limit), retry.Exponential(base, limit, factor), retry.Fibonacci(base, limit),
		}
		random := []retry.Backoff{retry.FullJitter(base, limit), retry.EqualJitter(base, limit), retry.Decorrelated(base, limit)}
		previous := make([]time.Duration, len(growing))
		step := retry.Step{Rand: rnd.Float64}
		for _, step.Attempt = range []int{1, 2, 3, 10, 31, 36, 63, 64, 1025, 10000, math.MaxInt} {
			for i, b := range growing {
				d := b(step)
				require.True(t, previous[i] <= d && d <= limit, "backoff %d of %v, %v, %v: %v after %v", i, base, limit, factor, d, previous[i])
				previous[i] = d
			}
			for i, b := range random {
				d := b(step)
				require.True(t, 0 <= d && d <= limit, "random backoff %d of %v, %v: %v", i, base, limit, d)
				step.Previous = d
			}
		}
	}
}

// jittered returns the delays of a retry whose random source is rnd.
func jittered(t *testing.T, cfg retry.Config, rnd func() float64) []time.Duration {
	t.Helper()
	clk := fake.NewClock(fake.AutoAdvance())
	cfg.Clock, cfg.Rand = clk, rnd
	_, err := retry.Do(t.Context(), cfg, fake.NewFunc[int]().Fail(errDown).Do)
	require.ErrorIs(t, err, retry.ErrExhausted)
	return clk.Sleeps()
}

func TestJitterStaysBetweenZeroAndTheCap(t *testing.T) {
	for seed := range uint64(200) {
		cfg := retry.Config{MaxAttempts: 20, BaseDelay: time.Second, MaxDelay: 3 * time.Second, JitterFactor: 1}
		all := jittered(t, cfg, rand.New(rand.NewPCG(seed, 0)).Float64)
		for _, d := range all {
			require.True(t, 0 <= d && d <= cfg.MaxDelay, "%v", d)
		}
		require.Equal(t, all, jittered(t, cfg, rand.New(rand.NewPCG(seed, 0)).Float64), "the same seed gives the same delays")
		require.NotEqual(t, all, jittered(t, cfg, rand.New(rand.NewPCG(seed+1, 0)).Float64), "another seed gives others")
	}
}

func TestJitterIsUniformAroundTheDelay(t *testing.T) {
	cfg := retry.Config{MaxAttempts: 10001, Multiplier: 1, BaseDelay: time.Second, JitterFactor: 0.2}
	var low, high int
	var sum time.Duration
	for _, d := range jittered(t, cfg, rand.New(rand.NewPCG(1, 1)).Float64) {
		require.InDelta(t, time.Second, d, float64(200*time.Millisecond))
		sum += d
		switch {
		case d < 850*time.Millisecond:
			low++
		case d >= 1150*time.Millisecond:
			high++
		}
	}
	assert.InDelta(t, time.Second, sum/10000, float64(5*time.Millisecond))
	assert.InDelta(t, 1250, low, 150) // an eighth of the delays each
	assert.InDelta(t, 1250, high, 150)
}
