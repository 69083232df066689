package chaos_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// FuzzConfig checks that Validate and the constructors either refuse a config with the same
// text, or that its calls act exactly if the draw is less than the rate.
func FuzzConfig(f *testing.F) {
	for _, n := range []float64{0, 0.5, 1, -1, 2, math.NaN(), math.Inf(1), math.SmallestNonzeroFloat64, math.Nextafter(1, 0)} {
		f.Add(n, 0.0, 0.25, uint64(0), int64(0), uint8(0))
		f.Add(0.0, n, 0.5, uint64(7), int64(1), uint8(1))
		f.Add(0.5, 0.0, n, uint64(0), int64(math.MaxInt64), uint8(3))
		f.Add(n, n, n, uint64(math.MaxUint64), int64(math.MinInt64), uint8(15))
	}
	f.Fuzz(func(t *testing.T, rate, varying, draw float64, seed uint64, delay int64, flags uint8) {
		clk := fake.NewClock(fake.AutoAdvance())
		cfg := chaos.Config{Rate: rate, Seed: seed, Enabled: flags&1 > 0, Clock: clk}
		if flags&2 > 0 {
			cfg.Rand = func() float64 { return draw } // whatever it returns is clamped to [0,1)
		}
		if flags&4 > 0 {
			cfg.RateFunc = func(context.Context) float64 { return varying }
		}
		if flags&8 > 0 {
			cfg.When = func(context.Context) bool { return flags&16 > 0 }
		}
		fail := func(context.Context) error { return errDown }
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { chaos.Fault[int](cfg, fail) })
			return
		}
		on := flags&1 > 0
		if flags&8 > 0 {
			on = flags&16 > 0
		}
		share := rate
		if flags&4 > 0 {
			share = math.Min(math.Max(varying, 0), 1) // NaN stays NaN, which no draw is less than
		}
		fault, slow := chaos.Fault[int](cfg, fail), chaos.Latency[int](cfg, lasting(time.Duration(delay)))
		for _, p := range []policy.Policy[int]{fault, chaos.Mix(fault)} {
			_, err := p.Execute(t.Context(), policy.CallOf(answer(1)))
			hit := errors.Is(err, chaos.ErrInjected)
			require.Equal(t, hit, err != nil)
			switch {
			case !on || share == 0 || math.IsNaN(share):
				require.False(t, hit)
			case share == 1:
				require.True(t, hit)
			case cfg.Rand != nil && p == policy.Policy[int](fault):
				require.Equal(t, !(draw >= share), hit) // share is neither 0 nor 1
			}
		}
		begun := clk.Now()
		_, err := slow.Do(t.Context(), answer(1))
		require.NoError(t, err)
		if s := slow.Snapshot(); s.Injected > 0 {
			require.Positive(t, delay)
			require.True(t, clk.Now().After(begun))
		} else {
			require.Equal(t, begun, clk.Now())
		}
	})
}
