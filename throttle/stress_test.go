package throttle_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

// Many goroutines make calls of all classes. Each is counted once, and as it ended; readers
// meanwhile see no rate that there cannot be.
func TestNoRequestIsLostAmongManyCallers(t *testing.T) {
	const callers, each = 8, 4000
	th := throttle.NewThrottle(throttle.Config{Clock: fake.NewClock()})
	p := throttle.New[int](th)
	var requests, accepts atomic.Int64
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 5))
			for n := range each {
				ctx := policy.WithPriority(context.Background(), policy.Priority(rnd.IntN(5)-2))
				bad := rnd.IntN(3) == 0 || n > each/2
				_, err := p.Do(ctx, func(context.Context) (int, error) {
					if bad {
						return 0, errDown
					}
					return 1, nil
				})
				requests.Add(1)
				if err == nil {
					accepts.Add(1)
				}
				if n%100 == 0 {
					s := th.Snapshot()
					assert.True(t, s.Rate >= 0 && s.Rate <= throttle.DefaultMaxReject && s.Accepts <= s.Requests, "%+v", s)
					rate := th.Rate(policy.Priority(rnd.IntN(256) - 128))
					assert.True(t, rate >= 0 && rate <= throttle.DefaultMaxReject, "%v", rate)
				}
			}
		})
	}
	group.Wait()
	s := th.Snapshot()
	assert.Equal(t, requests.Load(), s.Requests)
	assert.Equal(t, accepts.Load(), s.Accepts)
}

// A failure and a look that finds the window in order end at the same moment, many times
// over. The failure is never forgotten: the next call is rejected.
func TestAFailureBesideALookIsNoticed(t *testing.T) {
	for range 3000 {
		clk := fake.NewClock()
		th := throttle.NewThrottle(throttle.Config{K: 1, MinCalls: 1, Window: 10 * time.Second, Clock: clk, Rand: always})
		permit, err := th.Acquire(t.Context())
		require.NoError(t, err)
		fill(th, policy.Normal, 1, 0)
		clk.Advance(10 * time.Second) // what failed is out of the window, and the next call looks
		var group sync.WaitGroup
		group.Go(func() { _, _ = th.Acquire(t.Context()) })
		group.Go(func() { permit.Record(policy.Failure) })
		group.Go(func() { _, _ = th.Acquire(t.Context()) })
		group.Wait()
		_, err = th.Acquire(t.Context())
		require.ErrorIs(t, err, throttle.ErrThrottled)
	}
}

// The first request of another class makes the ring of shares, in many goroutines at once.
func TestTheSharesSurviveTheirBeginningInManyGoroutines(t *testing.T) {
	for range 30 {
		th := throttle.NewThrottle(throttle.Config{MinCalls: 1, Clock: fake.NewClock(), Rand: never})
		fill(th, policy.Normal, 500, 0)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() { fill(th, policy.Low, 250, 0) })
		}
		group.Wait()
		require.InDelta(t, 0.99, th.Rate(policy.Low), 1e-12)
		require.Zero(t, th.Rate(policy.Normal), "the last 1,000 requests are Low")
	}
}
