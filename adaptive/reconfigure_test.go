package adaptive_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestAnInvalidReconfigurationChangesNothing(t *testing.T) {
	clk := fake.NewClock()
	l := adaptive.NewLimiter(adaptive.Config{Name: "search", Initial: 30, Clock: clk})
	was := l.Config()
	bad := adaptive.Config{Name: "search", Min: 5, Max: 3, Clock: clk}
	assert.Equal(t, bad.Validate(), l.Reconfigure(bad))
	assert.EqualError(t, l.Reconfigure(adaptive.Config{Name: "ads", Max: 3, Clock: clk}),
		`adaptive: Config.Name is "ads", want "search": a limiter keeps its name`)
	assert.EqualError(t, l.Reconfigure(adaptive.Config{Name: "search", Max: 3}),
		`adaptive: Config.Clock is <nil>, want the *fake.Clock that limiter "search" was made with: a limiter keeps its clock`)
	assert.Equal(t, was, l.Config())
	assert.Equal(t, 30, l.Limit())
}

func TestALimitThatWasLearnedStaysWithinNewBounds(t *testing.T) {
	var h heard
	r := newRig(t, adaptive.Config{Initial: 20, Target: 50 * ms, OnChange: h.hear})
	for range 3 {
		r.wave(20, 10*ms)
		r.wave(r.Limit(), 10*ms)
	}
	learned := r.Limit()
	require.Greater(t, learned, 20)
	cfg := r.Config()
	cfg.Initial, cfg.Min, cfg.Max = 40, 2, 60
	require.NoError(t, r.Reconfigure(cfg))
	assert.Equal(t, learned, r.Limit(), "Initial is of the past")
	before := len(h.all)
	cfg.Min, cfg.Max = 35, 50
	require.NoError(t, r.Reconfigure(cfg))
	assert.Equal(t, 35, r.Limit())
	cfg.Initial, cfg.Min, cfg.Max = 0, 1, 5
	require.NoError(t, r.Reconfigure(cfg))
	assert.Equal(t, 5, r.Limit())
	require.Len(t, h.all, before+2, "OnChange is told")
	assert.Equal(t, adaptive.Change{From: 35, To: 5, At: r.clk.Now()}, h.all[before+1])
}

func TestHoldersStayWhenMaxIsLowered(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 20, Target: 50 * ms})
	permits := r.take(20)
	cfg := r.Config()
	cfg.Initial, cfg.Max = 0, 3
	require.NoError(t, r.Reconfigure(cfg))
	assert.Equal(t, 20, r.Snapshot().InUse)
	recordAll(permits[:17], policy.Ignored)
	_, err := r.Acquire(t.Context())
	require.ErrorIs(t, err, adaptive.ErrLimited)
	recordAll(permits[17:], policy.Ignored)
	r.take(3)
}

func TestAWindowOfTheSameShapeGoesOn(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 20, Target: 50 * ms})
	for range 9 {
		require.NoError(t, r.call(t.Context(), 100*ms, nil))
	}
	cfg := r.Config()
	cfg.Quantile, cfg.Max, cfg.MaxQueue = 0.5, 30, 5
	require.NoError(t, r.Reconfigure(cfg))
	require.NoError(t, r.call(t.Context(), 100*ms, nil))
	assert.Equal(t, 18, r.Limit(), "the tenth call closes the window")
}

func TestAnotherShapeOfWindowStartsAnew(t *testing.T) {
	for name, change := range map[string]func(*adaptive.Config){
		"Target":   func(c *adaptive.Config) { c.Target++ },
		"Window":   func(c *adaptive.Config) { c.Window++ },
		"MinCalls": func(c *adaptive.Config) { c.MinCalls = 11 },
	} {
		r := newRig(t, adaptive.Config{Initial: 20, Target: 50 * ms})
		permits := r.take(2)
		for range 9 {
			require.NoError(t, r.call(t.Context(), 100*ms, nil))
		}
		cfg := r.Config()
		change(&cfg)
		require.NoError(t, r.Reconfigure(cfg))
		recordAll(permits, policy.Success) // calls in flight count
		for range cfg.MinCalls - 3 {
			require.NoError(t, r.call(t.Context(), 100*ms, nil))
		}
		assert.Equal(t, 20, r.Limit(), name)
		require.NoError(t, r.call(t.Context(), 100*ms, nil))
		assert.Equal(t, 18, r.Limit(), name)
	}
}

