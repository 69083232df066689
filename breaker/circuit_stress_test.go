package breaker_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// The calls of one goroutine fail and succeed in turn, and those of all others succeed. In
// no order of them is more than every other call a failure. A circuit that opens above that
// share has judged by totals that there never were.
func TestNoWindowOpensAtARateThatWasNeverReached(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"last 2 calls":  {WindowCalls: 2, FailureThreshold: 2},
		"last 4 calls":  {WindowCalls: 4, FailureThreshold: 3},
		"last 10 calls": {WindowCalls: 10, FailureRate: 0.6},
		"time":          {Window: time.Minute, FailureRate: 0.6, MinCalls: 5},
	} {
		for range 100 {
			c := breaker.NewCircuit(cfg)
			var others sync.WaitGroup
			for range 8 {
				others.Go(func() {
					for range 50 {
						record(t, c, policy.Success)
					}
				})
			}
			for range 50 {
				record(t, c, policy.Success, policy.Failure)
			}
			others.Wait()
			require.Equal(t, breaker.Closed, c.State(), name)
		}
	}
}

func TestACallWindowIsExactAfterConcurrentCalls(t *testing.T) {
	for range 200 {
		c := breaker.NewCircuit(breaker.Config{WindowCalls: 16, FailureThreshold: 16})
		var storm sync.WaitGroup
		for range 8 {
			storm.Go(func() {
				for range 10 { // so that no 16 calls in a row are failures
					record(t, c, policy.Failure)
					runtime.Gosched()
					record(t, c, policy.Success)
				}
			})
		}
		storm.Wait()
		counts := c.Snapshot().Counts
		require.EqualValues(t, 16, counts.Successes+counts.Failures)
		// The calls after that find correct totals.
		for n := range int64(16) {
			record(t, c, policy.Success)
			require.LessOrEqual(t, c.Snapshot().Counts.Failures, 15-n)
		}
		require.Equal(t, breaker.Counts{Successes: 16}, c.Snapshot().Counts)
	}
}

// All the failures that fill a window come at once. The last one must see all others.
func TestConcurrentFailuresOpenTheCircuit(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"row":   {FailureThreshold: 8},
		"time":  {Window: time.Minute, FailureThreshold: 8},
		"rate":  {Window: time.Minute, FailureRate: 1, MinCalls: 8},
		"calls": {WindowCalls: 8, FailureThreshold: 8},
	} {
		for range 200 {
			c := breaker.NewCircuit(cfg)
			var all sync.WaitGroup
			for range 8 {
				p, err := c.Acquire()
				require.NoError(t, err)
				all.Go(func() { p.Record(policy.Failure) })
			}
			all.Wait()
			require.Equal(t, breaker.Open, c.State(), name)
		}
	}
}

func TestAClockSetBackDoesNotWedgeTheHalfOpenState(t *testing.T) {
	clk := &jumping{Clock: fake.NewClock(), off: time.Hour}
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1, Clock: clk})
	record(t, c, policy.Failure)
	clk.off += time.Second
	_, err := c.Acquire() // a probe that never returns
	require.NoError(t, err)
	clk.off = 0
	_, err = c.Acquire()
	require.NoError(t, err, "a fresh set is granted")
	_, err = c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen, "and only one")
	clk.off = time.Second
	_, err = c.Acquire()
	require.NoError(t, err, "patience is counted from the clock as it is now")
}

func TestTripKeepsTheGrownRecoveryTimeout(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, MaxRecoveryTimeout: time.Minute, Clock: clk})
	fail := func() { record(t, c, policy.Failure) }
	fail()
	clk.Advance(time.Second)
	fail() // opens for 2 s
	c.Trip(time.Second, "")
	clk.Advance(time.Second)
	fail()
	assert.Equal(t, 4*time.Second, c.Snapshot().RetryAfter)
	c.Reset()
	fail()
	assert.Equal(t, time.Second, c.Snapshot().RetryAfter, "closing ends the growth")
}

func TestAListenerThatCallsGoexitDoesNotStopLaterReports(t *testing.T) {
	var told []breaker.State
	c := breaker.NewCircuit(breaker.Config{OnStateChange: func(tr breaker.Transition) {
		told = append(told, tr.To)
		if tr.To == breaker.Open {
			runtime.Goexit()
		}
	}})
	over := make(chan struct{})
	go func() {
		defer close(over)
		c.Trip(time.Hour, "")
	}()
	<-over
	c.Isolate("")
	c.Reset()
	assert.Equal(t, []breaker.State{breaker.Open, breaker.Isolated, breaker.Closed}, told)
}
