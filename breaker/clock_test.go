package breaker_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// jumping is a clock that is set forwards and back.
type jumping struct {
	policy.Clock
	off time.Duration
}

func (j *jumping) Now() time.Time { return j.Clock.Now().Add(j.off) }

func report(t *testing.T, c *breaker.Circuit, o policy.Outcome) {
	t.Helper()
	p, err := c.Acquire()
	require.NoError(t, err)
	p.Record(o)
}

func TestAWindowDropsNothingWhenItsClockIsSetBackByTwoWindowsAtMost(t *testing.T) {
	clk := &jumping{Clock: fake.NewClock()}
	c := breaker.NewCircuit(breaker.Config{Window: time.Hour, FailureThreshold: 3, Clock: clk})
	clk.off = time.Hour
	report(t, c, policy.Failure)
	clk.off = time.Minute
	report(t, c, policy.Failure)
	clk.off = -time.Hour - 1 // before the circuit was made
	assert.Zero(t, c.Snapshot().Counts)
	clk.off++
	assert.EqualValues(t, 2, c.Snapshot().Counts.Failures)
	report(t, c, policy.Failure)
	assert.Equal(t, breaker.Open, c.State())
}

func TestOnlyAnOpenCircuitHasARetryAfterInItsSnapshot(t *testing.T) {
	clk := &jumping{Clock: fake.NewClock()}
	c := breaker.NewCircuit(breaker.Config{Clock: clk})
	clk.off = -time.Hour // before the circuit was made
	for _, move := range []func(){func() { c.Isolate("") }, c.Reset} {
		move()
		clk.off += time.Minute
		assert.Zero(t, c.Snapshot().RetryAfter, c.State())
	}
	assert.Zero(t, (&breaker.OpenError{State: breaker.Open}).RetryAfter(), "of an error that no circuit made")
}

func TestAWindowBeginsAnewWhenItsClockIsSetFarBack(t *testing.T) {
	for name, to := range map[string]time.Duration{
		"to the beginning":        0,
		"to before the beginning": -200 * time.Millisecond,
		"to far before it":        -1000 * time.Hour,
	} {
		clk := &jumping{Clock: fake.NewClock(), off: time.Hour}
		c := breaker.NewCircuit(breaker.Config{Window: time.Second, FailureThreshold: 3, Clock: clk})
		clk.off = 2 * time.Hour // the circuit was made at one
		report(t, c, policy.Failure)
		report(t, c, policy.Failure)
		clk.off = time.Hour + to
		assert.Zero(t, c.Snapshot().Counts, name)
		report(t, c, policy.Failure)
		report(t, c, policy.Failure)
		clk.off += time.Second - 1
		assert.EqualValues(t, 2, c.Snapshot().Counts.Failures, name)
		clk.off += 100 * time.Millisecond
		assert.Zero(t, c.Snapshot().Counts, "%s: the window rolls again", name)
		assert.Equal(t, breaker.Closed, c.State(), name)
	}
}

// late is a clock whose next readings are prepared: those of goroutines that are
// descheduled before they use them.
type late struct {
	policy.Clock
	readings []time.Duration
}

func (l *late) Now() time.Time {
	now := l.Clock.Now()
	if len(l.readings) > 0 {
		now, l.readings = now.Add(l.readings[0]), l.readings[1:]
	}
	return now
}

func TestACallWithAStaleClockReadingDiscardsNoCurrentCount(t *testing.T) {
	clk := fake.NewClock()
	held := &late{Clock: clk}
	c := breaker.NewCircuit(breaker.Config{Window: time.Second, FailureThreshold: 3, Clock: held})
	clk.Advance(time.Hour)
	report(t, c, policy.Failure)
	report(t, c, policy.Failure)
	held.readings = []time.Duration{-time.Hour}
	assert.EqualValues(t, 2, c.Snapshot().Counts.Failures)
	held.readings = []time.Duration{-time.Hour}
	report(t, c, policy.Failure)
	assert.Equal(t, breaker.Open, c.State())
}

func TestAJumpingClockNeitherPanicsNorKeepsTheCircuitOpenForEver(t *testing.T) {
	for name, cfg := range modes {
		rnd := rand.New(rand.NewPCG(1, 1))
		clk := &jumping{Clock: fake.NewClock()}
		cfg.Clock, cfg.RecoveryTimeout = clk, 50
		c := breaker.NewCircuit(cfg)
		for range 5000 {
			clk.off = time.Duration(rnd.IntN(2000) - 1000)
			if p, err := c.Acquire(); err == nil {
				p.Record(policy.Outcome(1 + rnd.IntN(3)))
			}
			c.Snapshot()
		}
		clk.off = time.Hour
		assert.NotEqual(t, breaker.Open, c.State(), name)
	}
}

func TestJitterStaysInBoundsIfRandDoesNot(t *testing.T) {
	for _, r := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -5, 5} {
		clk := fake.NewClock()
		c := breaker.NewCircuit(breaker.Config{
			FailureThreshold: 1, RecoveryTimeout: time.Second, RecoveryJitter: 0.5, Clock: clk,
			Rand: func() float64 { return r },
		})
		report(t, c, policy.Failure)
		wait := c.Snapshot().RetryAfter
		assert.GreaterOrEqual(t, wait, time.Second, "%v", r)
		assert.LessOrEqual(t, wait, 1500*time.Millisecond, "%v", r)
	}
}