func TestWaitersStayWhenALimiterIsReconfigured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, permit := taken(t, adaptive.Config{MaxQueue: 2, MaxWait: time.Second})
		got := make(chan error, 1)
		go func() {
			p, err := l.Acquire(t.Context())
			p.Record(policy.Ignored)
			got <- err
		}()
		synctest.Wait()
		cfg := l.Config()
		cfg.MaxQueue, cfg.MaxWait = 0, 0
		require.NoError(t, l.Reconfigure(cfg))
		_, err := l.Acquire(t.Context())
		require.ErrorIs(t, err, adaptive.ErrLimited)
		permit.Record(policy.Ignored)
		assert.NoError(t, <-got)
	})
}

func TestALimitThatOnlyAReconfigurationMovedIsIdle(t *testing.T) {
	for _, target := range []time.Duration{0, 50 * ms} {
		r := newRig(t, adaptive.Config{Initial: 20, Target: target})
		cfg := r.Config()
		cfg.Initial, cfg.Max = 10, 10
		require.NoError(t, r.Reconfigure(cfg))
		assert.True(t, r.Idle())
		cfg.Initial, cfg.Max = 10, 100
		require.NoError(t, r.Reconfigure(cfg))
		for range 3 {
			r.wave(r.Limit(), 10*ms)
		}
		assert.NotEqual(t, 10, r.Limit())
		assert.False(t, r.Idle(), "a limit that was learned is worth keeping")
	}
}

// Calls beside reconfigurations of every kind, on all cores, of more callers than places. The
// reconfigurations go on until all calls have ended.
func TestNoPlaceIsLostWhileALimiterIsReconfigured(t *testing.T) {
	const goroutines, each, most = 80, 50, 60
	var h heard
	cfg := adaptive.Config{Initial: 20, Max: most, MinCalls: 1, Window: 1, OnChange: h.hear}
	l := adaptive.NewLimiter(cfg)
	a := adaptive.New[int](l)
	var in, admitted, refused atomic.Int64
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range each {
				_, err := a.Do(t.Context(), func(context.Context) (int, error) {
					assert.LessOrEqual(t, in.Add(1), int64(most))
					runtime.Gosched()
					in.Add(-1)
					admitted.Add(1)
					return 1, nil
				})
				if err != nil {
					assert.ErrorIs(t, err, adaptive.ErrLimited)
					refused.Add(1)
					runtime.Gosched()
				}
			}
		})
	}
	all.Go(func() {
		rnd := rand.New(rand.NewPCG(2, 2))
		for n := 0; n < 600 || admitted.Load()+refused.Load() < goroutines*each; n++ {
			cfg := adaptive.Config{Min: 1 + rnd.IntN(5), MinCalls: 1 + rnd.IntN(3), Window: 1, MaxQueue: rnd.IntN(3), OnChange: h.hear}
			cfg.Max = cfg.Min + rnd.IntN(most-cfg.Min)
			cfg.Target = time.Duration(rnd.IntN(2)) * 20 * time.Microsecond
			assert.NoError(t, l.Reconfigure(cfg))
			limit := l.Limit()
			assert.True(t, limit >= 1 && limit <= most, "%d", limit)
			runtime.Gosched()
		}
	})
	all.Wait()
	cfg.MaxQueue = 0
	require.NoError(t, l.Reconfigure(cfg))
	s := l.Snapshot()
	assert.Zero(t, s.InUse)
	assert.Equal(t, admitted.Load(), s.Admitted)
	assert.Equal(t, refused.Load(), s.Rejected)
	limit := 20
	for _, c := range h.all {
		require.Equal(t, limit, c.From, "the changes are in order, and none is missing")
		limit = c.To
	}
	assert.Equal(t, s.Limit, limit)
	for range s.Limit {
		_, err := l.Acquire(policy.WithSpeculative(t.Context()))
		require.NoError(t, err)
	}
}
