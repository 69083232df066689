package bench_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/adaptivethrottler"
	failsafepriority "github.com/failsafe-go/failsafe-go/priority"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

func init() { maps.Copy(portingRows["failsafe-go"], failsafeThrottleRows) }

var failsafeThrottleRows = map[string]func(*testing.T){
	"`adaptivethrottler.NewWithDefaults[T]()`": func(t *testing.T) {
		theirs := adaptivethrottler.NewWithDefaults[T]()
		ours := throttle.New[T](throttle.NewThrottle(throttle.Config{K: 1 / 0.9, Window: time.Minute, MinCalls: 1, MaxReject: 0.9}))
		for range 20 {
			ended(ours.Throttle(), policy.Success)
			theirs.RecordSuccess()
		}
		permits := make([]throttle.Permit, 30) // all begin before the first fails
		for i := range permits {
			permits[i], _ = ours.Throttle().Acquire(t.Context())
		}
		for i := range permits {
			permits[i].Record(policy.Failure)
			theirs.RecordFailure()
		}
		theirs.TryAcquirePermit()
		assert.InDelta(t, theirs.RejectionRate(), ours.Throttle().Snapshot().Rate, 1e-9)
	},
	"throttler: `WithFailureRateThreshold(f, n, d)`": func(t *testing.T) {
		const f, n, d = 0.5, 10, time.Minute
		theirs := adaptivethrottler.NewBuilder[T]().WithFailureRateThreshold(f, n, d).Build()
		ours := throttle.NewThrottle(throttle.Config{K: 1 / (1 - f), MinCalls: n, Window: d, MaxReject: 0.9, Rand: admitting})
		for i := range 20 {
			ended(ours, policy.Failure)
			theirs.RecordFailure()
			theirs.TryAcquirePermit()
			assert.InDelta(t, theirs.RejectionRate(), ours.Snapshot().Rate, 1e-9, "after %d failures", i+1)
		}
	},
	"`WithMaxRejectionRate(r)`": func(t *testing.T) {
		const r = 0.7
		theirs := adaptivethrottler.NewBuilder[T]().WithMaxRejectionRate(r).Build()
		ours := throttle.NewThrottle(throttle.Config{MaxReject: r, Rand: admitting})
		for range 100 {
			ended(ours, policy.Failure)
			theirs.RecordFailure()
		}
		theirs.TryAcquirePermit()
		assert.Equal(t, r, theirs.RejectionRate())
		assert.Equal(t, r, ours.Snapshot().Rate)
	},
	"throttler: `HandleIf(match)`": func(t *testing.T) {
		match := func(v T, _ error) bool { return v == 503 }
		theirs := adaptivethrottler.NewBuilder[T]().HandleIf(match).Build()
		classify := func(v T, err error) policy.Outcome {
			if match(v, err) {
				return policy.Failure
			}
			return policy.Success
		}
		ours := throttle.New[T](throttle.NewThrottle(throttle.Config{MinCalls: 1, K: 1 / 0.9})).WithClassifier(classify)
		for _, v := range []T{200, 503} {
			_, _ = failsafe.With[T](theirs).Get(func() (T, error) { return v, nil })
			_, _ = ours.Do(t.Context(), func(context.Context) (T, error) { return v, nil })
		}
		theirs.TryAcquirePermit()
		assert.InDelta(t, theirs.RejectionRate(), ours.Throttle().Snapshot().Rate, 1e-9)
	},
	"`adaptivethrottler.ErrExceeded`": func(t *testing.T) {
		theirs := adaptivethrottler.NewBuilder[T]().WithMaxRejectionRate(1).WithFailureRateThreshold(0, 0, time.Minute).Build()
		for range 10_000 {
			theirs.RecordFailure()
		}
		var their error
		for range 100 { // 1 in 10,000 is let through
			if _, their = failsafe.With[T](theirs).Get(fail.value); their != errDown { //nolint:errorlint // the function's own
				break
			}
		}
		require.ErrorIs(t, their, adaptivethrottler.ErrExceeded)
		_, err := throttle.Do(t.Context(), shedding(), fail.fn)
		require.ErrorIs(t, err, throttle.ErrThrottled)
		require.ErrorIs(t, err, policy.ErrRejected)
	},
	"`RejectionRate()`": func(t *testing.T) {
		assert.InDelta(t, 10./11, shedding().Snapshot().Rate, 1e-9)
	},
	"throttler: `TryAcquirePermit()`, `RecordSuccess()`, `RecordFailure()`": func(t *testing.T) {
		theirs := adaptivethrottler.NewWithDefaults[T]()
		require.True(t, theirs.TryAcquirePermit())
		theirs.RecordFailure()
		ours := throttle.NewThrottle(throttle.Config{MinCalls: 1})
		ctx, outcome := t.Context(), policy.Failure
		permit, err := ours.Acquire(ctx)
		require.NoError(t, err)
		permit.Record(outcome)
		theirs.TryAcquirePermit()
		assert.InDelta(t, theirs.RejectionRate(), ours.Snapshot().Rate, 1e-9)
	},
	"an `adaptivethrottler` in an overload": func(t *testing.T) {
		theirs := adaptivethrottler.NewBuilder[T]().WithFailureRateThreshold(0.5, 10, time.Minute).WithMaxRejectionRate(0.99).Build()
		assert.Greater(t, sentOf(theirs.TryAcquirePermit, map[policy.Outcome]func(){
			policy.Success: theirs.RecordSuccess, policy.Failure: theirs.RecordFailure,
		}), 290, "rejected calls are not counted there")
		ours := throttle.NewThrottle(throttle.Config{Rand: rand.New(rand.NewPCG(1, 2)).Float64})
		var permit throttle.Permit
		assert.InDelta(t, 200, sentOf(func() (ok bool) {
			var err error
			permit, err = ours.Acquire(context.Background())
			return err == nil
		}, map[policy.Outcome]func(){
			policy.Success: func() { permit.Record(policy.Success) }, policy.Failure: func() { permit.Record(policy.Failure) },
		}), 40, "rejected calls are counted here")
	},
	"an `adaptivethrottler` and calls that their callers cancel": func(t *testing.T) {
		theirs := adaptivethrottler.NewWithDefaults[T]()
		ours := throttle.NewThrottle(throttle.Config{MinCalls: 1})
		for range 100 {
			theirCtx, leave := context.WithCancel(t.Context())
			_, _ = failsafe.With[T](theirs).WithContext(theirCtx).Get(func() (T, error) { leave(); return 0, context.Canceled })
			ourCtx, leave := context.WithCancel(t.Context())
			_, _ = throttle.Do(ourCtx, ours, func(context.Context) (T, error) { leave(); return 0, context.Canceled })
		}
		theirs.TryAcquirePermit()
		assert.Positive(t, theirs.RejectionRate())
		assert.Zero(t, ours.Snapshot().Rate)
	},
	"`BuildPrioritized(prioritizer)`": func(t *testing.T) {
		prioritizer := adaptivethrottler.NewPrioritizer()
		theirs := adaptivethrottler.NewBuilder[T]().WithFailureRateThreshold(0.5, 10, time.Minute).
			WithMaxRejectionRate(1).BuildPrioritized(prioritizer) // below 1, chance lets some calls in
		ours := throttle.NewThrottle(throttle.Config{Rand: func() float64 { return 0 }})
		ctx := t.Context()
		low, high := policy.WithPriority(ctx, policy.Low), policy.WithPriority(ctx, policy.High)
		permits := make([]throttle.Permit, 20)
		for i := range permits {
			_ = theirs.AcquirePermitWithPriority([]failsafepriority.Priority{failsafepriority.Low, failsafepriority.High}[i%2])
			permits[i], _ = ours.Acquire([]context.Context{low, high}[i%2])
		}
		for i := range permits { // 13 of 20 fail: the rate of 6/21 is below the share of the low ones
			if i < 13 {
				theirs.RecordFailure()
				permits[i].Record(policy.Failure)
			} else {
				theirs.RecordSuccess()
				permits[i].Record(policy.Success)
			}
		}
		require.NoError(t, theirs.AcquirePermitWithPriority(failsafepriority.VeryLow), "nothing is shed there before the prioritizer is calibrated")
		prioritizer.Calibrate()
		require.ErrorIs(t, theirs.AcquirePermitWithPriority(failsafepriority.VeryLow), adaptivethrottler.ErrExceeded)
		require.NoError(t, theirs.AcquirePermitWithPriority(failsafepriority.High))

		_, err := throttle.Do(policy.WithPriority(ctx, policy.Low), ours, fail.fn)
		require.ErrorIs(t, err, throttle.ErrThrottled)
		_, err = throttle.Do(high, ours, succeed.fn)
		require.NoError(t, err)
	},
}

// admitting is a source of numbers that rejects no call.
func admitting() float64 { return 1 }

// ended counts a call. It is counted even if the throttle would reject it.
func ended(th *throttle.Throttle, o policy.Outcome) {
	permit, err := th.Acquire(context.Background())
	if err == nil {
		permit.Record(o)
	}
}

// shedding returns a throttle that rejects the next call.
func shedding() *throttle.Throttle {
	th := throttle.NewThrottle(throttle.Config{Rand: func() float64 { return 0 }})
	for range 10 {
		ended(th, policy.Failure)
	}
	return th
}

// sentOf returns how many of 1,000 calls are sent to a server that accepts the first 100,
// once the throttle is used to it.
func sentOf(acquire func() bool, record map[policy.Outcome]func()) (sent int) {
	const rounds = 40
	total := 0
	for round := range rounds {
		sent = 0
		for range 1000 {
			if !acquire() {
				continue
			}
			if sent++; sent <= 100 {
				record[policy.Success]()
			} else {
				record[policy.Failure]()
			}
		}
		if round >= rounds/2 {
			total += sent
		}
	}
	return total / (rounds / 2)
}
