package breaker_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

var errDown = errors.New("down")

func record(t *testing.T, c *breaker.Circuit, outcomes ...policy.Outcome) {
	t.Helper()
	for _, o := range outcomes {
		p, err := c.Acquire()
		require.NoError(t, err)
		p.Record(o)
	}
}

func repeat(n int, o policy.Outcome) []policy.Outcome {
	all := make([]policy.Outcome, n)
	for i := range all {
		all[i] = o
	}
	return all
}

func TestTheZeroConfigHasTheDocumentedDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{})
		record(t, c, repeat(4, policy.Failure)...)
		assert.Equal(t, breaker.Closed, c.State())
		record(t, c, policy.Failure)
		assert.Equal(t, breaker.Open, c.State())
		assert.Equal(t, 30*time.Second, c.Snapshot().RetryAfter)
		time.Sleep(30*time.Second - 1)
		assert.Equal(t, breaker.Open, c.State())
		time.Sleep(time.Nanosecond)
		assert.Equal(t, breaker.HalfOpen, c.State())
		var probes [3]breaker.Permit
		for i := range probes {
			var err error
			probes[i], err = c.Acquire()
			require.NoError(t, err)
		}
		_, err := c.Acquire()
		assert.ErrorIs(t, err, breaker.ErrOpen)
		assert.ErrorIs(t, err, policy.ErrRejected)
		probes[0].Record(policy.Success)
		assert.Equal(t, breaker.Closed, c.State())
	})
}

func TestASuccessResetsTheRow(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 2})
	record(t, c, policy.Failure, policy.Success, policy.Failure)
	assert.Equal(t, breaker.Closed, c.State())
	assert.Equal(t, breaker.Counts{Failures: 1}, c.Snapshot().Counts)
}

func TestReopensWhenAProbeFailsForTwiceAsLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, MaxRecoveryTimeout: 3 * time.Second})
		record(t, c, policy.Failure)
		for _, want := range []time.Duration{1, 2, 3, 3} {
			assert.Equal(t, want*time.Second, c.Snapshot().RetryAfter)
			time.Sleep(want * time.Second)
			record(t, c, policy.Failure)
		}
		time.Sleep(3 * time.Second)
		record(t, c, policy.Success, policy.Failure)
		assert.Equal(t, time.Second, c.Snapshot().RetryAfter)
	})
}

func TestRecoveryJitterAddsAtMostItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{
			FailureThreshold: 1, RecoveryTimeout: time.Second, RecoveryJitter: 0.5, Rand: func() float64 { return 0.5 },
		})
		record(t, c, policy.Failure)
		assert.Equal(t, 1250*time.Millisecond, c.Snapshot().RetryAfter)
	})
}

func TestAPanicAndGoexitGiveThePermitBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1})
		for _, end := range []func(){func() { panic("boom") }, runtime.Goexit} {
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { _ = recover() }()
				_, _ = breaker.Do(context.Background(), c, func(context.Context) (int, error) { end(); return 0, nil })
			}()
			<-done
			assert.Equal(t, breaker.Open, c.State())
			time.Sleep(time.Second)
			_, err := breaker.Do(context.Background(), c, func(context.Context) (int, error) { return 1, nil })
			require.NoError(t, err)
			assert.Equal(t, breaker.Closed, c.State())
		}
	})
}

func TestAClassifierThatDoesNotReturnIsAFailure(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("boom") }, "goexit": runtime.Goexit} {
		for where, place := range map[string]func(*breaker.Config) func(int, error) policy.Outcome{
			"Classify": func(cfg *breaker.Config) func(int, error) policy.Outcome {
				cfg.Classify = func(error) policy.Outcome { end(); return policy.Ignored }
				return nil
			},
			"When": func(*breaker.Config) func(int, error) policy.Outcome {
				return func(int, error) policy.Outcome { end(); return policy.Ignored }
			},
		} {
			cfg := breaker.Config{FailureThreshold: 1}
			when := place(&cfg)
			c := breaker.NewCircuit(cfg)
			b := breaker.New[int](c)
			if when != nil {
				b = b.WithClassifier(when)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { _ = recover() }()
				_, _ = b.Do(context.Background(), func(context.Context) (int, error) { return 0, nil })
			}()
			<-done
			assert.Equal(t, breaker.Open, c.State(), "%s in %s", name, where)
			assert.ErrorIs(t, c.Snapshot().Cause, policy.ErrNoReturn)
		}
	}
}

func TestResultsOfAnEarlierStateDecideNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second})
		late, err := c.Acquire()
		require.NoError(t, err)
		other, err := c.Acquire()
		require.NoError(t, err)
		record(t, c, policy.Failure)
		time.Sleep(time.Second)
		require.Equal(t, breaker.HalfOpen, c.State())
		late.Record(policy.Success)
		other.Record(policy.Failure)
		assert.Equal(t, breaker.HalfOpen, c.State())
		assert.Equal(t, breaker.Counts{}, c.Snapshot().Counts)
	})
}

func TestNeverAdmitsMoreProbesThanPermits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, SuccessThreshold: 1000})
		record(t, c, policy.Failure)
		time.Sleep(time.Second)
		var inFlight, most, ran atomic.Int64
		var wg sync.WaitGroup
		gate := make(chan struct{})
		for range 1000 {
			wg.Go(func() {
				<-gate
				_, _ = breaker.Do(context.Background(), c, func(context.Context) (int, error) {
					n := inFlight.Add(1)
					for m := most.Load(); n > m; m = most.Load() {
						if most.CompareAndSwap(m, n) {
							break
						}
					}
					ran.Add(1)
					runtime.Gosched()
					inFlight.Add(-1)
					return 1, nil
				})
			})
		}
		close(gate)
		wg.Wait()
		assert.LessOrEqual(t, most.Load(), int64(3))
		assert.Positive(t, ran.Load())
	})
}

func TestProbesThatNeverReturnAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1})
		record(t, c, policy.Failure)
		time.Sleep(time.Second)
		lost, err := c.Acquire()
		require.NoError(t, err)
		_, err = c.Acquire()
		require.ErrorIs(t, err, breaker.ErrOpen)
		time.Sleep(time.Second)
		_, err = c.Acquire()
		require.NoError(t, err)
		_, err = c.Acquire()
		require.ErrorIs(t, err, breaker.ErrOpen)
		lost.Record(policy.Success)
		assert.Equal(t, breaker.Closed, c.State())
	})
}

func TestAnIgnoredProbeGivesItsPermitBackAndDecidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1})
		record(t, c, policy.Failure)
		time.Sleep(time.Second)
		record(t, c, repeat(5, policy.Ignored)...)
		assert.Equal(t, breaker.HalfOpen, c.State())
		assert.Equal(t, int64(5), c.Snapshot().Counts.Ignored)
	})
}

func TestACallThatItsCallerCancelsIsNotAFailure(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	ctx, cancel := context.WithCancelCause(context.Background())
	_, err := breaker.Do(ctx, c, func(ctx context.Context) (int, error) {
		cancel(errDown)
		return 0, context.Cause(ctx)
	})
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, breaker.Closed, c.State())
	_, err = breaker.Do(context.Background(), c, func(context.Context) (int, error) { return 0, context.Canceled })
	require.Error(t, err)
	assert.Equal(t, breaker.Open, c.State())
}

func TestARateOpensWhenItIsReached(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"time":  {Window: time.Minute, FailureRate: 0.55, MinCalls: 20},
		"calls": {WindowCalls: 20, FailureRate: 0.55},
	} {
		c := breaker.NewCircuit(cfg)
		record(t, c, repeat(9, policy.Success)...)
		record(t, c, repeat(10, policy.Failure)...)
		assert.Equal(t, breaker.Closed, c.State(), name)
		record(t, c, policy.Failure)
		assert.Equal(t, breaker.Open, c.State(), name)
	}
}

func TestASnapshotRollsTheWindowToNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{Window: 10 * time.Second, FailureThreshold: 5})
		record(t, c, repeat(4, policy.Failure)...)
		assert.Equal(t, int64(4), c.Snapshot().Counts.Failures)
		time.Sleep(10 * time.Second)
		assert.Zero(t, c.Snapshot().Counts.Failures)
		record(t, c, repeat(4, policy.Failure)...)
		assert.Equal(t, breaker.Closed, c.State())
	})
}

func TestTheCountsOfAMoveAreRolledToItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told breaker.Transition
		c := breaker.NewCircuit(breaker.Config{
			Window: 10 * time.Second, FailureThreshold: 5, OnStateChange: func(t breaker.Transition) { told = t },
		})
		record(t, c, policy.Failure, policy.Success)
		time.Sleep(11 * time.Second) // more than the window: the bucket would be replaced
		record(t, c, policy.Failure)
		c.Isolate("")
		assert.Equal(t, breaker.Counts{Failures: 1}, told.Counts)
	})
}

func TestASecondRecordOfAPermitDoesNotCount(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 2})
	p, err := c.Acquire()
	require.NoError(t, err)
	p.Record(policy.Failure)
	p.Record(policy.Failure)
	assert.Equal(t, breaker.Closed, c.State())
	var zero breaker.Permit
	zero.Record(policy.Failure)
}

func TestWindowTotalsAreExactWhenAllCallsHaveEnded(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"time":  {Window: time.Hour, FailureRate: 1, MinCalls: 1 << 20},
		"calls": {WindowCalls: 64, FailureRate: 1},
	} {
		c := breaker.NewCircuit(cfg)
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 1000 {
					p, err := c.Acquire()
					if err != nil {
						continue
					}
					if (g+i)%4 == 0 {
						p.Record(policy.Failure)
					} else {
						p.Record(policy.Success)
					}
				}
			})
		}
		wg.Wait()
		counts := c.Snapshot().Counts
		if cfg.WindowCalls > 0 {
			assert.Equal(t, int64(64), counts.Successes+counts.Failures, name)
		} else {
			assert.Equal(t, breaker.Counts{Successes: 6000, Failures: 2000}, counts, name)
		}
	}
}

func TestCallWindowForgetsTheOldest(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{WindowCalls: 4, FailureThreshold: 3})
	record(t, c, policy.Failure, policy.Failure, policy.Success, policy.Success, policy.Success, policy.Failure)
	assert.Equal(t, breaker.Counts{Successes: 3, Failures: 1}, c.Snapshot().Counts)
}

func TestSlowCallsOpenTheCircuit(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"time":  {Window: time.Hour, SlowCall: time.Second, SlowRate: 0.5, MinCalls: 2},
		"calls": {WindowCalls: 2, SlowCall: time.Second, SlowRate: 0.5},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := breaker.NewCircuit(cfg)
			record(t, c, policy.Success)
			p, err := c.Acquire()
			require.NoError(t, err)
			time.Sleep(time.Second)
			p.Record(policy.Success)
			assert.Equal(t, breaker.Open, c.State(), name)
		})
	}
}

func TestAnIsolatedCircuitRefusesEveryCallUntilReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{})
		c.Isolate("")
		time.Sleep(time.Hour)
		_, err := c.Acquire()
		var open *breaker.OpenError
		require.ErrorAs(t, err, &open)
		assert.Equal(t, breaker.Isolated, open.State)
		assert.Zero(t, open.RetryAfter())
		c.Trip(time.Second, "")
		assert.Equal(t, breaker.Isolated, c.State())
		c.Reset()
		assert.Equal(t, breaker.Closed, c.State())
		c.Trip(time.Second, "")
		assert.Equal(t, time.Second, c.Snapshot().RetryAfter)
	})
}

