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

// tooMany is more calls than a run makes; a config that asks for more is made
// and looked at, and that is all.
const tooMany = 3000

func FuzzBreakerConfig(f *testing.F) {
	for i, n := range edges {
		e := func(k int) int64 { return edges[(i+k)%10] }
		f.Add(n, e(1), e(2), e(3), e(4), n, e(5), e(6), e(7), shares[i], shares[(i+2)%10], shares[(i+5)%10], 0.5, i%2 == 0)
		f.Add(int64(3), int64(0), int64(0), int64(2), int64(2), int64(0), int64(0), n, n, 0.0, 0.0, 0.5, shares[i], i%2 == 0)
		f.Add(int64(0), int64(0), int64(4), int64(1), int64(1), n, int64(0), int64(50), int64(90), 0.5, 0.0, 0.0, 0.0, i%2 == 0)
		f.Add(int64(0), int64(9), int64(4), int64(1), int64(1), int64(0), int64(5), int64(50), int64(90), shares[i], 0.5, 1.0, 0.9, i%2 == 0)
		f.Add(int64(2), int64(0), int64(0), int64(1), int64(1), int64(0), int64(0), int64(i+1)*3e8, int64(i+1)*7e8, 0.0, 0.0, 0.5, 0.5, true)
	}
	f.Fuzz(func(t *testing.T, failures, windowCalls, minCalls, places, successes, window, slow, recovery, maxRecovery int64,
		rate, slowRate, jitter, random float64, realTime bool,
	) {
		cfg := breaker.Config{
			FailureThreshold: int(failures), WindowCalls: int(windowCalls), MinCalls: int(minCalls),
			HalfOpenMaxCalls: int(places), SuccessThreshold: int(successes),
			Window: time.Duration(window), SlowCall: time.Duration(slow),
			RecoveryTimeout: time.Duration(recovery), MaxRecoveryTimeout: time.Duration(maxRecovery),
			FailureRate: rate, SlowRate: slowRate, RecoveryJitter: jitter,
			Rand: func() float64 { return random },
		}
		pass := time.Sleep
		if !realTime {
			clk := fake.NewClock()
			cfg.Clock, pass = clk, clk.Advance
		}
		if !accepted(t, cfg.Validate(), func() { breaker.NewCircuit(cfg) }) {
			return
		}
		if max(failures, minCalls, successes, places) > tooMany {
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

// requireCircuit wants a circuit to open, to be half-open in time, to open again
// for a probe that fails, and to close in the end. pass has time pass.
func requireCircuit(t *testing.T, cfg breaker.Config, pass func(time.Duration)) {
	t.Helper()
	c, start := breaker.NewCircuit(cfg), policy.Now(cfg.Clock)
	for reopening := range 3 {
		requireOpens(t, c, reopening)
		requireHalfOpens(t, c, cfg, reopening, pass)
		if policy.Elapsed(cfg.Clock, start) > math.MaxInt64/4 {
			return // a Duration ends here, and a circuit's time with it
		}
		requireProbes(t, c, cfg.HalfOpenMaxCalls)
	}
	requireCloses(t, c, pass)
}

// requireOpens fails calls until the circuit opens.
func requireOpens(t *testing.T, c *breaker.Circuit, reopening int) {
	t.Helper()
	for n := 0; c.State() == breaker.Closed; n++ {
		require.LessOrEqual(t, n, tooMany, "a circuit that nothing opens")
		p, err := c.Acquire()
		require.NoError(t, err)
		p.Record(policy.Failure)
	}
	if reopening == 0 {
		_, err := c.Acquire()
		require.ErrorIs(t, err, breaker.ErrOpen)
	}
}

// requireHalfOpens waits for as long as the open circuit says.
func requireHalfOpens(t *testing.T, c *breaker.Circuit, cfg breaker.Config, reopening int, pass func(time.Duration)) {
	t.Helper()
	if c.State() != breaker.Open {
		return // a recovery timeout that is over at once
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
	p, err := c.Acquire() // and not State, which never spares itself a look at the clock
	require.NoError(t, err)
	p.Record(policy.Ignored)
	require.Equal(t, breaker.HalfOpen, c.State())
}

// grown returns the recovery timeout after so many re-openings.
func grown(cfg breaker.Config, reopenings int) time.Duration {
	recovery := cmp.Or(cfg.RecoveryTimeout, breaker.DefaultRecoveryTimeout)
	for range reopenings {
		recovery = max(recovery, min(2*recovery, cfg.MaxRecoveryTimeout))
	}
	return recovery
}

// requireProbes takes every place, and fails one probe.
func requireProbes(t *testing.T, c *breaker.Circuit, places int) {
	t.Helper()
	if places == 0 {
		places = breaker.DefaultHalfOpenMaxCalls
	}
	var first breaker.Permit
	for n := range places {
		p, err := c.Acquire()
		require.NoError(t, err, "place %d of %d", n+1, places)
		if n == 0 {
			first = p
		}
	}
	_, err := c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen, "more probes than places")
	first.Record(policy.Failure)
	require.NotEqual(t, breaker.HalfOpen, c.State())
}

// requireCloses lets probes succeed until the circuit closes.
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
