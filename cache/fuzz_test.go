package cache_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
)

// FuzzCache plays programs of calls, changes and time against the model.
func FuzzCache(f *testing.F) {
	f.Add([]byte{1, 0, 1, 0, 0, 0, 5, 0, 9, 60, 0, 0, 3, 1, 0, 9, 90, 0, 0, 0, 0, 0, 14, 0, 15})
	f.Add([]byte{3, 1, 0, 1, 0, 0, 2, 1, 9, 120, 1, 0, 3, 60, 1, 15, 1, 0, 4, 1, 1, 9, 255, 1, 0, 4, 2})
	f.Add([]byte{2, 1, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 2000 {
			return
		}
		synctest.Test(t, func(t *testing.T) { play(t, program) })
	})
}

// FuzzConfig checks that a config that Validate accepts works, and that New panics with
// the error of Validate otherwise.
func FuzzConfig(f *testing.F) {
	f.Add(int64(time.Minute), int64(time.Hour), int64(0), int64(time.Second), 0.1, int64(0), int64(0), 0)
	f.Add(int64(1), int64(1), int64(1), int64(1), 1.0, int64(1), int64(1), 1)
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MaxInt64), -1.0, int64(math.MaxInt64), int64(math.MaxInt64), 5)
	f.Add(int64(0), int64(-1), int64(-1), int64(-1), math.NaN(), int64(-1), int64(-1), -1)
	f.Fuzz(func(t *testing.T, ttl, stale, keep, negative int64, jitter float64, timeout, cooldown int64, most int) {
		clk := fake.NewClock()
		cfg := config{
			Key: keyIn[string], TTL: time.Duration(ttl), Stale: time.Duration(stale), StaleIfError: time.Duration(keep),
			NegativeTTL: time.Duration(negative), Jitter: jitter, RefreshTimeout: time.Duration(timeout), Cooldown: time.Duration(cooldown),
			MaxEntries: most, Clock: clk,
		}
		if negative > 0 {
			cfg.Negative = isMissing
		}
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { cache.New(cfg) })
			return
		}
		c, calls, ctx := cache.New(cfg), 0, with(t.Context(), "a")
		do := func(result error) (int, error) {
			return c.Do(ctx, func(context.Context) (int, error) { calls++; return calls, result })
		}
		v, err := do(nil)
		require.NoError(t, err)
		require.Equal(t, 1, v)
		v, err = do(errDown)
		require.NoError(t, err, "it is fresh for a nanosecond at least")
		require.Equal(t, 1, v)
		clk.Advance(time.Duration(ttl))
		v, err = do(errDown)
		require.NoError(t, c.Close(t.Context()))
		require.Equal(t, 2, calls)
		if stale == 0 && keep == 0 {
			require.ErrorIs(t, err, errDown)
		} else if jitter == cache.NoJitter {
			require.NoError(t, err)
			require.Equal(t, 1, v)
		}
		require.NoError(t, c.Delete(ctx, "a"))
		require.Zero(t, c.Snapshot().Entries)
	})
}
