package bench_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v7"
	"github.com/sony/gobreaker/v2"
	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// course is how often a function that always fails was tried, and for how long.
type course struct {
	tries int
	took  time.Duration
}

func oursTried(ctx context.Context, cfg retry.Config) (c course) {
	cfg.JitterFactor = retry.NoJitter // so that the two can be compared
	start := time.Now()
	_, _ = retry.Do(ctx, cfg, func(context.Context) (int, error) {
		c.tries++
		return 0, errDown
	})
	c.took = time.Since(start)
	return c
}

func theirsTried(ctx context.Context, options ...backoff.RetryOption) (c course) {
	steady := backoff.NewExponentialBackOff()
	steady.RandomizationFactor = 0
	start := time.Now()
	_, _ = backoff.Retry(ctx, func() (int, error) {
		c.tries++
		return 0, errDown
	}, append([]backoff.RetryOption{backoff.WithBackOff(steady)}, options...)...)
	c.took = time.Since(start)
	return c
}

// TestBackoffsRowsTryAsOften runs what the porting page puts beside backoff.
func TestBackoffsRowsTryAsOften(t *testing.T) {
	ported := retry.Config{
		MaxAttempts: retry.Unlimited, MaxElapsed: 15 * time.Minute, Multiplier: 1.5, MaxDelay: time.Minute, JitterFactor: 0.5,
	}
	five, brief, constant := ported, ported, ported
	five.MaxAttempts = 5
	brief.MaxElapsed = time.Minute
	constant.Backoff = retry.Constant(time.Second)
	for name, row := range map[string]struct {
		ours   retry.Config
		theirs []backoff.RetryOption
	}{
		"Retry":              {ported, nil},
		"WithMaxTries":       {five, []backoff.RetryOption{backoff.WithMaxTries(5)}},
		"WithMaxElapsedTime": {brief, []backoff.RetryOption{backoff.WithMaxElapsedTime(time.Minute)}},
		"NewConstantBackOff": {constant, []backoff.RetryOption{backoff.WithBackOff(backoff.NewConstantBackOff(time.Second))}},
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := oursTried(t.Context(), row.ours), theirsTried(t.Context(), row.theirs...)
			assert.Equal(t, theirs.tries, ours.tries, name)
			assert.InDelta(t, theirs.took, ours.took, float64(time.Microsecond), name)
		})
	}
	assert.Equal(t, backoff.DefaultRandomizationFactor, ported.JitterFactor)
}

func TestDefaultsTryThreeTimesAndBackoffsForAQuarterOfAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		assert.Equal(t, course{3, 1500 * time.Millisecond}, oursTried(t.Context(), retry.Config{}))
		assert.Equal(t, 3, oursTried(t.Context(), retry.Config{MaxElapsed: time.Hour}).tries)
		theirs := theirsTried(t.Context())
		assert.Greater(t, theirs.tries, 20)
		assert.Greater(t, theirs.took, 14*time.Minute)
	})
}

// TestGobreakersRowsOpenAtTheSameCall runs what the porting page puts beside
// gobreaker, on a service that is well and on one that is not.
func TestGobreakersRowsOpenAtTheSameCall(t *testing.T) {
	const interval = time.Minute
	inRow := func(c gobreaker.Counts) bool { return c.ConsecutiveFailures > 4 }
	ratio := func(c gobreaker.Counts) bool {
		return c.Requests >= 3 && float64(c.TotalFailures)/float64(c.Requests) >= 0.6
	}
	total := func(c gobreaker.Counts) bool { return c.TotalFailures > 9 }
	for name, row := range map[string]struct {
		ours   breaker.Config
		theirs func(gobreaker.Counts) bool
	}{
		"in a row": {breaker.Config{FailureThreshold: 5}, inRow},
		"a ratio":  {breaker.Config{Window: interval, MinCalls: 3, FailureRate: 0.6}, ratio},
		"in total": {breaker.Config{Window: interval, FailureThreshold: 10}, total},
	} {
		for service, fails := range map[string]func(n int) bool{
			"well":      func(n int) bool { return n%100 == 99 },
			"falling":   func(n int) bool { return n >= 20 },
			"stumbling": func(n int) bool { return n%3 != 0 },
		} {
			synctest.Test(t, func(t *testing.T) {
				ours := breaker.NewCircuit(row.ours)
				theirs := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{Interval: interval, ReadyToTrip: row.theirs})
				opened, theyOpened := opening(t.Context(), ours, theirs, fails)
				assert.Equal(t, theyOpened, opened, "%s, of a service that is %s", name, service)
			})
		}
	}
}

// opening returns at which of 500 calls, 10 ms apart, each opened; -1 for never.
func opening(ctx context.Context, ours *breaker.Circuit, theirs *gobreaker.CircuitBreaker[int], fails func(n int) bool) (opened, theyOpened int) {
	opened, theyOpened = -1, -1
	for n := range 500 {
		call := func() (int, error) {
			if fails(n) {
				return 0, errDown
			}
			return 1, nil
		}
		_, _ = theirs.Execute(call)
		_, _ = breaker.Do(ctx, ours, func(context.Context) (int, error) { return call() })
		if opened < 0 && ours.State() == breaker.Open {
			opened = n
		}
		if theyOpened < 0 && theirs.State() == gobreaker.StateOpen {
			theyOpened = n
		}
		time.Sleep(10 * time.Millisecond)
	}
	return opened, theyOpened
}

func TestOneProbeIsGobreakersDefaultAndThreeAreOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		theirs := gobreaker.NewTwoStepCircuitBreaker[int](gobreaker.Settings{ReadyToTrip: func(gobreaker.Counts) bool { return true }})
		p, err := ours.Acquire()
		assert.NoError(t, err)
		p.Record(policy.Failure)
		done, err := theirs.Allow()
		assert.NoError(t, err)
		done(errDown)
		time.Sleep(time.Minute + 1)
		admitted, theyAdmitted := 0, 0
		for range 5 {
			if _, err := ours.Acquire(); err == nil {
				admitted++
			}
			if _, err := theirs.Allow(); err == nil {
				theyAdmitted++
			}
		}
		assert.Equal(t, 3, admitted)
		assert.Equal(t, 1, theyAdmitted)
	})
}
