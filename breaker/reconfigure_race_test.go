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

// afterwards is a clock that calls a function between its next reading and the use of it.
type afterwards struct {
	policy.Clock
	hook func()
}

func (a *afterwards) Now() time.Time {
	now := a.Clock.Now()
	if hook := a.hook; hook != nil {
		a.hook = nil
		hook()
	}
	return now
}

// A call finds that the open period has elapsed. Before it moves the circuit, the period is
// made longer.
func TestAnOpenPeriodThatIsExtendedAtItsEndIsNotCutShort(t *testing.T) {
	for name, look := range map[string]func(*breaker.Circuit){
		"State":   func(c *breaker.Circuit) { c.State() },
		"Acquire": func(c *breaker.Circuit) { _, _ = c.Acquire() },
	} {
		fakes := fake.NewClock()
		clk := &afterwards{Clock: fakes}
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Minute, Clock: clk})
		record(t, c, policy.Failure)
		fakes.Advance(time.Minute)
		clk.hook = func() {
			require.NoError(t, c.Reconfigure(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Hour, Clock: clk}))
		}
		look(c)
		assert.Equal(t, breaker.Open, c.State(), name)
	}
}

func TestACallOfAnEarlierRowDoesNotCountInALaterOne(t *testing.T) {
	row, window := breaker.Config{FailureThreshold: 2}, breaker.Config{FailureThreshold: 2, WindowCalls: 10}
	c := breaker.NewCircuit(row)
	failing, err := c.Acquire()
	require.NoError(t, err)
	failingToo, err := c.Acquire()
	require.NoError(t, err)
	ignored, err := c.Acquire()
	require.NoError(t, err)
	require.NoError(t, c.Reconfigure(window))
	require.NoError(t, c.Reconfigure(row))
	failing.Record(policy.Failure)
	failingToo.Record(policy.Failure)
	ignored.Record(policy.Ignored)
	assert.Equal(t, breaker.Closed, c.State())
	assert.Equal(t, breaker.Counts{}, c.Snapshot().Counts)
	record(t, c, policy.Failure)
	assert.Equal(t, breaker.Counts{Failures: 1}, c.Snapshot().Counts)
}

func TestIgnoredCallsBeginAnewWithTheWindow(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{WindowCalls: 10})
	record(t, c, policy.Ignored)
	require.NoError(t, c.Reconfigure(breaker.Config{WindowCalls: 10, FailureThreshold: 3}))
	assert.Equal(t, breaker.Counts{Ignored: 1}, c.Snapshot().Counts, "the same window")
	require.NoError(t, c.Reconfigure(breaker.Config{WindowCalls: 11}))
	assert.Equal(t, breaker.Counts{}, c.Snapshot().Counts, "another window")
}
