package differ_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// pair is a circuit of each library. One failure opens it, for recovery.
func pair(places int) (*breaker.Circuit, *gobreaker.CircuitBreaker[int]) {
	ours := breaker.NewCircuit(breaker.Config{
		FailureThreshold: 1, RecoveryTimeout: recovery, HalfOpenMaxCalls: places, SuccessThreshold: places,
	})
	theirs := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		MaxRequests: uint32(places), Timeout: recovery,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 1 },
	})
	return ours, theirs
}

// open opens both circuits.
func open(t *testing.T, ours *breaker.Circuit, theirs *gobreaker.CircuitBreaker[int]) {
	t.Helper()
	_, _ = breaker.Do(t.Context(), ours, func(context.Context) (int, error) { return 0, errDown })
	_, _ = theirs.Execute(func() (int, error) { return 0, errDown })
	require.Equal(t, breaker.Open, ours.State())
	require.Equal(t, gobreaker.StateOpen, theirs.State())
}

func TestHalfOpenBeginsAtTheTimeoutAndInGobreakerAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := pair(1)
		open(t, ours, theirs)
		time.Sleep(recovery)
		assert.Equal(t, breaker.HalfOpen, ours.State())
		assert.Equal(t, gobreaker.StateOpen, theirs.State())
		time.Sleep(time.Nanosecond)
		assert.Equal(t, gobreaker.StateHalfOpen, theirs.State())
	})
}

func TestHalfOpenLimitsConcurrentProbesAndInGobreakerAllProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := pair(2)
		open(t, ours, theirs)
		time.Sleep(recovery + 1)
		first, err := ours.Acquire()
		require.NoError(t, err)
		_, err = ours.Acquire()
		require.NoError(t, err)
		first.Record(policy.Success)
		_, err = ours.Acquire()
		assert.NoError(t, err, "one has come back")

		twoStep := make(chan error)
		for range 2 {
			go func() { _, _ = theirs.Execute(func() (int, error) { return 0, <-twoStep }) }()
			synctest.Wait()
		}
		twoStep <- nil
		synctest.Wait()
		_, err = theirs.Execute(func() (int, error) { return 0, nil })
		assert.ErrorIs(t, err, gobreaker.ErrTooManyRequests)
		twoStep <- nil
	})
}

func TestAProbeThatNeverReturnsIsReplacedAndBlocksGobreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := pair(1)
		open(t, ours, theirs)
		time.Sleep(recovery + 1)
		_, err := ours.Acquire()
		require.NoError(t, err)
		never := make(chan int)
		go func() { _, _ = theirs.Execute(func() (int, error) { return <-never, nil }) }()
		synctest.Wait()
		time.Sleep(1000 * time.Hour)
		_, err = ours.Acquire()
		assert.NoError(t, err)
		_, err = theirs.Execute(func() (int, error) { return 0, nil })
		assert.ErrorIs(t, err, gobreaker.ErrTooManyRequests)
		close(never)
	})
}

func TestIgnoredProbesReopenAndKeepGobreakerHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		excluded := errors.New("excluded")
		ours := breaker.NewCircuit(breaker.Config{
			FailureThreshold: 1, RecoveryTimeout: recovery,
			Classify: func(err error) policy.Outcome {
				if errors.Is(err, excluded) {
					return policy.Ignored
				}
				return policy.Undecided
			},
		})
		theirs := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
			Timeout: recovery, ReadyToTrip: func(gobreaker.Counts) bool { return true },
			IsExcluded: func(err error) bool { return errors.Is(err, excluded) },
		})
		both := func(err error) {
			_, _ = breaker.Do(t.Context(), ours, func(context.Context) (int, error) { return 0, err })
			_, _ = theirs.Execute(func() (int, error) { return 0, err })
		}
		both(errors.New("down"))
		time.Sleep(recovery + 1)
		for range 10 {
			both(excluded)
		}
		assert.Equal(t, breaker.Open, ours.State())
		assert.Equal(t, breaker.ReasonNoVerdict, ours.Snapshot().Reason)
		assert.Equal(t, gobreaker.StateHalfOpen, theirs.State())
	})
}

