package hedge_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/hedge"
)

// FuzzConfig checks that Validate and New either refuse a config with the same text, or
// that its calls start their attempts within bounds, end, and leave no goroutine or timer
// behind.
func FuzzConfig(f *testing.F) {
	for _, n := range []int64{0, 1, -1, 2, 1e6, 1e9, math.MaxInt64, math.MinInt64} {
		f.Add(n, 0.0, int64(0), int64(0), 0, 1, uint8(0), false)
		f.Add(int64(0), 0.5, n, int64(0), 1, 2, uint8(1), false)
		f.Add(int64(0), 0.99, int64(0), n, 3, 16, uint8(2), true)
		f.Add(int64(1e6), math.NaN(), n, n, int(n), int(n), uint8(3), true)
	}
	f.Fuzz(func(t *testing.T, delay int64, quantile float64, least, most int64, calls, extra int, flags uint8, fails bool) {
		cfg := hedge.Config{
			Delay: time.Duration(delay), Quantile: quantile, MinDelay: time.Duration(least), MaxDelay: time.Duration(most),
			MinCalls: calls, MaxExtra: extra, OnFailure: flags&1 > 0, Abandon: flags&2 > 0,
		}
		if flags&4 > 0 {
			cfg.HedgeIf = always
		}
		if flags&8 > 0 {
			cfg.Budget = hedge.NoBudget
		}
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { hedge.New[int](cfg) })
			return
		}
		synctest.Test(t, func(t *testing.T) {
			h := hedge.New[int](cfg)
			const takes = 10 * time.Millisecond
			for range 5 {
				var begun notes[int]
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				d := took(func() {
					v, err := h.Do(ctx, func(ctx context.Context) (int, error) {
						begun.add(hedge.Attempt(ctx))
						if fails {
							return after(takes, 0, errDown)(ctx)
						}
						return after(takes, 1, nil)(ctx)
					})
					require.Equal(t, fails, err != nil)
					require.Equal(t, !fails, v == 1)
				})
				cancel()
				runs := begun.get()
				require.LessOrEqual(t, len(runs), 1+max(1, extra))
				require.GreaterOrEqual(t, d, takes)
				require.LessOrEqual(t, d, time.Duration(len(runs))*takes)
				for n := range runs {
					require.Contains(t, runs, n+1)
				}
			}
		})
	})
}
