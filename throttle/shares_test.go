package throttle_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

// mixed returns a throttle with the classes of 1,000 requests, of which so many failed:
// 500 Low, 300 Normal, 200 High.
func mixed(failures int) *throttle.Throttle {
	th := throttle.NewThrottle(throttle.Config{Clock: fake.NewClock(), Rand: never})
	for _, c := range []struct {
		class policy.Priority
		n     int
	}{{policy.Normal, 300}, {policy.Low, 500}, {policy.High, 200}} {
		failed := min(failures, c.n)
		fill(th, c.class, failed, c.n-failed)
		failures -= failed
	}
	return th
}

func TestRejectionsAreTakenFromTheLowestClassUp(t *testing.T) {
	for _, c := range []struct {
		failures                                  int
		sheddable, low, normal, high, critical, p float64
	}{
		{failures: 500},
		{600, 0.99, 200. / 1001 / 0.5, 0, 0, 0, 200. / 1001},
		{750, 0.99, 0.99, 0, 0, 0, 500. / 1001},
		{800, 0.99, 0.99, (600./1001 - 0.5) / 0.3, 0, 0, 600. / 1001},
		{950, 0.99, 0.99, 0.99, (900./1001 - 0.8) / 0.2, 0, 900. / 1001},
		{1000, 0.99, 0.99, 0.99, 0.99, 0, 0.99},
	} {
		th := mixed(c.failures)
		for class, want := range map[policy.Priority]float64{
			policy.Sheddable: c.sheddable, policy.Low: c.low, policy.Normal: c.normal, policy.High: c.high, policy.Critical: c.critical,
		} {
			assert.InDelta(t, want, th.Rate(class), 1e-12, "%d failures, priority %d", c.failures, class)
		}
		assert.InDelta(t, c.p, th.Snapshot().Rate, 1e-12)
	}
}

func TestRejectedCallsCountInTheSharesOfTheirClass(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{Clock: fake.NewClock(), Rand: always})
	low := policy.WithPriority(t.Context(), policy.Low)
	fill(th, policy.Normal, 90, 0)
	fill(th, policy.Low, 0, 0)
	for range 10 {
		_, err := throttle.Do(low, th, succeed)
		require.ErrorIs(t, err, throttle.ErrThrottled)
	}
	// 100 requests, p is 100/101, a tenth of them is Low.
	assert.InDelta(t, 0.99, th.Rate(policy.Low), 1e-12)
	assert.InDelta(t, (100./101-0.1)/0.9, th.Rate(policy.Normal), 1e-12)
}

func TestSharesAreThoseOfTheLastThousandRequests(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{K: 1, Clock: fake.NewClock(), Rand: never})
	fill(th, policy.Normal, 0, 5000)
	fill(th, policy.Low, 2000, 0) // p is 2000/7001
	assert.Zero(t, th.Rate(policy.Normal), "none of the last 1,000 is Normal, and p is below the share of the lower ones")
	fill(th, policy.Normal, 0, 900)
	p := 2000. / 7901
	assert.InDelta(t, 0.99, th.Rate(policy.Low), 1e-12)
	assert.InDelta(t, (p-0.1)/0.9, th.Rate(policy.Normal), 1e-12)
	fill(th, policy.Normal, 0, 99)
	p = 2000. / 8000
	assert.InDelta(t, (p-0.001)/0.999, th.Rate(policy.Normal), 1e-12, "one of the Low ones is left")
	fill(th, policy.Normal, 0, 1)
	p = 2000. / 8001
	assert.InDelta(t, p, th.Rate(policy.Normal), 1e-12)
}

// Until there is another class, Normal requests are only counted.
func TestNormalRequestsBeforeTheFirstOtherClassAreInTheShares(t *testing.T) {
	for _, normal := range []int{0, 1, 999, 1000, 5000} {
		th := throttle.NewThrottle(throttle.Config{K: 1, MinCalls: 1, Clock: fake.NewClock(), Rand: never})
		fill(th, policy.Normal, normal, 0)
		if normal > 0 {
			p := float64(normal) / float64(normal+1)
			assert.InDelta(t, min(p, 0.99), th.Rate(policy.Normal), 1e-12)
			assert.Equal(t, 0.99, th.Rate(policy.Low), "no request was Low")
			assert.Zero(t, th.Rate(policy.High))
		}
		fill(th, policy.High, 1, 0)
		total := float64(min(normal+1, 1000))
		p := float64(normal+1) / float64(normal+2)
		assert.InDelta(t, min(0.99, max(0, p-(total-1)/total)*total), th.Rate(policy.High), 1e-9, "after %d Normal ones", normal)
	}
}

func TestPrioritiesBeyondTheNamedOnesKeepTheirOrder(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{Clock: fake.NewClock(), Rand: never})
	order := []policy.Priority{math.MinInt8, -3, policy.Sheddable, policy.Critical, 3, math.MaxInt8}
	for _, class := range order {
		fill(th, class, 8, 2)
	}
	// 60 requests, 12 accepts: p is 36/61, which covers three classes and a half.
	sixth := 1. / 6
	for i, want := range []float64{0.99, 0.99, 0.99, (36./61 - 3*sixth) / sixth, 0, 0} {
		assert.InDelta(t, want, th.Rate(order[i]), 1e-12, "priority %d", order[i])
	}
}

func TestIgnoredCallsAreInNoShare(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{Clock: fake.NewClock(), Rand: never})
	p, err := th.Acquire(policy.WithPriority(context.Background(), policy.Low))
	require.NoError(t, err)
	p.Record(policy.Ignored)
	fill(th, policy.Normal, 20, 0)
	assert.InDelta(t, 20./21, th.Rate(policy.Normal), 1e-12)
}
