package throttle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestAThrottleThatAcceptsEnoughIsCalm(t *testing.T) {
	th := NewThrottle(Config{Clock: fake.NewClock()})
	th.count(policy.Failure, policy.Normal)
	require.True(t, th.admits(policy.Normal))
	assert.False(t, th.mood.calm(), "the only request has failed")
	th.count(policy.Success, policy.Normal)
	require.True(t, th.admits(policy.Normal))
	assert.True(t, th.mood.calm(), "half of the requests were accepted, all of them in the bucket of now")
}

// The window that a look reads holds a failure that the call before it has not seen.
func TestALookThatFindsAFailureIsFollowedByAnother(t *testing.T) {
	clk := fake.NewClock()
	th := NewThrottle(Config{Clock: clk})
	th.count(policy.Failure, policy.Normal)
	th.calmDown(th.time.Now())
	assert.False(t, th.mood.calm())
	clk.Advance(DefaultWindow)
	th.calmDown(th.time.Now())
	assert.True(t, th.mood.calm(), "the failure has left the window")
}

// All buckets are ahead of a clock that was set back, except one. Whichever of them is read
// last, the throttle stays attentive: the accepts will leave the window before the failures.
func TestOneBucketAheadOfTheClockForbidsTheCalm(t *testing.T) {
	for start := range 10 {
		clk := fake.NewClock()
		th := NewThrottle(Config{Window: 10 * time.Second, Clock: clk})
		clk.Advance(time.Duration(start) * time.Second)
		back := clk.Now()
		th.count(policy.Success, policy.Normal)
		clk.Advance(time.Second)
		th.count(policy.Success, policy.Normal)
		clk.Advance(time.Second)
		th.count(policy.Failure, policy.Normal)
		clk.Set(back)
		require.True(t, th.admits(policy.Normal))
		assert.False(t, th.mood.calm(), "at %d s", start)
	}
}

// A ring is visible to readers before its first request is in it.
func TestARingWithoutRequestsHasNoShares(t *testing.T) {
	below, own := new(ring).of(policy.Low)
	assert.Zero(t, below)
	assert.Zero(t, own)
}
