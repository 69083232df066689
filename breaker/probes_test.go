package breaker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// halfOpen returns a half-open circuit with cfg and clk.
func halfOpen(t *testing.T, cfg breaker.Config, clk *fake.Clock) *breaker.Circuit {
	t.Helper()
	cfg.Clock = clk
	c := breaker.NewCircuit(cfg)
	c.Trip(1, "")
	clk.Advance(1)
	require.Equal(t, breaker.HalfOpen, c.State())
	return c
}

func TestASlowProbeReopens(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{
		Window: time.Minute, SlowCall: time.Second, SlowRate: 0.5, MinCalls: 2, RecoveryTimeout: 30 * time.Second, Clock: clk,
	})
	b := breaker.New[int](c)
	slow := func(context.Context) (int, error) { clk.Advance(10 * time.Second); return 1, nil }
	for range 2 {
		_, err := b.Do(t.Context(), slow)
		require.NoError(t, err)
	}
	require.Equal(t, breaker.Open, c.State())
	assert.Equal(t, breaker.ReasonSlowRate, c.Snapshot().Reason)
	clk.Advance(30 * time.Second)
	_, err := b.Do(t.Context(), slow)
	require.NoError(t, err)
	s := c.Snapshot()
	assert.Equal(t, breaker.Open, s.State)
	assert.Equal(t, breaker.ReasonProbeSlow, s.Reason)
	assert.Equal(t, breaker.Counts{Successes: 1, Slow: 1}, s.Counts)
	clk.Advance(30 * time.Second)
	_, err = b.Do(t.Context(), succeed)
	require.NoError(t, err)
	assert.Equal(t, breaker.Closed, c.State())
}

func TestASlowDependencyIsProbedOnceARecoveryTimeout(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{
		Window: time.Minute, SlowCall: time.Second, SlowRate: 0.5, MinCalls: 10, RecoveryTimeout: 30 * time.Second, Clock: clk,
	})
	calls := 0
	for end := clk.Now().Add(time.Hour); clk.Now().Before(end); {
		_, err := breaker.Do(t.Context(), c, func(context.Context) (int, error) {
			calls++
			clk.Advance(2 * time.Second)
			return 1, nil
		})
		if err != nil {
			clk.Advance(time.Second)
		}
	}
	assert.LessOrEqual(t, calls, 130)
}

func TestACallThatItsCallerCancelsAfterSlowCallIsSlow(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"time":  {Window: time.Minute, SlowCall: time.Second, SlowRate: 0.5, MinCalls: 4},
		"calls": {WindowCalls: 4, SlowCall: time.Second, SlowRate: 0.5},
	} {
		clk := fake.NewClock()
		cfg.Clock = clk
		c := breaker.NewCircuit(cfg)
		abandon := func(after time.Duration) {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := breaker.Do(ctx, c, func(context.Context) (int, error) {
				clk.Advance(after)
				cancel()
				return 0, errors.New("driver: query interrupted")
			})
			require.Error(t, err)
		}
		abandon(time.Second - 1)
		assert.Equal(t, breaker.Counts{Ignored: 1}, c.Snapshot().Counts, name)
		abandon(time.Second)
		assert.Equal(t, breaker.Counts{Successes: 1, Slow: 1, Ignored: 1}, c.Snapshot().Counts, name)
		record(t, c, policy.Success, policy.Success)
		abandon(time.Second)
		s := c.Snapshot()
		assert.Equal(t, breaker.Open, s.State, name)
		assert.Equal(t, breaker.ReasonSlowRate, s.Reason, name)
		assert.Zero(t, s.Counts.Failures, name)
	}
}

func TestARejectionByAnInnerPolicyIsNotSlow(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{WindowCalls: 4, SlowCall: time.Second, SlowRate: 0.5, Clock: clk})
	_, err := breaker.Do(t.Context(), c, func(context.Context) (int, error) {
		clk.Advance(time.Minute) // in a queue of the caller
		return 0, policy.ErrRejected
	})
	require.ErrorIs(t, err, policy.ErrRejected)
	assert.Equal(t, breaker.Counts{Ignored: 1}, c.Snapshot().Counts)
}

