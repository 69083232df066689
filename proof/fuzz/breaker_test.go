package fuzz_test

import (
	"cmp"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// tooMany limits the calls of a run. A config that needs more is only created and
// inspected.
const tooMany = 3000

func FuzzBreakerConfig(f *testing.F) {
	for i, n := range edges {
		e := func(k int) int64 { return edges[(i+k)%10] }
		f.Add(n, e(1), e(2), e(3), e(4), n, e(5), e(6), e(7), shares[i], shares[(i+2)%10], shares[(i+5)%10], 0.5, i%2 == 0, int64(i%4), shares[i], i%5 == 0)
		f.Add(int64(3), int64(0), int64(0), int64(2), int64(2), int64(0), int64(0), n, n, 0.0, 0.0, 0.5, shares[i], i%2 == 0, int64(i%4), shares[i], i%5 == 0)
		f.Add(int64(0), int64(0), int64(4), int64(1), int64(1), n, int64(0), int64(50), int64(90), 0.5, 0.0, 0.0, 0.0, i%2 == 0, int64(i%4), shares[i], i%5 == 0)
		f.Add(int64(0), int64(9), int64(4), int64(1), int64(1), int64(0), int64(5), int64(50), int64(90), shares[i], 0.5, 1.0, 0.9, i%2 == 0, int64(i%4), shares[i], i%5 == 0)
		f.Add(int64(2), int64(0), int64(0), int64(1), int64(1), int64(0), int64(0), int64(i+1)*3e8, int64(i+1)*7e8, 0.0, 0.0, 0.5, 0.5, true, int64(i%4), shares[i], i%5 == 0)
	}
	f.Add(int64(3), int64(3), int64(0), int64(178), int64(2), int64(0), int64(0), int64(breaker.NoWait), int64(0), 0.0, 0.0, 0.5, 0.0, true, int64(0), 0.0, false)
	f.Fuzz(func(t *testing.T, failures, windowCalls, minCalls, places, successes, window, slow, recovery, maxRecovery int64,
		rate, slowRate, jitter, random float64, realTime bool, probes int64, probeRate float64, shadow bool,
	) {
		cfg := breaker.Config{
			FailureThreshold: int(failures), WindowCalls: int(windowCalls), MinCalls: int(minCalls),
			HalfOpenMaxCalls: int(places), SuccessThreshold: int(successes),
			Window: time.Duration(window), SlowCall: time.Duration(slow),
			RecoveryTimeout: time.Duration(recovery), MaxRecoveryTimeout: time.Duration(maxRecovery),
			FailureRate: rate, SlowRate: slowRate, RecoveryJitter: jitter,
			Rand:       func() float64 { return random },
			ProbeCalls: int(probes), ProbeFailureRate: probeRate, Shadow: shadow,
		}
		pass := time.Sleep
		if !realTime {
			clk := fake.NewClock()
			cfg.Clock, pass = clk, clk.Advance
		}
		if !accepted(t, cfg.Validate(), func() { breaker.NewCircuit(cfg) }) {
			return
		}
		if max(failures, minCalls, successes, places, probes) > tooMany {
			require.Equal(t, breaker.Closed, breaker.NewCircuit(cfg).State())
			return
		}
		if !realTime {
			requireCircuit(t, cfg, pass)
		} else if max(cfg.RecoveryTimeout, cfg.MaxRecoveryTimeout) < tooLong/10 {
			synctest.Test(t, func(t *testing.T) { requireCircuit(t, cfg, pass) })
		}
	})
}

// requireCircuit requires a circuit to open, to become half-open in time, to reopen after
// a failed probe, and to close. pass moves time.
func requireCircuit(t *testing.T, cfg breaker.Config, pass func(time.Duration)) {
	t.Helper()
	c, start := breaker.NewCircuit(cfg), policy.Now(cfg.Clock)
	require.NoError(t, c.Config().Validate(), "the effective config")
	require.NoError(t, c.Reconfigure(c.Config()))
	if cfg.Shadow {
		requireShadow(t, c, cfg, pass)
		return
	}
	for reopening := range 3 {
		requireOpens(t, c, cfg, reopening)
		requireHalfOpens(t, c, cfg, reopening, pass)
		if policy.Now(cfg.Clock).Sub(start) > math.MaxInt64/4 {
			return // the clock of a circuit ends where a Duration does
		}
		requireProbes(t, c, cfg)
	}
	requireCloses(t, c, pass)
}

// requireOpens makes failing calls and requires the circuit to open.
func requireOpens(t *testing.T, c *breaker.Circuit, cfg breaker.Config, reopening int) {
	t.Helper()
	for n := 0; c.State() == breaker.Closed; n++ {
		require.LessOrEqual(t, n, tooMany, "a circuit that nothing opens")
		p, err := c.Acquire()
		require.NoError(t, err)
		p.Record(policy.Failure)
	}
	if reopening == 0 && cfg.RecoveryTimeout != breaker.NoWait {
		_, err := c.Acquire()
		require.ErrorIs(t, err, breaker.ErrOpen)
	}
}

// requireHalfOpens waits for RetryAfter and requires the circuit to be half-open.
func requireHalfOpens(t *testing.T, c *breaker.Circuit, cfg breaker.Config, reopening int, pass func(time.Duration)) {
	t.Helper()
	if c.State() != breaker.Open {
		return // a recovery timeout that has passed already
	}
	wait := c.Snapshot().RetryAfter
	longest := max(cfg.RecoveryTimeout, cfg.MaxRecoveryTimeout)
	if longest == 0 {
		longest = breaker.DefaultRecoveryTimeout
	}
	require.Positive(t, wait)
	if longest < math.MaxInt64/2 {
		require.LessOrEqual(t, wait, 2*longest, "with jitter")
		require.GreaterOrEqual(t, wait, grown(cfg, reopening))
	}
	pass(wait - 1)
	_, err := c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen)
	require.Equal(t, breaker.Open, c.State())
	pass(1)
	p, err := c.Acquire() // not State, which always reads the clock
	require.NoError(t, err)
	p.Record(policy.Ignored)
	require.Equal(t, breaker.HalfOpen, c.State())
}

