package breaker_test

import (
	"bytes"
	"log"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestTripLeavesACircuitThatIsIsolatedMeanwhile(t *testing.T) {
	clk := &nested{Clock: fake.NewClock()}
	c := breaker.NewCircuit(breaker.Config{Clock: clk})
	clk.inside = []func(){func() { c.Isolate("works") }}
	c.Trip(time.Minute, "drill")
	s := c.Snapshot()
	assert.Equal(t, breaker.Isolated, s.State)
	assert.Equal(t, "works", s.Reason)
}

func TestListenersAreGivenWhatWasBeforeNewRulesAreInForce(t *testing.T) {
	clk := &nested{Clock: fake.NewClock()}
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 9, Clock: clk})
	var heard []breaker.Transition
	c.Watch(func(tr breaker.Transition) { heard = append(heard, tr) })
	clk.inside = []func(){func() { assert.Equal(t, 9, c.Config().FailureThreshold) }}
	require.NoError(t, c.Reconfigure(breaker.Config{FailureThreshold: 3, Clock: clk}))
	assert.Empty(t, clk.inside, "the clock was read")
	require.Len(t, heard, 1)
	assert.Equal(t, breaker.ReasonReconfigured, heard[0].Reason)
}

func TestARefusalHasTheReasonOfTheMove(t *testing.T) {
	refusal := func(c *breaker.Circuit) string {
		_, err := c.Acquire()
		var open *breaker.OpenError
		require.ErrorAs(t, err, &open)
		return open.Reason
	}
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, HalfOpenMaxCalls: 1, RecoveryTimeout: time.Second, Clock: clk})
	record(t, c, policy.Failure)
	assert.Equal(t, breaker.ReasonFailures, refusal(c))
	clk.Advance(time.Second)
	p, err := c.Acquire()
	require.NoError(t, err)
	assert.Equal(t, breaker.ReasonFailures, refusal(c), "half-open")
	p.Record(policy.Failure)
	assert.Equal(t, breaker.ReasonProbeFailed, refusal(c))
	c.Trip(time.Minute, "drill")
	assert.Equal(t, "drill", refusal(c))
	c.Isolate("works")
	assert.Equal(t, "works", refusal(c))
}

func TestATripOfANanosecondIsNotExtended(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Clock: fake.NewClock()})
	c.Trip(1, "")
	reconfigure(t, c, func(cfg *breaker.Config) { cfg.RecoveryTimeout = time.Hour })
	assert.Equal(t, time.Duration(1), c.Snapshot().RetryAfter)
}

func TestATrippedCircuitShowsNoCountsThatOpenedIt(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{Clock: fake.NewClock()})
	record(t, c, policy.Failure, policy.Failure)
	c.Trip(time.Minute, "")
	assert.Equal(t, breaker.Counts{}, c.Snapshot().Counts)
}

func TestACircuitWithoutFunctionsLogsNothingWhenItMoves(t *testing.T) {
	var out bytes.Buffer
	was := log.Writer()
	log.SetOutput(&out)
	defer log.SetOutput(was)
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryJitter: 0.5, RecoveryTimeout: breaker.NoWait})
	c.Watch(func(breaker.Transition) {})
	record(t, c, policy.Failure, policy.Failure, policy.Success)
	assert.Equal(t, breaker.Closed, c.State())
	assert.Empty(t, out.String())
}