func TestACancellationReportedAsAnotherErrorIsIgnored(t *testing.T) {
	for way, do := range map[string]func(*breaker.Breaker[int], context.Context, policy.Func[int]) (int, error){
		"Do": func(b *breaker.Breaker[int], ctx context.Context, fn policy.Func[int]) (int, error) {
			return b.Do(ctx, fn)
		},
		"Execute": func(b *breaker.Breaker[int], ctx context.Context, fn policy.Func[int]) (int, error) {
			return b.Execute(ctx, policy.CallOf(fn))
		},
		"guarded": func(b *breaker.Breaker[int], ctx context.Context, fn policy.Func[int]) (int, error) {
			return b.WithClassifier(func(int, error) policy.Outcome { return policy.Undecided }).Do(ctx, fn)
		},
	} {
		for _, said := range []error{errors.New("pq: canceling statement"), fakeWrapped{errors.New("rpc: code = Canceled")}} {
			c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
			ctx, cancel := context.WithCancel(t.Context())
			_, err := do(breaker.New[int](c), ctx, func(context.Context) (int, error) { cancel(); return 0, said })
			require.Equal(t, said, err, way)
			assert.Equal(t, breaker.Counts{Ignored: 1}, c.Snapshot().Counts, way)
		}
	}
}

type fakeWrapped struct{ error }

func (w fakeWrapped) Unwrap() error { return w.error }

func TestHalfOpenWithoutAVerdictReopens(t *testing.T) {
	for probes, limit := range map[int]int{1: 10, 3: 10, 5: 15} {
		clk := fake.NewClock()
		var heard []breaker.Transition
		c := halfOpen(t, breaker.Config{
			RecoveryTimeout: time.Minute, MaxRecoveryTimeout: time.Hour, HalfOpenMaxCalls: probes,
			OnStateChange: func(tr breaker.Transition) { heard = append(heard, tr) },
		}, clk)
		record(t, c, policy.Failure) // reopened once: the time has grown
		clk.Advance(2 * time.Minute)
		record(t, c, repeat(limit-1, policy.Ignored)...)
		require.Equal(t, breaker.HalfOpen, c.State())
		record(t, c, policy.Ignored)
		s := c.Snapshot()
		assert.Equal(t, breaker.Open, s.State)
		assert.Equal(t, breaker.ReasonNoVerdict, s.Reason)
		assert.Equal(t, time.Minute, s.RetryAfter, "without growth")
		assert.EqualValues(t, limit, s.Counts.Ignored)
		assert.Equal(t, breaker.ReasonNoVerdict, heard[len(heard)-1].Reason)
		clk.Advance(time.Minute)
		record(t, c, policy.Failure)
		assert.Equal(t, 4*time.Minute, c.Snapshot().RetryAfter, "the growth goes on where it was")
	}
}

func TestASuccessResetsTheCountOfIgnoredProbes(t *testing.T) {
	c := halfOpen(t, breaker.Config{SuccessThreshold: 100}, fake.NewClock())
	for range 20 {
		record(t, c, repeat(9, policy.Ignored)...)
		record(t, c, policy.Success)
	}
	assert.Equal(t, breaker.HalfOpen, c.State())
	assert.Equal(t, breaker.Counts{Successes: 20, Ignored: 180}, c.Snapshot().Counts)
}

func TestCallersThatAlwaysCancelDoNotKeepACircuitHalfOpen(t *testing.T) {
	clk := fake.NewClock()
	c := halfOpen(t, breaker.Config{RecoveryTimeout: time.Minute}, clk)
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := breaker.Do(ctx, c, func(ctx context.Context) (int, error) { cancel(); return 0, ctx.Err() })
		require.ErrorIs(t, err, context.Canceled)
	}
	assert.Equal(t, breaker.Open, c.State())
	assert.ErrorIs(t, c.Snapshot().Cause, context.Canceled)
}