// grown returns the recovery timeout after a number of reopenings.
func grown(cfg breaker.Config, reopenings int) time.Duration {
	recovery := cmp.Or(cfg.RecoveryTimeout, breaker.DefaultRecoveryTimeout)
	for range reopenings {
		recovery = max(recovery, min(2*recovery, cfg.MaxRecoveryTimeout))
	}
	return recovery
}

// requireProbes takes every permit, and fails as many probes as it takes to reopen.
func requireProbes(t *testing.T, c *breaker.Circuit, cfg breaker.Config) {
	t.Helper()
	places := cmp.Or(cfg.HalfOpenMaxCalls, breaker.DefaultHalfOpenMaxCalls)
	all := make([]*breaker.Permit, places)
	for n := range all {
		var err error
		all[n] = new(breaker.Permit)
		*all[n], err = c.Acquire()
		require.NoError(t, err, "place %d of %d", n+1, places)
	}
	_, err := c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen, "more probes than places")
	require.True(t, all[0].Record(policy.Failure))
	require.False(t, all[0].Record(policy.Failure), "the same permit again")
	for n := 1; n < cfg.ProbeCalls; n++ {
		require.Equal(t, breaker.HalfOpen, c.State(), "judged by %d probes of %d", n, cfg.ProbeCalls)
		p, err := c.Acquire()
		require.NoError(t, err, "a place has come back")
		p.Record(policy.Failure)
	}
	if cfg.RecoveryTimeout == breaker.NoWait {
		require.Equal(t, breaker.HalfOpen, c.State(), "again, at once")
		return
	}
	require.NotEqual(t, breaker.HalfOpen, c.State())
}

// requireShadow requires a circuit in shadow to change its state, and to refuse calls only
// after Trip and Isolate.
func requireShadow(t *testing.T, c *breaker.Circuit, cfg breaker.Config, pass func(time.Duration)) {
	t.Helper()
	for n := 0; c.State() == breaker.Closed; n++ {
		require.LessOrEqual(t, n, tooMany, "a circuit that nothing opens")
		p, err := c.Acquire()
		require.NoError(t, err)
		p.Record(policy.Failure)
	}
	for range 2 * cmp.Or(cfg.HalfOpenMaxCalls, breaker.DefaultHalfOpenMaxCalls) {
		_, err := c.Acquire()
		require.NoError(t, err, "in shadow")
	}
	c.Isolate("by hand")
	_, err := c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen)
	c.Reset()
	c.Trip(time.Second, "by hand")
	_, err = c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen)
	pass(time.Second)
	_, err = c.Acquire()
	require.NoError(t, err)
}

// requireCloses makes successful probes and requires the circuit to close.
func requireCloses(t *testing.T, c *breaker.Circuit, pass func(time.Duration)) {
	t.Helper()
	pass(c.Snapshot().RetryAfter)
	for n := 0; c.State() == breaker.HalfOpen; n++ {
		require.LessOrEqual(t, n, tooMany, "a circuit that nothing closes")
		p, err := c.Acquire()
		require.NoError(t, err)
		p.Record(policy.Success)
	}
	require.Equal(t, breaker.Closed, c.State())
}
