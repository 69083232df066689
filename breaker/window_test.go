package breaker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestACallOnTheEdgeOfABucketCountsInTheLaterOne(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Window: 10 * time.Second, FailureThreshold: 9, Clock: clk})
	record(t, c, policy.Success)
	clk.Advance(time.Second)
	record(t, c, policy.Failure)
	clk.Advance(9*time.Second - 1)
	assert.Equal(t, breaker.Counts{Successes: 1, Failures: 1}, c.Snapshot().Counts)
	clk.Advance(1)
	assert.Equal(t, breaker.Counts{Failures: 1}, c.Snapshot().Counts)
	clk.Advance(time.Second)
	assert.Equal(t, breaker.Counts{}, c.Snapshot().Counts)
}

func TestAWindowOfTenNanosecondsRollsByTheNanosecond(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Window: 10, FailureThreshold: 9, Clock: clk})
	record(t, c, policy.Failure)
	clk.Advance(9)
	assert.EqualValues(t, 1, c.Snapshot().Counts.Failures)
	clk.Advance(1)
	assert.Zero(t, c.Snapshot().Counts.Failures)
}

func TestAClockSetBackWithinTheWindowNeitherLosesNorMovesACount(t *testing.T) {
	clk := &jumping{Clock: fake.NewClock()}
	c := breaker.NewCircuit(breaker.Config{Window: 10 * time.Second, FailureThreshold: 9, Clock: clk})
	for _, at := range []time.Duration{4500, 5500, 4500, 500} {
		clk.off = at * time.Millisecond
		record(t, c, policy.Failure)
	}
	for second, want := range map[time.Duration]int64{9: 4, 10: 3, 13: 3, 14: 1, 15: 0} {
		clk.off = second*time.Second + 500*time.Millisecond
		assert.Equal(t, want, c.Snapshot().Counts.Failures, "%d s", second)
	}
}
