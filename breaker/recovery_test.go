package breaker_test

import (
	"context"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestNoWaitProbesAtOnceAndKeepsTheBoundOnProbes(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{
		FailureThreshold: 1, RecoveryTimeout: breaker.NoWait, HalfOpenMaxCalls: 1, MaxRecoveryTimeout: time.Minute, Clock: clk,
	})
	record(t, c, policy.Failure, policy.Failure, policy.Failure) // the first opens, the others are probes
	_, err := c.Acquire()
	require.NoError(t, err)
	_, err = c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen)
	var open *breaker.OpenError
	require.ErrorAs(t, err, &open)
	assert.Equal(t, 10*time.Millisecond, open.RetryAfter())
	clk.Advance(time.Second - 1)
	_, err = c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen)
	clk.Advance(1)
	_, err = c.Acquire()
	assert.NoError(t, err)
}

// The recovery ends after the refusal, and before the retry asks when to come back. An
// isolated circuit does not recover.
func TestARefusalOfACircuitThatHasRecoveredIsRetried(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, Clock: clk})
	r := retry.New[int](retry.Config{RetryRejected: true, BaseDelay: retry.NoDelay})
	refusals := 0
	p := pipeline.New[int](r, breaker.New[int](c)).WithObserver(func(context.Context, policy.Event) {
		refusals++
		clk.Advance(time.Second)
	}, policy.Rejected)
	one := func(context.Context) (int, error) { return 1, nil }
	record(t, c, policy.Failure)
	v, err := p.Do(t.Context(), one)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.Equal(t, 1, refusals)

	c.Isolate("for a test")
	_, err = p.Do(t.Context(), one)
	require.ErrorIs(t, err, breaker.ErrOpen)
	assert.NotErrorIs(t, err, retry.ErrGaveUp)
	assert.Equal(t, 2, refusals)
}

func TestTheRetryAfterOfAHalfOpenRefusalIsABoundedInterval(t *testing.T) {
	for recovery, want := range map[time.Duration]time.Duration{
		time.Millisecond: 10 * time.Millisecond, 160 * time.Millisecond: 10 * time.Millisecond,
		8 * time.Second: 500 * time.Millisecond, time.Hour: time.Second,
	} {
		c := halfOpen(t, breaker.Config{RecoveryTimeout: recovery, HalfOpenMaxCalls: 1}, fake.NewClock())
		_, err := c.Acquire()
		require.NoError(t, err)
		_, err = c.Acquire()
		wait, ok := policy.RetryAfter(err)
		assert.True(t, ok)
		assert.Equal(t, want, wait, "%v", recovery)
	}
}

func TestRecoveryForSetsTheOpenPeriodWithinItsBounds(t *testing.T) {
	for want, c := range map[time.Duration]struct {
		says time.Duration
		cfg  breaker.Config
	}{
		7 * time.Second:                {7 * time.Second, breaker.Config{}},
		0:                              {-time.Second, breaker.Config{}},
		time.Hour:                      {math.MaxInt64, breaker.Config{}},
		2 * time.Hour:                  {math.MaxInt64, breaker.Config{RecoveryTimeout: 2 * time.Hour}},
		time.Minute:                    {time.Hour, breaker.Config{MaxRecoveryTimeout: time.Minute}},
		15 * time.Second:               {10 * time.Second, breaker.Config{RecoveryJitter: 0.5, Rand: func() float64 { return 1 }}},
		breaker.DefaultRecoveryTimeout: {-1, breaker.Config{}}, // as below
	} {
		clk := fake.NewClock()
		c.cfg.FailureThreshold, c.cfg.Clock = 1, clk
		c.cfg.RecoveryFor = func(o breaker.Opening) time.Duration {
			assert.Equal(t, errDown, o.Cause)
			assert.Zero(t, o.Reopening)
			if want == breaker.DefaultRecoveryTimeout {
				return o.Default
			}
			return c.says
		}
		circuit := breaker.NewCircuit(c.cfg)
		_, err := breaker.Do(t.Context(), circuit, down)
		require.Equal(t, errDown, err)
		assert.Equal(t, want, circuit.Snapshot().RetryAfter)
	}
}

func TestRecoveryForIsGivenTheNumberOfReopenings(t *testing.T) {
	clk := fake.NewClock()
	var asked []breaker.Opening
	c := breaker.NewCircuit(breaker.Config{
		FailureThreshold: 1, RecoveryTimeout: time.Second, MaxRecoveryTimeout: 4 * time.Second, Clock: clk,
		RecoveryFor: func(o breaker.Opening) time.Duration { asked = append(asked, o); return time.Second },
	})
	for range 3 {
		record(t, c, policy.Failure)
		clk.Advance(time.Second)
	}
	c.Trip(0, "") // RecoveryFor is not asked
	assert.Equal(t, []breaker.Opening{{Default: time.Second}, {Reopening: 1, Default: 2 * time.Second}, {Reopening: 2, Default: 4 * time.Second}}, asked)
}

func TestAPanicInRecoveryForOrRandLosesNoPermitAndOpensTheCircuit(t *testing.T) {
	for name, spoil := range map[string]func(*breaker.Config){
		"RecoveryFor": func(cfg *breaker.Config) { cfg.RecoveryFor = func(breaker.Opening) time.Duration { panic("boom") } },
		"Rand": func(cfg *breaker.Config) {
			cfg.RecoveryJitter, cfg.Rand = 1, func() float64 { panic("boom") }
		},
		"OnStateChange": func(cfg *breaker.Config) { cfg.OnStateChange = func(breaker.Transition) { panic("boom") } },
	} {
		quiet(t)
		clk := fake.NewClock()
		cfg := breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1}
		spoil(&cfg)
		c := halfOpen(t, cfg, clk)
		_, err := breaker.Do(t.Context(), c, down)
		require.Equal(t, errDown, err, name)
		assert.Equal(t, time.Second, c.Snapshot().RetryAfter, name)
		clk.Advance(time.Second)
		_, err = breaker.Do(t.Context(), c, succeed)
		require.NoError(t, err, name)
		assert.Equal(t, breaker.Closed, c.State(), name)
	}
}

func TestAClassifierThatPanicsLosesNoPermit(t *testing.T) {
	clk := fake.NewClock()
	c := halfOpen(t, breaker.Config{
		RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1, Classify: func(err error) policy.Outcome {
			if err != nil {
				panic("boom")
			}
			return policy.Undecided
		},
	}, clk)
	assert.PanicsWithValue(t, "boom", func() { _, _ = breaker.Do(t.Context(), c, down) })
	assert.Equal(t, breaker.Open, c.State())
	clk.Advance(time.Second)
	_, err := breaker.Do(t.Context(), c, succeed)
	require.NoError(t, err)
	assert.Equal(t, breaker.Closed, c.State())
}

func TestAConfigFunctionThatCallsGoexitLosesNoPermit(t *testing.T) {
	c := halfOpen(t, breaker.Config{
		HalfOpenMaxCalls: 1, RecoveryFor: func(breaker.Opening) time.Duration { runtime.Goexit(); return 0 },
	}, fake.NewClock())
	over := make(chan struct{})
	go func() {
		defer close(over)
		p, _ := c.Acquire()
		p.Record(policy.Failure)
	}()
	<-over
	assert.Equal(t, breaker.HalfOpen, c.State(), "the move was not made")
	_, err := c.Acquire()
	assert.NoError(t, err, "and the place came back")
}
