package breaker

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// As when one admission is reported twice, by a copy of its permit.
func TestNoPermitIsGivenBackThatIsNotOut(t *testing.T) {
	p := &probation{}
	p.giveBack(0)
	assert.Zero(t, p.permits.Load())
}

func TestJitterAddsNoMoreThanThereIsTime(t *testing.T) {
	c := NewCircuit(Config{RecoveryJitter: 1, Rand: func() float64 { return 1 }})
	for period, want := range map[time.Duration]time.Duration{
		1 << 61: 1 << 62, 1<<62 - 1<<40: 1<<63 - 1<<41, 1 << 62: math.MaxInt64, math.MaxInt64 - 1: math.MaxInt64, math.MaxInt64: math.MaxInt64,
	} {
		assert.Equal(t, want, c.jittered(c.first.rules, period), "%d", period)
	}
}

// A short recovery timeout and a long outage make many reopenings.
func TestHowLongACircuitStaysOpenIsKnownAtOnceHoweverOftenItReopened(t *testing.T) {
	grown := func(recovery, most time.Duration) time.Duration {
		r := rules{recovery: recovery, cold: &coldRules{coldNumbers: coldNumbers{MaxRecoveryTimeout: most}}}
		return r.grown(math.MaxInt)
	}
	assert.Equal(t, time.Second, grown(time.Second, 0), "it does not grow")
	assert.Equal(t, time.Minute, grown(time.Second, time.Minute))
	assert.Equal(t, time.Minute, grown(time.Minute, time.Minute))
	assert.Zero(t, grown(0, time.Minute), "NoWait")
}
