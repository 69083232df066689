package breaker_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestConfigsAtTheirLimitsAreValid(t *testing.T) {
	for _, cfg := range []breaker.Config{
		{FailureThreshold: math.MaxInt32}, {HalfOpenMaxCalls: math.MaxInt32},
		{RecoveryTimeout: 2, MaxRecoveryTimeout: 2}, {RecoveryJitter: 1},
		{WindowCalls: 1 << 19}, {WindowCalls: 1, FailureThreshold: 1},
		{WindowCalls: 5, FailureThreshold: 5}, {WindowCalls: 5, FailureRate: 1, MinCalls: 5},
		{WindowCalls: 1, FailureRate: 1}, {Window: 10, FailureRate: 1, MinCalls: 1},
		{WindowCalls: 1, SlowCall: 1, SlowRate: 1},
	} {
		assert.NoError(t, cfg.Validate(), "%+v", cfg)
	}
}

func TestConfigsJustBeyondALimitAreRefusedByFieldName(t *testing.T) {
	for want, cfg := range map[string]breaker.Config{
		"breaker: Config.MaxRecoveryTimeout is 1ns, want at least RecoveryTimeout, 30s":                   {MaxRecoveryTimeout: 1},
		"breaker: Config.Window is 1ns, want at least 10ns, a nanosecond for each bucket":                 {Window: 1, FailureRate: 1},
		"breaker: Config.Window is 9ns, want at least 10ns, a nanosecond for each bucket":                 {Window: 9},
		"breaker: Config.WindowCalls is 1, want 0 beside Window: a window is of time or of calls":         {Window: time.Second, WindowCalls: 1},
		"breaker: Config.WindowCalls is 524289, want at most 524288":                                      {WindowCalls: 1<<19 + 1},
		"breaker: Config.FailureThreshold is 2, want at most WindowCalls, 1":                              {WindowCalls: 1, FailureThreshold: 2},
		"breaker: Config.MinCalls is 2, want at most WindowCalls, 1":                                      {WindowCalls: 1, FailureRate: 1, MinCalls: 2},
		"breaker: Config.MinCalls is 1 but needs FailureRate or SlowRate: FailureThreshold does not wait": {Window: time.Second, MinCalls: 1},
		"breaker: Config.FailureRate is 1 but needs Window or WindowCalls":                                {FailureRate: 1},
		"breaker: Config.SlowRate is 1 but needs Window or WindowCalls":                                   {SlowRate: 1, SlowCall: 1},
		"breaker: Config.SlowRate is 0, want more than 0 with SlowCall":                                   {Window: time.Second, SlowCall: 1},
		"breaker: Config.FailureRate is -0.5, want 0 to 1":                                                {Window: time.Second, FailureRate: -0.5},
		"breaker: Config.RecoveryJitter is -0.1, want 0 to 1":                                             {RecoveryJitter: -0.1},
		"breaker: Config.RecoveryJitter is NaN, want 0 to 1":                                              {RecoveryJitter: math.NaN()},
	} {
		assert.ErrorContains(t, cfg.Validate(), want)
	}
	assert.EqualError(t, breaker.Config{Window: 1, WindowCalls: 5}.Validate(),
		"breaker: Config.WindowCalls is 5, want 0 beside Window: a window is of time or of calls\n"+
			"breaker: Config.Window is 1ns, want at least 10ns, a nanosecond for each bucket")
	assert.EqualError(t, breaker.Config{Window: 1, FailureRate: 1}.Validate(),
		"breaker: Config.Window is 1ns, want at least 10ns, a nanosecond for each bucket")
}

func TestAWindowOfManyCallsKeepsTheDefaults(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{WindowCalls: 100})
	record(t, c, repeat(4, policy.Failure)...)
	assert.Equal(t, breaker.Closed, c.State())
	record(t, c, policy.Failure)
	assert.Equal(t, breaker.Open, c.State())

	c = breaker.NewCircuit(breaker.Config{WindowCalls: 100, FailureRate: 1})
	record(t, c, repeat(19, policy.Failure)...)
	assert.Equal(t, breaker.Closed, c.State())
	record(t, c, policy.Failure)
	assert.Equal(t, breaker.Open, c.State())
}

func TestARateWaitsForTwentyCallsByDefault(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Window: time.Minute, FailureRate: 1, Clock: fake.NewClock()})
	record(t, c, repeat(19, policy.Failure)...)
	assert.Equal(t, breaker.Closed, c.State())
	record(t, c, policy.Failure)
	assert.Equal(t, breaker.Open, c.State())
}
