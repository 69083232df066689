package adaptive_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// FuzzConfig checks that a config either panics with Validate's error, or makes a limiter
// whose limit stays between Min and Max whatever the calls do, which admits as many calls
// as its limit, and which has none left at the end.
func FuzzConfig(f *testing.F) {
	for _, n := range []int64{0, 1, -1, 3, 1e9, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64, math.MinInt64} {
		f.Add(n, n, n, n, float64(n), n, n, n, n, uint8(n), uint64(n))
		f.Add(int64(0), int64(0), int64(0), n, 0.5, int64(1), int64(1), int64(0), int64(0), uint8(0), uint64(n))
		f.Add(int64(3), int64(2), int64(9), int64(0), 0.0, int64(1e6), int64(2), int64(1), n, uint8(1), uint64(n))
		f.Add(n, int64(1), int64(0), int64(5e6), 1.0, int64(0), int64(5), int64(0), int64(0), uint8(0), uint64(n))
	}
	f.Fuzz(func(t *testing.T, initial, least, most, target int64, quantile float64, window, minCalls, maxQueue, maxWait int64, order uint8, seed uint64) {
		clk := fake.NewClock()
		cfg := adaptive.Config{
			Initial: int(initial), Min: int(least), Max: int(most), Target: time.Duration(target), Quantile: quantile,
			Window: time.Duration(window), MinCalls: int(minCalls), MaxQueue: int(maxQueue), MaxWait: time.Duration(maxWait),
			Order: bulkhead.Order(order), Clock: clk,
		}
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { adaptive.NewLimiter(cfg) })
			return
		}
		useAll(t, adaptive.NewLimiter(cfg), clk, seed)
	})
}

// useAll makes calls without waiting, with random latencies and outcomes.
func useAll(t *testing.T, l *adaptive.Limiter, clk *fake.Clock, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	cfg := l.Config()
	ctx := policy.WithSpeculative(context.Background()) // never waits
	outcomes := []policy.Outcome{policy.Success, policy.Success, policy.Success, policy.Failure, policy.Ignored}
	var in []*adaptive.Permit
	for range 300 {
		if len(in) > 0 && rnd.IntN(3) == 0 {
			i := rnd.IntN(len(in))
			require.True(t, in[i].Record(outcomes[rnd.IntN(len(outcomes))]))
			in = append(in[:i], in[i+1:]...)
		} else {
			full := len(in) >= l.Limit()
			p := new(adaptive.Permit)
			var err error
			*p, err = l.Acquire(ctx)
			require.Equal(t, full, err != nil)
			if err == nil {
				in = append(in, p)
			}
		}
		clk.Advance(time.Duration(rnd.Int64N(1 << rnd.IntN(40))))
		require.GreaterOrEqual(t, l.Limit(), cfg.Min)
		require.LessOrEqual(t, l.Limit(), cfg.Max)
	}
	recordAll(in, policy.Success)
	require.Zero(t, l.Snapshot().InUse)
}
