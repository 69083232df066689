package throttle_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

func TestAClassWithoutRequestsIsRejectedAtMaxRejectOnceLowerOnesDoNotSuffice(t *testing.T) {
	for failures, want := range map[int]float64{500: 0, 501: 0.99} {
		th := throttle.NewThrottle(throttle.Config{K: 1, Clock: fake.NewClock(), Rand: never})
		fill(th, policy.Low, 500, 0)
		fill(th, policy.High, failures-500, 1000-failures)
		require.InDelta(t, float64(failures)/1001, th.Snapshot().Rate, 1e-12)
		assert.Equal(t, want, th.Rate(policy.Normal), "%d failures", failures)
	}
}

// p is exactly the share of the lower classes.
func TestAClassIsSparedIfTheLowerOnesJustSuffice(t *testing.T) {
	clk := fake.NewClock()
	th := throttle.NewThrottle(throttle.Config{K: 1, MinCalls: 1, Clock: clk, Rand: never})
	fill(th, policy.High, 0, 1)
	clk.Advance(throttle.DefaultWindow) // it leaves the window, but not the shares
	fill(th, policy.Low, 2, 0)
	fill(th, policy.High, 0, 1)
	require.Equal(t, 0.5, th.Snapshot().Rate)
	assert.Equal(t, 0.99, th.Rate(policy.Low))
	assert.Zero(t, th.Rate(policy.Normal), "a class without requests")
	assert.Zero(t, th.Rate(policy.High))
}

// 3/11 / 7/10 is, for a float64, a little more than the MaxReject whose product with 7/10 is
// 3/11.
func TestARoundedRateIsNotAboveMaxReject(t *testing.T) {
	const most = 0.3896103896103896
	th := throttle.NewThrottle(throttle.Config{K: 1, MaxReject: most, Clock: fake.NewClock(), Rand: never})
	fill(th, policy.Low, 3, 4)
	fill(th, policy.Normal, 0, 3)
	assert.Equal(t, most, th.Rate(policy.Low))
}

// 1.15 x 100 is, for a float64, a little less than 115.
func TestARoundedProductIsNoExcess(t *testing.T) {
	drawn := false
	draw := func() float64 { drawn = true; return 0 }
	th := throttle.NewThrottle(throttle.Config{K: 1.15, Clock: fake.NewClock(), Rand: draw})
	fill(th, policy.Normal, 15, 100)
	assert.Zero(t, th.Rate(policy.Normal))
	assert.Zero(t, th.Snapshot().Rate)
	_, err := throttle.Do(t.Context(), th, succeed)
	require.NoError(t, err)
	assert.False(t, drawn)
}

// The functions of Config take a minute. It is part of what an outer circuit measures, and
// not of what an inner one does, although both may share readings of the clock.
func TestCircuitsMeasureTheTimeOfUsersFunctions(t *testing.T) {
	waits := func(error) policy.Outcome { time.Sleep(time.Minute); return policy.Undecided }
	late := func() float64 { time.Sleep(time.Minute); return 1 }
	for name, c := range map[string]struct{ made, then throttle.Config }{
		"a classifier":           {throttle.Config{Classify: waits, Rand: never}, throttle.Config{Classify: waits, Rand: never}},
		"a classifier set later": {throttle.Config{}, throttle.Config{Classify: waits, Rand: never}},
		"Rand":                   {throttle.Config{Rand: late}, throttle.Config{Rand: late}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := fake.NewRecorder()
				th := throttle.NewThrottle(c.made)
				fill(th, policy.Normal, 20, 5)
				circuit := func() policy.Policy[int] {
					return breaker.New[int](breaker.NewCircuit(breaker.Config{Window: time.Hour, FailureRate: 0.5}))
				}
				p := pipeline.New[int](circuit(), throttle.New[int](th), circuit()).
					WithObserver(rec.Observe, policy.Judged, policy.Finished)
				require.NoError(t, th.Reconfigure(c.then))
				_, err := p.Do(t.Context(), succeed)
				require.NoError(t, err)
				events := rec.Events()
				require.Len(t, events, 3)
				assert.Zero(t, events[0].Took, "of the inner circuit")
				assert.Equal(t, time.Minute, events[1].Took, "of the outer circuit")
				assert.Equal(t, time.Minute, events[2].Elapsed, "of the pipeline")
			})
		})
	}
}