func TestProbeCallsAreJudgedByTheirShareOfFailures(t *testing.T) {
	for name, c := range map[string]struct {
		rate     float64
		outcomes []policy.Outcome
		want     breaker.State
		reason   string
	}{
		"too few":            {0, []policy.Outcome{policy.Failure, policy.Failure, policy.Ignored}, breaker.HalfOpen, breaker.ReasonRecoveryElapsed},
		"half by default":    {0, []policy.Outcome{policy.Failure, policy.Success, policy.Failure, policy.Success}, breaker.Open, breaker.ReasonProbeFailed},
		"less than half":     {0, []policy.Outcome{policy.Failure, policy.Success, policy.Success, policy.Success}, breaker.Closed, breaker.ReasonProbesSucceeded},
		"ignored do nothing": {0, []policy.Outcome{policy.Ignored, policy.Success, policy.Ignored, policy.Success, policy.Success, policy.Success}, breaker.Closed, breaker.ReasonProbesSucceeded},
		"the given rate":     {0.75, []policy.Outcome{policy.Failure, policy.Failure, policy.Success, policy.Success}, breaker.Closed, breaker.ReasonProbesSucceeded},
		"all":                {1, repeat(4, policy.Failure), breaker.Open, breaker.ReasonProbeFailed},
	} {
		circuit := halfOpen(t, breaker.Config{ProbeCalls: 4, ProbeFailureRate: c.rate}, fake.NewClock())
		record(t, circuit, c.outcomes...)
		assert.Equal(t, c.want, circuit.State(), name)
		assert.Equal(t, c.reason, circuit.Snapshot().Reason, name)
	}
}

func TestSlowProbesCountAsFailedAmongProbeCalls(t *testing.T) {
	clk := fake.NewClock()
	c := halfOpen(t, breaker.Config{
		ProbeCalls: 2, ProbeFailureRate: 0.5, WindowCalls: 9, SlowCall: time.Second, SlowRate: 1,
	}, clk)
	p, err := c.Acquire()
	require.NoError(t, err)
	clk.Advance(time.Second)
	p.Record(policy.Success)
	assert.Equal(t, breaker.Counts{Successes: 1, Slow: 1}, c.Snapshot().Counts)
	record(t, c, policy.Success)
	s := c.Snapshot()
	assert.Equal(t, breaker.Open, s.State)
	assert.Equal(t, breaker.ReasonProbeSlow, s.Reason)
	assert.Equal(t, breaker.Counts{Successes: 2, Slow: 1}, s.Counts)
}

func TestTheCauseOfAVerdictIsTheLastFailureOfTheProbes(t *testing.T) {
	c := halfOpen(t, breaker.Config{ProbeCalls: 2}, fake.NewClock())
	_, err := breaker.Do(t.Context(), c, down)
	require.Equal(t, errDown, err)
	_, err = breaker.Do(t.Context(), c, succeed)
	require.NoError(t, err)
	assert.Equal(t, breaker.Open, c.State())
	assert.Equal(t, errDown, c.Snapshot().Cause)
}

func TestAVerdictByASlowSuccessHasTheCauseOfAnEarlierFailure(t *testing.T) {
	clk := fake.NewClock()
	c := halfOpen(t, breaker.Config{ProbeCalls: 2, WindowCalls: 9, SlowCall: time.Second, SlowRate: 1}, clk)
	_, err := breaker.Do(t.Context(), c, down)
	require.Equal(t, errDown, err)
	p, err := c.Acquire()
	require.NoError(t, err)
	clk.Advance(time.Second)
	p.Record(policy.Success)
	s := c.Snapshot()
	assert.Equal(t, breaker.ReasonProbeFailed, s.Reason)
	assert.Equal(t, errDown, s.Cause)
	assert.Equal(t, breaker.Counts{Successes: 1, Failures: 1, Slow: 1}, s.Counts)
}

func TestHalfOpenMaxCallsStillBoundsProbeCalls(t *testing.T) {
	c := halfOpen(t, breaker.Config{ProbeCalls: 10, HalfOpenMaxCalls: 2}, fake.NewClock())
	for range 2 {
		_, err := c.Acquire()
		require.NoError(t, err)
	}
	_, err := c.Acquire()
	assert.ErrorIs(t, err, breaker.ErrOpen)
}

func TestASnapshotCountsTheProbesInFlight(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{RecoveryTimeout: breaker.NoWait, SuccessThreshold: 3})
	assert.Zero(t, c.Snapshot().Probes)
	c.Trip(0, "")
	first, err := c.Acquire()
	require.NoError(t, err)
	second, err := c.Acquire()
	require.NoError(t, err)
	assert.Equal(t, 2, c.Snapshot().Probes)
	first.Record(policy.Success)
	assert.Equal(t, 1, c.Snapshot().Probes)
	second.Record(policy.Failure)
	_ = c.State()
	assert.Zero(t, c.Snapshot().Probes)
}
