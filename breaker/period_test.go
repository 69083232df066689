package breaker_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// wait returns how long a circuit of cfg stays open after its first failure.
func wait(t *testing.T, cfg breaker.Config) time.Duration {
	t.Helper()
	cfg.FailureThreshold, cfg.Clock = 1, fake.NewClock()
	c := breaker.NewCircuit(cfg)
	record(t, c, policy.Failure)
	return c.Snapshot().RetryAfter
}

func TestTheOpenPeriodIsExactToTheNanosecond(t *testing.T) {
	random := func(v float64) func() float64 { return func() float64 { return v } }
	never := func() float64 { t.Error("asked for randomness without jitter"); return 0 }
	for want, cfg := range map[time.Duration]breaker.Config{
		time.Second:      {RecoveryTimeout: time.Second, Rand: never},
		2 * time.Second:  {RecoveryTimeout: 2 * time.Second, RecoveryJitter: 0.5, Rand: random(math.NaN())},
		15 * time.Second: {RecoveryTimeout: 10 * time.Second, RecoveryJitter: 1, Rand: random(0.5)},
		math.MaxInt64:    {RecoveryTimeout: 1 << 62, RecoveryJitter: 1, Rand: random(1)},
		1:                {RecoveryTimeout: 1},
	} {
		assert.Equal(t, want, wait(t, cfg))
	}
}

func TestAGrownRecoveryTimeoutStopsAtTheMaximum(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{
		FailureThreshold: 1, RecoveryTimeout: 1 << 62, MaxRecoveryTimeout: math.MaxInt64, Clock: clk,
		RecoveryJitter: 1, Rand: func() float64 { return float64(min(clk.Now().Year()/2100, 1)) }, // none at first, then all
	})
	record(t, c, policy.Failure)
	require.Equal(t, time.Duration(1<<62), c.Snapshot().RetryAfter)
	clk.Advance(1 << 62)
	record(t, c, policy.Failure)
	assert.Equal(t, time.Duration(math.MaxInt64-1<<62), c.Snapshot().RetryAfter)
}

func TestATripMayLastANanosecond(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Clock: clk})
	c.Trip(1, "")
	assert.Equal(t, time.Duration(1), c.Snapshot().RetryAfter)
	c.Trip(0, "")
	assert.Equal(t, breaker.DefaultRecoveryTimeout, c.Snapshot().RetryAfter)
}

func TestTransitionsAndSnapshotsHaveTimeAndReason(t *testing.T) {
	clk := fake.NewClock()
	var heard []breaker.Transition
	c := breaker.NewCircuit(breaker.Config{
		Name: "stripe", FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1, Clock: clk,
		OnStateChange: func(tr breaker.Transition) { heard = append(heard, tr) },
	})
	born := clk.Now()
	clk.Advance(time.Minute)
	assert.Equal(t, born, c.Snapshot().Since)
	_, err := breaker.New[int](c).Do(t.Context(), down)
	require.Equal(t, errDown, err)
	clk.Advance(time.Hour)
	_, err = c.Acquire()
	require.NoError(t, err)
	_, err = c.Acquire()
	require.EqualError(t, err, `breaker: circuit "stripe" is half-open and its permits are out: opened by: down`)
	s := c.Snapshot()
	assert.Equal(t, errDown, s.Cause)
	assert.Equal(t, clk.Now(), s.Since)
	assert.Equal(t, []breaker.Transition{
		{Name: "stripe", From: breaker.Closed, To: breaker.Open, At: born.Add(time.Minute), Counts: breaker.Counts{Failures: 1}, Cause: errDown, Reason: "failures"},
		{Name: "stripe", From: breaker.Open, To: breaker.HalfOpen, At: born.Add(time.Minute + time.Hour), Reason: "recovery_elapsed"},
	}, heard)
}

func TestWindowsOfOneCallOpenAtTheFirstFailure(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"a call":         {WindowCalls: 1},
		"a call by rate": {WindowCalls: 1, FailureRate: 1},
		"time":           {Window: time.Minute, FailureThreshold: 1},
		"time by rate":   {Window: time.Minute, FailureRate: 1, MinCalls: 1},
		"no window":      {FailureThreshold: 1},
	} {
		c := breaker.NewCircuit(cfg)
		record(t, c, policy.Success, policy.Failure)
		want := breaker.Open
		if name == "time by rate" {
			want = breaker.Closed // half of two
		}
		assert.Equal(t, want, c.State(), name)
		c = breaker.NewCircuit(cfg)
		record(t, c, policy.Success)
		assert.Equal(t, name != "no window", c.Snapshot().Counts.Successes == 1, name)
		c.Reset()
		record(t, c, policy.Failure)
		assert.Equal(t, breaker.Open, c.State(), name)
	}
}

func TestABreakerMeasuresASlowCallOfANanosecond(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{WindowCalls: 2, SlowCall: 1, SlowRate: 1, Clock: clk})
	_, err := breaker.New[int](c).Do(t.Context(), fake.NewFunc[int]().Return(1).Do)
	require.NoError(t, err)
	auto := fake.NewClock(fake.AutoAdvance())
	c = breaker.NewCircuit(breaker.Config{WindowCalls: 2, SlowCall: 1, SlowRate: 1, Clock: auto})
	_, err = breaker.New[int](c).Do(t.Context(), fake.NewFunc[int]().Delay(auto, 1).Return(1).Do)
	require.NoError(t, err)
	assert.Equal(t, breaker.Counts{Successes: 1, Slow: 1}, c.Snapshot().Counts)
}

// hooked is a clock that calls a function at its next reading.
type hooked struct {
	policy.Clock
	hook func()
}

func (h *hooked) Now() time.Time {
	if hook := h.hook; hook != nil {
		h.hook = nil
		hook()
	}
	return h.Clock.Now()
}

func TestAPermitTakenWhileAnotherCallReadsTheClockIsNotGrantedTwice(t *testing.T) {
	clk := fake.NewClock()
	h := &hooked{Clock: clk}
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1, Clock: h})
	record(t, c, policy.Failure)
	clk.Advance(time.Second)
	require.Equal(t, breaker.HalfOpen, c.State())
	h.hook = func() {
		_, err := c.Acquire()
		require.NoError(t, err)
	}
	_, err := c.Acquire()
	assert.ErrorIs(t, err, breaker.ErrOpen)
}

func TestANewRoundHasAllItsPermits(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 2, Clock: clk})
	record(t, c, policy.Failure)
	for range 3 {
		clk.Advance(time.Second)
		for range 2 {
			_, err := c.Acquire()
			require.NoError(t, err)
		}
		_, err := c.Acquire()
		require.ErrorIs(t, err, breaker.ErrOpen)
	}
}
