package breaker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// slowProbes is a config under which probes of a second or more are slow.
func slowProbes(cfg breaker.Config) breaker.Config {
	cfg.WindowCalls, cfg.SlowCall, cfg.SlowRate = 99, time.Second, 1
	cfg.RecoveryTimeout, cfg.MaxRecoveryTimeout = time.Minute, time.Hour
	return cfg
}

// probe makes a call that takes a while and ends with an outcome.
func probe(t *testing.T, c *breaker.Circuit, clk *fake.Clock, took time.Duration, o policy.Outcome) {
	t.Helper()
	p, err := c.Acquire()
	require.NoError(t, err)
	clk.Advance(took)
	p.Record(o)
}

func TestEachBadVerdictDoublesTheRecoveryTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  breaker.Config
		took time.Duration
		o    policy.Outcome
	}{
		"a slow probe":          {slowProbes(breaker.Config{}), time.Second, policy.Success},
		"a failed probe":        {slowProbes(breaker.Config{}), 0, policy.Failure},
		"slow of ProbeCalls":    {slowProbes(breaker.Config{ProbeCalls: 1}), time.Second, policy.Success},
		"failed of ProbeCalls":  {slowProbes(breaker.Config{ProbeCalls: 1}), 0, policy.Failure},
		"slow and a failed one": {slowProbes(breaker.Config{ProbeCalls: 1}), time.Second, policy.Failure},
	} {
		clk := fake.NewClock()
		circuit := halfOpen(t, c.cfg, clk)
		for want := 2 * time.Minute; want <= 8*time.Minute; want *= 2 {
			probe(t, circuit, clk, c.took, c.o)
			assert.Equal(t, want, circuit.Snapshot().RetryAfter, name)
			clk.Advance(want)
		}
	}
}

func TestHalfOpenCountsSlowProbesOfBothOutcomes(t *testing.T) {
	clk := fake.NewClock()
	c := halfOpen(t, slowProbes(breaker.Config{ProbeCalls: 20}), clk)
	var want breaker.Counts
	for range 3 {
		probe(t, c, clk, time.Second, policy.Failure)
		want.Failures++
		want.Slow++
		assert.Equal(t, want, c.Snapshot().Counts)
		probe(t, c, clk, 0, policy.Failure)
		want.Failures++
		probe(t, c, clk, time.Second, policy.Success)
		want.Successes++
		want.Slow++
		probe(t, c, clk, 0, policy.Success)
		want.Successes++
		assert.Equal(t, want, c.Snapshot().Counts)
	}
}

func TestTheCauseOfAVerdictIsNoErrorThatCountsAsASuccess(t *testing.T) {
	c := halfOpen(t, breaker.Config{ProbeCalls: 2}, fake.NewClock())
	_, err := breaker.Do(t.Context(), c, down)
	require.Equal(t, errDown, err)
	_, err = breaker.Do(t.Context(), c, func(context.Context) (int, error) {
		return 0, breaker.Judge(errNotFound, policy.Success)
	})
	require.Equal(t, errNotFound, err)
	s := c.Snapshot()
	require.Equal(t, breaker.Open, s.State)
	assert.Equal(t, errDown, s.Cause)
}

func TestAVerdictByARecordWithoutAnErrorHasNoCause(t *testing.T) {
	c := halfOpen(t, breaker.Config{ProbeCalls: 2}, fake.NewClock())
	_, err := breaker.Do(t.Context(), c, down)
	require.Equal(t, errDown, err)
	record(t, c, policy.Failure)
	s := c.Snapshot()
	require.Equal(t, breaker.Open, s.State)
	assert.NoError(t, s.Cause)
}

func TestAFailureAmongProbesOfBeforeAReconfigureIsJudgedByTheShareOfAll(t *testing.T) {
	c := halfOpen(t, breaker.Config{ProbeCalls: 9}, fake.NewClock())
	record(t, c, policy.Success, policy.Success, policy.Success)
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.ProbeCalls = 1 })
	record(t, c, policy.Failure)
	assert.Equal(t, breaker.Closed, c.State())
}

// A permit comes back, and there are fewer than before, while a caller finds that all have
// been out for too long. None was granted meanwhile, so the caller begins a round.
func TestARoundBeginsThoughAPermitIsGivenBackMeanwhile(t *testing.T) {
	fk := fake.NewClock()
	clk := &nested{Clock: fk}
	cfg := breaker.Config{HalfOpenMaxCalls: 2, RecoveryTimeout: time.Minute, Clock: clk}
	c := breaker.NewCircuit(cfg)
	c.Trip(1, "")
	fk.Advance(1)
	first, err := c.Acquire()
	require.NoError(t, err)
	_, err = c.Acquire()
	require.NoError(t, err)
	fk.Advance(time.Minute)
	clk.inside = []func(){func() {
		first.Record(policy.Ignored)
		cfg.HalfOpenMaxCalls = 1
		require.NoError(t, c.Reconfigure(cfg))
	}}
	_, err = c.Acquire()
	require.NoError(t, err)
	assert.Equal(t, 1, c.Snapshot().Probes)
	_, err = c.Acquire()
	assert.ErrorIs(t, err, breaker.ErrOpen)
}

func TestAClockSetBackByAllOfTimeDoesNotWedgeTheHalfOpenState(t *testing.T) {
	clk := &setClock{at: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, HalfOpenMaxCalls: 1, Clock: clk})
	record(t, c, policy.Failure)
	clk.at = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := c.Acquire() // a probe that never returns
	require.NoError(t, err)
	clk.at = time.Time{}
	_, err = c.Acquire()
	assert.NoError(t, err)
}

func TestOneProbeMayBeAllProbeCalls(t *testing.T) {
	for o, want := range map[policy.Outcome]breaker.State{policy.Success: breaker.Closed, policy.Failure: breaker.Open} {
		c := halfOpen(t, breaker.Config{ProbeCalls: 1}, fake.NewClock())
		assert.InDelta(t, breaker.DefaultProbeFailureRate, c.Config().ProbeFailureRate, 0)
		record(t, c, o)
		assert.Equal(t, want, c.State())
	}
}
