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

func TestACircuitIsIdleIfNothingWouldBeLost(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 2, RecoveryTimeout: time.Minute, Clock: clk})
	assert.True(t, c.Idle(), "new")
	record(t, c, policy.Success, policy.Ignored)
	assert.True(t, c.Idle(), "well")
	record(t, c, policy.Failure)
	assert.False(t, c.Idle(), "a failure in the row")
	record(t, c, policy.Success)
	assert.True(t, c.Idle())
	record(t, c, policy.Failure, policy.Failure)
	assert.False(t, c.Idle(), "open")
	clk.Advance(time.Minute - 1)
	assert.False(t, c.Idle(), "open")
	clk.Advance(1)
	assert.True(t, c.Idle(), "past its recovery, unused")
	require.Equal(t, breaker.HalfOpen, c.State(), "Idle moved nothing before")
	assert.False(t, c.Idle(), "half-open")
	c.Isolate("")
	assert.False(t, c.Idle(), "isolated")
	c.Reset()
	assert.True(t, c.Idle())
}

func TestIdleRollsTheWindowToNow(t *testing.T) {
	clk := fake.NewClock()
	for name, cfg := range map[string]breaker.Config{
		"failures": {Window: time.Minute},
		"slow":     {Window: time.Minute, SlowCall: 1, SlowRate: 1},
	} {
		cfg.Clock = clk
		c := breaker.NewCircuit(cfg)
		p, err := c.Acquire()
		require.NoError(t, err)
		clk.Advance(time.Second)
		p.Record(map[string]policy.Outcome{"failures": policy.Failure, "slow": policy.Success}[name])
		assert.False(t, c.Idle(), name)
		clk.Advance(time.Minute)
		assert.True(t, c.Idle(), name)
	}
	c := breaker.NewCircuit(breaker.Config{WindowCalls: 2})
	record(t, c, policy.Failure)
	assert.False(t, c.Idle())
	record(t, c, policy.Success, policy.Success)
	assert.True(t, c.Idle())
}