func TestListenersMayCallTheCircuitAndPanic(t *testing.T) {
	var c *breaker.Circuit
	var heard []breaker.Transition
	c = breaker.NewCircuit(breaker.Config{FailureThreshold: 1, OnStateChange: func(tr breaker.Transition) {
		heard = append(heard, tr)
		if tr.To == breaker.Open {
			_ = c.Snapshot()
			c.Isolate("")
			panic("listener")
		}
	}})
	_, err := breaker.Do(context.Background(), c, func(context.Context) (int, error) { return 0, errDown })
	assert.Equal(t, errDown, err)
	require.Len(t, heard, 2)
	assert.Equal(t, breaker.Isolated, heard[1].To)
	assert.Equal(t, errDown, heard[0].Cause)
	assert.Equal(t, int64(1), heard[0].Counts.Failures)
}

func TestEachMoveIsReportedOnceAndInOrder(t *testing.T) {
	var heard []breaker.Transition // OnStateChange is called by one goroutine at a time
	c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: 1, HalfOpenMaxCalls: 2,
		OnStateChange: func(tr breaker.Transition) { heard = append(heard, tr) }})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				if p, err := c.Acquire(); err == nil {
					runtime.Gosched() // others move the circuit while the permit is out
					p.Record(policy.Outcome(1 + (g+i)%3))
				}
				if i%100 == 99 {
					c.Isolate("")
					c.Reset()
				}
			}
		})
	}
	wg.Wait()
	require.NotEmpty(t, heard)
	at := breaker.Closed
	for _, tr := range heard {
		require.Equal(t, at, tr.From)
		require.NotEqual(t, tr.From, tr.To)
		at = tr.To
	}
	assert.Contains(t, []breaker.State{at, breaker.HalfOpen}, c.State())
}

func TestRejectionAllocatesNothing(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{})
	b := breaker.New[int](c)
	ctx := context.Background()
	fn := func(context.Context) (int, error) { return 1, nil }
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = b.Do(ctx, fn) }))
	c.Trip(time.Hour, "")
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = b.Do(ctx, fn) }))
}

func TestAnInvalidConfigIsRefusedByFieldName(t *testing.T) {
	for field, cfg := range map[string]breaker.Config{
		"FailureThreshold": {FailureThreshold: -1},
		"FailureRate":      {FailureRate: 0.5},
		"SlowCall":         {Window: time.Second, SlowRate: 0.5},
		"SlowRate":         {Window: time.Second, SlowCall: 1},
		"WindowCalls":      {Window: time.Second, WindowCalls: 5},
		"Window":           {Window: 1},
		"MinCalls":         {WindowCalls: 5, FailureRate: 1, MinCalls: 6},
		"MinCalls is 50 but needs FailureRate or SlowRate": {Window: time.Second, MinCalls: 50},
		"MaxRecoveryTimeout": {MaxRecoveryTimeout: time.Second},
		"RecoveryJitter":     {RecoveryJitter: 2},
		"RecoveryTimeout":    {RecoveryTimeout: -2},
	} {
		assert.ErrorContains(t, cfg.Validate(), "breaker: Config."+field)
		assert.Panics(t, func() { breaker.NewCircuit(cfg) })
	}
}

func TestOpenErrorNamesTheCircuitItsStateAndTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 1})
		_, _ = breaker.Do(t.Context(), c, func(context.Context) (int, error) { return 0, errDown })
		_, err := c.Acquire()
		assert.EqualError(t, err, `breaker: circuit "stripe" is open: opened by: down`)
		assert.NotErrorIs(t, err, errDown)
	})
}

func TestAPermitOfAnEarlierRoundGivesNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, HalfOpenMaxCalls: 1})
		record(t, c, policy.Failure)
		time.Sleep(time.Second)
		lost, err := c.Acquire()
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = c.Acquire()
		require.NoError(t, err)
		lost.Record(policy.Ignored)
		_, err = c.Acquire()
		assert.ErrorIs(t, err, breaker.ErrOpen)
	})
}
