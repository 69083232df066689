package bench_test

import (
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// viaTheirs runs functions through a breaker of theirs.
func viaTheirs(cb circuitbreaker.CircuitBreaker[T]) func(fn func() error) {
	return func(fn func() error) { _ = failsafe.With(cb).Run(fn) }
}

// probed opens both by failures, waits for d, and returns the states after the probes of a
// schedule.
func probed(t *testing.T, cb circuitbreaker.CircuitBreaker[T], c *breaker.Circuit, d time.Duration, schedule string) (theirs, ours string) {
	t.Helper()
	for c.State() == breaker.Closed {
		through(c)(failing)
	}
	for cb.IsClosed() {
		viaTheirs(cb)(failing)
	}
	time.Sleep(d)
	assert.Equal(t, len(schedule), refusedAt(schedule, 0, viaTheirs(cb)))
	assert.Equal(t, len(schedule), refusedAt(schedule, 0, through(c)))
	return cb.State().String(), c.State().String()
}

var failsafeBreakerRows = map[string]func(*testing.T){
	"`circuitbreaker.NewBuilder[T]().WithFailureThreshold(n)`": bubble(func(t *testing.T) {
		const n = 3
		make2 := func() (circuitbreaker.CircuitBreaker[T], *breaker.Circuit) {
			return circuitbreaker.NewBuilder[T]().WithFailureThreshold(n).Build(), breaker.NewCircuit(breaker.Config{FailureThreshold: n})
		}
		for schedule, opens := range map[string]int{"FFFS": 3, "FFSFFFS": 6, "FSFSFSFSFS": 10} {
			cb, c := make2()
			assert.Equal(t, opens, refusedAt(schedule, time.Millisecond, viaTheirs(cb)))
			assert.Equal(t, opens, refusedAt(schedule, time.Millisecond, through(c)))
		}
		cb, c := make2()
		theirs, ours := probed(t, cb, c, time.Minute, "S")
		assert.Equal(t, "closed", theirs)
		assert.Equal(t, "closed", ours)
		cb, c = make2()
		theirs, ours = probed(t, cb, c, time.Minute, "F")
		assert.Equal(t, "half-open", theirs, "theirs takes n failures")
		assert.Equal(t, "open", ours)
		assert.Equal(t, 1, refusedAt("FF", 0, viaTheirs(circuitbreaker.NewWithDefaults[T]())))
		assert.Equal(t, 5, refusedAt("FFFFFF", 0, through(breaker.NewCircuit(breaker.Config{}))))
	}),
	"`WithFailureThresholdRatio(f, n)`": bubble(func(t *testing.T) {
		const f, n = 3, 5
		for schedule, opens := range map[string]int{"FFFS": 3, "FSFSFS": 5, "FSSFSSFSSFSS": 12, "FSSFSSFFS": 8} {
			cb := circuitbreaker.NewBuilder[T]().WithFailureThresholdRatio(f, n).Build()
			c := breaker.NewCircuit(breaker.Config{WindowCalls: n, FailureThreshold: f})
			assert.Equal(t, opens, refusedAt(schedule, time.Millisecond, viaTheirs(cb)), schedule)
			assert.Equal(t, opens, refusedAt(schedule, time.Millisecond, through(c)), schedule)
		}
	}),
	"`WithFailureThresholdPeriod(f, w)`": bubble(func(t *testing.T) {
		const f, w = 3, 10 * time.Second
		for gap, opens := range map[time.Duration]int{time.Second: 5, 6 * time.Second: 8} {
			cb := circuitbreaker.NewBuilder[T]().WithFailureThresholdPeriod(f, w).Build()
			c := breaker.NewCircuit(breaker.Config{Window: w, FailureThreshold: f})
			assert.Equal(t, opens, refusedAt("FSFSFSFS", gap, viaTheirs(cb)), gap)
			assert.Equal(t, opens, refusedAt("FSFSFSFS", gap, through(c)), gap)
		}
	}),
	"`WithFailureRateThreshold(rate, n, w)`": bubble(func(t *testing.T) {
		const rate, n, w = 0.5, 4, 10 * time.Second
		make2 := func() (circuitbreaker.CircuitBreaker[T], *breaker.Circuit) {
			return circuitbreaker.NewBuilder[T]().WithFailureRateThreshold(rate, n, w).Build(),
				breaker.NewCircuit(breaker.Config{
					FailureRate: rate, MinCalls: n, Window: w, ProbeCalls: n, ProbeFailureRate: rate, HalfOpenMaxCalls: n,
				})
		}
		for schedule, opens := range map[string]int{"FFFFS": 4, "SSSFFFS": 6, "SSSSSSSF": 8} {
			cb, c := make2()
			assert.Equal(t, opens, refusedAt(schedule, time.Millisecond, viaTheirs(cb)), schedule)
			assert.Equal(t, opens, refusedAt(schedule, time.Millisecond, through(c)), schedule)
		}
		for schedule, state := range map[string]string{"FSS": "half-open", "FSSS": "closed", "FSFS": "open", "FFSF": "open"} {
			cb, c := make2()
			theirs, ours := probed(t, cb, c, time.Minute, schedule)
			assert.Equal(t, state, theirs, schedule)
			assert.Equal(t, state, ours, schedule)
		}
		first := breaker.NewCircuit(breaker.Config{FailureRate: rate, MinCalls: n, Window: w})
		cb, _ := make2()
		_, ours := probed(t, cb, first, time.Minute, "F")
		assert.Equal(t, "open", ours, "the first probe decides")
		cb, c := make2()
		assert.Equal(t, 4, refusedAt("FFSSS", 0, viaTheirs(cb)), "theirs opens on a success")
		assert.Equal(t, 5, refusedAt("FFSSS", 0, through(c)))
	}),
	"`WithSuccessThreshold(n)`": bubble(func(t *testing.T) {
		const n = 3
		for schedule, state := range map[string]string{"SS": "half-open", "SSS": "closed", "SSF": "open"} {
			cb := circuitbreaker.NewBuilder[T]().WithSuccessThreshold(n).Build()
			c := breaker.NewCircuit(breaker.Config{SuccessThreshold: n, HalfOpenMaxCalls: n})
			theirs, ours := probed(t, cb, c, time.Minute, schedule)
			assert.Equal(t, state, theirs, schedule)
			assert.Equal(t, state, ours, schedule)
		}
	}),
	"breaker: `WithDelay(d)`": bubble(func(t *testing.T) {
		const d = 7 * time.Second
		theirs := circuitbreaker.NewBuilder[T]().WithDelay(d).Build()
		ours := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: d})
		viaTheirs(theirs)(failing)
		through(ours)(failing)
		time.Sleep(d - 1)
		assert.Equal(t, 0, refusedAt("S", 0, viaTheirs(theirs)))
		assert.Equal(t, 0, refusedAt("S", 0, through(ours)))
		time.Sleep(time.Nanosecond)
		assert.Equal(t, 1, refusedAt("S", 0, viaTheirs(theirs)))
		assert.Equal(t, 1, refusedAt("S", 0, through(ours)))
		assert.Equal(t, 30*time.Second, breaker.NewCircuit(breaker.Config{}).Config().RecoveryTimeout)
		theirs = circuitbreaker.NewWithDefaults[T]()
		theirs.Open()
		assert.Equal(t, time.Minute, theirs.RemainingDelay())
	}),
	"breaker: `WithDelay(0)`": bubble(func(t *testing.T) {
		theirs := circuitbreaker.NewBuilder[T]().WithDelay(0).Build()
		ours := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: breaker.NoWait})
		assert.Equal(t, 6, refusedAt("FFFFFS", 0, viaTheirs(theirs)))
		assert.Equal(t, 6, refusedAt("FFFFFS", 0, through(ours)))
		assert.True(t, theirs.IsClosed())
		assert.Equal(t, breaker.Closed, ours.State())
	}),
	"breaker: `WithDelayFunc`": bubble(func(t *testing.T) {
		theirs := circuitbreaker.NewBuilder[T]().
			WithDelayFunc(func(failsafe.ExecutionAttempt[T]) time.Duration { return 9 * time.Second }).Build()
		ours := breaker.NewCircuit(breaker.Config{
			FailureThreshold: 1, RecoveryFor: func(breaker.Opening) time.Duration { return 9 * time.Second },
		})
		viaTheirs(theirs)(failing)
		through(ours)(failing)
		assert.Equal(t, 9*time.Second, theirs.RemainingDelay())
		assert.Equal(t, 9*time.Second, ours.Snapshot().RetryAfter)
	}),
	"`TryAcquirePermit()`, `RecordFailure()`": bubble(func(t *testing.T) {
		theirs, ours := circuitbreaker.NewWithDefaults[T](), breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		require.True(t, theirs.TryAcquirePermit())
		theirs.RecordFailure()
		permit, err := ours.Acquire()
		require.NoError(t, err)
		require.True(t, permit.Record(policy.Failure))
		assert.False(t, theirs.TryAcquirePermit())
		_, err = ours.Acquire()
		assert.ErrorIs(t, err, breaker.ErrOpen)
	}),
	"`Open()`, `HalfOpen()`, `Close()`": bubble(func(t *testing.T) {
		theirs, ours := circuitbreaker.NewWithDefaults[T](), breaker.NewCircuit(breaker.Config{})
		theirs.Open()
		ours.Trip(0, "")
		assert.Equal(t, theirs.State().String(), ours.State().String())
		theirs.HalfOpen()
		ours.Trip(1, "")
		time.Sleep(time.Nanosecond)
		assert.Equal(t, theirs.State().String(), ours.State().String())
		assert.Equal(t, breaker.HalfOpen, ours.State())
		theirs.Close()
		ours.Reset()
		assert.Equal(t, theirs.State().String(), ours.State().String())
	}),
	"`RemainingDelay()`": bubble(func(t *testing.T) {
		theirs := circuitbreaker.NewBuilder[T]().WithDelay(30 * time.Second).Build()
		ours := breaker.NewCircuit(breaker.Config{})
		theirs.Open()
		ours.Trip(0, "")
		time.Sleep(10 * time.Second)
		assert.Equal(t, 20*time.Second, theirs.RemainingDelay())
		assert.Equal(t, 20*time.Second, ours.Snapshot().RetryAfter)
		var open *breaker.OpenError
		require.ErrorAs(t, refusal(ours, succeeding), &open)
		assert.Equal(t, 20*time.Second, open.RetryAfter())
	}),
	"`OnStateChanged`": bubble(func(t *testing.T) {
		var theirs, ours, watched []string
		cb := circuitbreaker.NewBuilder[T]().OnStateChanged(func(e circuitbreaker.StateChangedEvent) {
			theirs = append(theirs, e.OldState.String()+" "+e.NewState.String())
		}).WithDelay(time.Second).Build()
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Second, OnStateChange: func(m breaker.Transition) {
			ours = append(ours, m.From.String()+" "+m.To.String())
		}})
		stop := c.Watch(func(m breaker.Transition) { watched = append(watched, m.From.String()+" "+m.To.String()) })
		defer stop()
		probed(t, cb, c, time.Second, "S")
		assert.Equal(t, []string{"closed open", "open half-open", "half-open closed"}, theirs)
		assert.Equal(t, theirs, ours)
		assert.Equal(t, theirs, watched)
	}),
}
