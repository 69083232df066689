package retry_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestJitteredSpreadsADelayEvenlyAroundItself(t *testing.T) {
	for _, c := range []struct {
		delay  time.Duration
		factor float64
		random float64
		want   time.Duration
	}{
		{time.Second, 0.2, 0, 800 * time.Millisecond},
		{time.Second, 0.2, 0.25, 900 * time.Millisecond},
		{time.Second, 0.2, 0.5, time.Second},
		{time.Second, 0.2, 0.75, 1100 * time.Millisecond},
		{time.Second, 1, 0, 0},
		{time.Second, 1, 0.75, 1500 * time.Millisecond},
		{time.Second, 0, 0.75, time.Second},
		{1, 1, 0.75, 2}, // 1.5 ns, rounded
		{0, 1, 0.75, 0},
		{-time.Second, 1, 0.75, -time.Second},
		{retry.Stop, 1, 0.75, retry.Stop},
		{math.MaxInt64, 1, 0.75, math.MaxInt64},
	} {
		b := retry.Backoff(func(retry.Step) time.Duration { return c.delay }).Jittered(c.factor)
		assert.Equal(t, c.want, b(retry.Step{Attempt: 1, Rand: fake.Rand(c.random)}), "%+v", c)
	}
}

func TestJitteredRefusesAFactorOutsideOfZeroToOne(t *testing.T) {
	for factor, text := range map[float64]string{
		-0.5: "retry: Backoff.Jittered: factor is -0.5, want 0 to 1",
		1.5:  "retry: Backoff.Jittered: factor is 1.5, want 0 to 1",
	} {
		assert.PanicsWithValue(t, text, func() { retry.Constant(time.Second).Jittered(factor) })
	}
}

func TestLimitedToOneAttemptStopsAfterTheFirst(t *testing.T) {
	b := retry.Constant(time.Second).Limited(1)
	assert.Equal(t, retry.Stop, b(retry.Step{Attempt: 1}))
}

func TestANegativeDelayOfABackoffIsTreatedAsZero(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	var delays []time.Duration
	cfg := retry.Config{
		Clock: clk, Backoff: func(retry.Step) time.Duration { return -time.Second },
		OnRetry: func(_ context.Context, e policy.Event) {
			delays = append(delays, e.Delay)
			assert.Equal(t, "backoff", e.Reason)
		},
	}
	_, err := retry.Do(t.Context(), cfg, fail(errDown))
	require.ErrorIs(t, err, retry.ErrExhausted)
	assert.Equal(t, []time.Duration{0, 0}, delays)
}
