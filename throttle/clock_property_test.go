package throttle_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

// shown is a clock that shows any time.
type shown struct {
	policy.Clock
	at time.Time
}

func (s *shown) Now() time.Time { return s.at }

// However the clock was set before, a throttle on a clock that goes right forgets the calls
// of that time within three windows, and then throttles as a new one does.
func TestAThrottleForgetsTheCallsOfAClockThatWasWrong(t *testing.T) {
	const window = 100 * time.Second
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		clk := &shown{Clock: fake.NewClock(), at: noon}
		th := throttle.NewThrottle(throttle.Config{Window: window, Clock: clk, Rand: always})
		for range rnd.IntN(30) {
			clk.at = []time.Time{
				clk.at.Add(time.Duration(rnd.Int64N(int64(window)))),
				clk.at.Add(-time.Duration(rnd.Int64N(int64(3 * window)))),
				noon.Add(time.Duration(rnd.Int64N(int64(time.Hour)))),
				noon.Add(24*time.Hour + time.Duration(rnd.Int64N(int64(4*window)))),
				noon.AddDate(200, 0, 0),
				{},
				time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
			}[rnd.IntN(7)]
			for range rnd.IntN(30) {
				if p, err := th.Acquire(t.Context()); err == nil {
					p.Record(policy.Outcome(1 + rnd.IntN(3)))
				}
			}
		}
		clk.at = noon.Add(24 * time.Hour)
		for range 20 { // the first new bucket drops those that are too far ahead
			if p, err := th.Acquire(t.Context()); err == nil {
				p.Record(policy.Success)
			}
			clk.at = clk.at.Add(window / 10)
		}
		clk.at = clk.at.Add(window)
		require.Zero(t, th.Snapshot().Requests, "seed %d", seed)
		require.Zero(t, th.Rate(policy.Normal), "seed %d", seed)
		require.True(t, th.Idle(), "seed %d", seed)
		fill(th, policy.Normal, 10, 0)
		_, err := th.Acquire(t.Context())
		require.ErrorIs(t, err, throttle.ErrThrottled, "seed %d", seed)
		clk.at = clk.at.Add(window)
		_, err = th.Acquire(t.Context())
		require.NoError(t, err, "seed %d", seed)
	}
}
