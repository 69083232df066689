package breaker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestReconfigureFillsInTheDefaults(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, HalfOpenMaxCalls: 9, RecoveryTimeout: 1, SuccessThreshold: 9})
	require.NoError(t, c.Reconfigure(breaker.Config{}))
	assert.Equal(t, breaker.Config{}.WithDefaults(), c.Config())
	moves := 0
	c.Watch(func(breaker.Transition) { moves++ })
	require.NoError(t, c.Reconfigure(breaker.Config{}))
	assert.Zero(t, moves, "the same config")
}

func TestReconfigureIsInForceThoughTheCircuitMovesMeanwhile(t *testing.T) {
	clk := &nested{Clock: fake.NewClock()}
	c := breaker.NewCircuit(breaker.Config{Clock: clk})
	c.Watch(func(breaker.Transition) {})
	clk.inside = []func(){func() { clk.inside = nil; c.Trip(time.Hour, "drill") }}
	require.NoError(t, c.Reconfigure(breaker.Config{FailureThreshold: 3, Clock: clk}))
	assert.Equal(t, 3, c.Config().FailureThreshold)
	assert.Equal(t, breaker.Open, c.State())
}

func TestShadowSwitchedOnAdmitsUnlessTheCircuitWasForced(t *testing.T) {
	for name, c := range map[string]struct {
		open   func(c *breaker.Circuit)
		admits bool
	}{
		"by failures": {func(c *breaker.Circuit) { record(t, c, policy.Failure) }, true},
		"by Trip":     {func(c *breaker.Circuit) { c.Trip(time.Hour, "drill") }, false},
		"by Isolate":  {func(c *breaker.Circuit) { c.Isolate("works") }, false},
	} {
		circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, Clock: fake.NewClock()})
		c.open(circuit)
		reconfigure(t, circuit, func(cfg *breaker.Config) { cfg.Shadow = true })
		_, err := circuit.Acquire()
		assert.Equal(t, c.admits, err == nil, "%s: %v", name, err)
	}
}

func TestAnOpenPeriodIsComputedAnewOnlyIfItsRulesChange(t *testing.T) {
	random := 1.0
	for name, c := range map[string]struct {
		change func(cfg *breaker.Config)
		want   time.Duration
	}{
		"threshold":          {func(cfg *breaker.Config) { cfg.FailureThreshold = 7 }, 2 * time.Minute},
		"RecoveryTimeout":    {func(cfg *breaker.Config) { cfg.RecoveryTimeout = 5 * time.Minute }, 10 * time.Minute},
		"MaxRecoveryTimeout": {func(cfg *breaker.Config) { cfg.MaxRecoveryTimeout = 0 }, time.Minute},
		"RecoveryJitter":     {func(cfg *breaker.Config) { cfg.RecoveryJitter = 0.25 }, 2*time.Minute + 30*time.Second},
		"RecoveryFor": {func(cfg *breaker.Config) {
			cfg.RecoveryFor = func(breaker.Opening) time.Duration { return 7 * time.Minute }
		}, 7 * time.Minute},
	} {
		clk := fake.NewClock()
		circuit := breaker.NewCircuit(breaker.Config{
			FailureThreshold: 1, RecoveryTimeout: time.Minute, MaxRecoveryTimeout: time.Hour, Clock: clk,
			Rand: func() float64 { return random },
		})
		record(t, circuit, policy.Failure)
		clk.Advance(time.Minute)
		record(t, circuit, policy.Failure) // it has reopened once
		require.Equal(t, 2*time.Minute, circuit.Snapshot().RetryAfter)
		reconfigure(t, circuit, c.change)
		assert.Equal(t, c.want, circuit.Snapshot().RetryAfter, name)
	}

	clk := fake.NewClock()
	circuit := breaker.NewCircuit(breaker.Config{
		FailureThreshold: 1, RecoveryTimeout: time.Minute, RecoveryJitter: 1, Clock: clk,
		Rand: func() float64 { return random },
	})
	random = 0.5
	record(t, circuit, policy.Failure)
	random = 1
	reconfigure(t, circuit, func(cfg *breaker.Config) { cfg.FailureThreshold = 7 })
	assert.Equal(t, 90*time.Second, circuit.Snapshot().RetryAfter, "jitter is not added anew")
}
