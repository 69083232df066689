package throttle_test

import (
	"testing"
	"testing/synctest"
	"time"

	bclock "github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

func TestTheWindowIsMeasuredOnTheThrottlesClock(t *testing.T) {
	for name, build := range map[string]func() (policy.Clock, func(time.Duration)){
		"fake":        func() (policy.Clock, func(time.Duration)) { c := fake.NewClock(); return c, c.Advance },
		"benbjohnson": func() (policy.Clock, func(time.Duration)) { c := bclock.NewMock(); return c, c.Add },
		"synctest":    func() (policy.Clock, func(time.Duration)) { return nil, time.Sleep },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clk, pass := build()
				th := filled(throttle.Config{Window: time.Minute, Clock: clk, Rand: always}, 10, 0)
				pass(time.Minute - 1)
				_, err := th.Acquire(t.Context())
				require.ErrorIs(t, err, throttle.ErrThrottled)
				pass(1)
				_, err = th.Acquire(t.Context())
				require.NoError(t, err)
				assert.EqualValues(t, 1, th.Snapshot().Requests, "the rejected one")
			})
		})
	}
}

// A program's throttle is a package variable, and each test has a bubble of its own.
func TestAThrottleMadeOutsideOfABubbleWorksInEachBubble(t *testing.T) {
	th := filled(throttle.Config{Window: time.Minute, Rand: always}, 10, 0)
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			_, err := th.Acquire(t.Context())
			require.NoError(t, err, "what was counted outside is not in the window")
			fill(th, policy.Normal, 10, 0)
			_, err = th.Acquire(t.Context())
			require.ErrorIs(t, err, throttle.ErrThrottled)
			time.Sleep(time.Minute)
			_, err = th.Acquire(t.Context())
			require.NoError(t, err)
		})
	}
}

func TestAClockSetBackFarBeginsAnew(t *testing.T) {
	clk := fake.NewClock()
	clk.Advance(time.Hour)
	th := filled(throttle.Config{Window: time.Minute, Clock: clk, Rand: always}, 10, 0)
	_, err := th.Acquire(t.Context())
	require.ErrorIs(t, err, throttle.ErrThrottled)
	clk.Set(clk.Now().Add(-10 * time.Minute))
	_, err = th.Acquire(t.Context())
	require.NoError(t, err)
	fill(th, policy.Normal, 10, 0)
	_, err = th.Acquire(t.Context())
	require.ErrorIs(t, err, throttle.ErrThrottled)
}

// After the clock was set back, all that was counted is ahead of it. The accepts are still
// forgotten before the failures.
func TestFailuresBeforeAClockWasSetBackAreNoticed(t *testing.T) {
	clk := fake.NewClock()
	begin := clk.Now()
	th := throttle.NewThrottle(throttle.Config{Window: 100 * time.Second, Clock: clk, Rand: always})
	clk.Advance(50 * time.Second)
	fill(th, policy.Normal, 0, 10)
	clk.Advance(10 * time.Second)
	fill(th, policy.Normal, 10, 0)
	clk.Set(begin)
	_, err := th.Acquire(t.Context())
	require.NoError(t, err, "half of the requests were accepted")
	clk.Advance(155 * time.Second)
	require.Positive(t, th.Rate(policy.Normal))
	_, err = th.Acquire(t.Context())
	require.ErrorIs(t, err, throttle.ErrThrottled)
}