func TestGoexitIsAFailureAndLosesAPermitInGobreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := pair(1)
		open(t, ours, theirs)
		time.Sleep(recovery + 1)
		go func() {
			_, _ = breaker.Do(t.Context(), ours, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
		}()
		go func() { _, _ = theirs.Execute(func() (int, error) { runtime.Goexit(); return 0, nil }) }()
		synctest.Wait()
		assert.Equal(t, breaker.Open, ours.State())
		time.Sleep(1000 * time.Hour)
		_, err := breaker.Do(t.Context(), ours, func(context.Context) (int, error) { return 0, nil })
		assert.NoError(t, err)
		_, err = theirs.Execute(func() (int, error) { return 0, nil })
		assert.ErrorIs(t, err, gobreaker.ErrTooManyRequests)
	})
}

func TestACallCountsWhenItEndsAndInGobreakerWhenItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours := breaker.NewCircuit(breaker.Config{Window: 100, FailureRate: 1, MinCalls: 1})
		theirs := gobreaker.NewTwoStepCircuitBreaker[int](gobreaker.Settings{
			Interval: 100, BucketPeriod: 10, ReadyToTrip: func(c gobreaker.Counts) bool { return c.TotalFailures >= 1 },
		})
		permit, err := ours.Acquire()
		require.NoError(t, err)
		done, err := theirs.Allow()
		require.NoError(t, err)
		time.Sleep(200) // longer than the window
		permit.Record(policy.Failure)
		done(errDown)
		assert.Equal(t, breaker.Open, ours.State())
		assert.Equal(t, gobreaker.StateClosed, theirs.State(), "the failure of a slow call is forgotten before it is counted")
	})
}

func TestTheDefaultOpenPeriodIs30sAndGobreakers60s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		theirs := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 1 },
		})
		open(t, ours, theirs)
		time.Sleep(30 * time.Second)
		assert.Equal(t, breaker.HalfOpen, ours.State())
		time.Sleep(30 * time.Second)
		assert.Equal(t, gobreaker.StateOpen, theirs.State())
		time.Sleep(time.Nanosecond)
		assert.Equal(t, gobreaker.StateHalfOpen, theirs.State())
	})
}

func TestTheDefaultIsThreeProbesAndGobreakersOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := breaker.NewCircuit(breaker.Config{}), gobreaker.NewTwoStepCircuitBreaker[int](gobreaker.Settings{})
		ours.Trip(0, "test")
		for range 6 {
			done, err := theirs.Allow()
			require.NoError(t, err)
			done(errDown)
		}
		time.Sleep(time.Minute + 1)
		for places, want := range []int{3, 1} {
			admit := []func() error{
				func() error { _, err := ours.Acquire(); return err },
				func() error { _, err := theirs.Allow(); return err },
			}[places]
			for range want {
				require.NoError(t, admit())
			}
			assert.Error(t, admit())
		}
	})
}

func TestACancelAndAnInnerRejectionAreIgnoredAndFailuresInGobreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, err := range []error{policy.ErrRejected, context.Canceled} { // in this order: the second one cancels the caller
			ours, theirs := pair(1)
			_, _ = breaker.Do(ctx, ours, func(context.Context) (int, error) {
				if errors.Is(err, context.Canceled) {
					cancel()
				}
				return 0, err
			})
			_, _ = theirs.Execute(func() (int, error) { return 0, err })
			assert.Equal(t, breaker.Closed, ours.State(), "%v", err)
			assert.Equal(t, gobreaker.StateOpen, theirs.State(), "%v", err)
		}
	})
}

func TestFiveFailuresOpenByDefaultAndSixInGobreaker(t *testing.T) {
	ours := breaker.NewCircuit(breaker.Config{})
	theirs := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{})
	for range 5 {
		assert.Equal(t, breaker.Closed, ours.State())
		_, _ = breaker.Do(t.Context(), ours, func(context.Context) (int, error) { return 0, errDown })
		_, _ = theirs.Execute(func() (int, error) { return 0, errDown })
	}
	assert.Equal(t, breaker.Open, ours.State())
	assert.Equal(t, gobreaker.StateClosed, theirs.State())
}
