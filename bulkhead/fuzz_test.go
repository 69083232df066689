package bulkhead_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/policy"
)

// FuzzConfig checks that a config either panics with Validate's error, or makes a gate
// that admits Limit calls at a time, refuses or queues the next, and keeps none of them
// at the end.
func FuzzConfig(f *testing.F) {
	for _, n := range []int64{0, 1, -1, 3, 1e9, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64, math.MinInt64} {
		f.Add(n, n, n, uint8(n), n, n, int8(n), false)
		f.Add(int64(1), n, int64(0), uint8(0), int64(0), int64(0), int8(n), true)
		f.Add(int64(2), int64(1), n, uint8(1), int64(5e6), int64(1e8), int8(-n), false)
		f.Add(int64(3), int64(9), int64(1e9), uint8(2), int64(5e6), n, int8(1), true)
	}
	f.Fuzz(func(t *testing.T, limit, maxQueue, maxWait int64, order uint8, target, interval int64, priority int8, speculative bool) {
		cfg := bulkhead.Config{
			Limit: int(limit), MaxQueue: int(maxQueue), MaxWait: time.Duration(maxWait), Order: bulkhead.Order(order),
			Delay: bulkhead.CoDel{Target: time.Duration(target), Interval: time.Duration(interval)},
		}
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { bulkhead.NewGate(cfg) })
			return
		}
		synctest.Test(t, func(t *testing.T) { useAll(t, cfg, policy.Priority(priority), speculative) })
	})
}

// useAll fills a gate if it is small enough, and starts one more call.
func useAll(t *testing.T, cfg bulkhead.Config, p policy.Priority, speculative bool) {
	g := bulkhead.NewGate(cfg)
	if cfg.Limit > 100 {
		g.SetLimit(100)
	}
	places := take(t, g, g.Snapshot().Limit)
	_, ok := g.TryAcquire()
	require.False(t, ok)
	ctx := policy.WithPriority(context.Background(), p)
	if speculative {
		ctx = policy.WithSpeculative(ctx)
	}
	v := come(ctx, g)
	synctest.Wait()
	queues := cfg.MaxQueue > 0 && !speculative
	require.Equal(t, queues, v.waits())
	if queues {
		patience := cfg.MaxWait
		if cfg.Delay.Interval > 0 && (patience == 0 || cfg.Delay.Interval < patience) {
			patience = cfg.Delay.Interval
		}
		if patience > 0 && patience < 1<<40 {
			time.Sleep(patience)
			synctest.Wait()
			require.True(t, isFull(v.err))
		} else {
			places[0].Release()
			synctest.Wait()
			require.True(t, v.isIn())
		}
	}
	v.leaves()
	for _, p := range places {
		p.Release()
	}
	require.True(t, g.Idle())
	require.Equal(t, len(places), g.Snapshot().Limit)
}
