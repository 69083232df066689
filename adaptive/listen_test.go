package adaptive_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/policy"
)

func TestOnChangeOfANewConfigHearsLaterChanges(t *testing.T) {
	var before, after heard
	r := newRig(t, adaptive.Config{Initial: 10, Target: 50 * ms, OnChange: before.hear})
	r.wave(10, 60*ms)
	cfg := r.Config()
	cfg.OnChange = after.hear
	require.NoError(t, r.Reconfigure(cfg))
	r.wave(9, 60*ms)
	r.wave(9, 60*ms)
	before.follows(t, 10, 9)
	after.follows(t, 9, r.Limit())
	assert.NotEmpty(t, after.all)
	cfg.OnChange = nil
	require.NoError(t, r.Reconfigure(cfg))
	heard := len(after.all)
	r.wave(r.Limit(), 60*ms)
	r.wave(r.Limit(), 60*ms)
	assert.Len(t, after.all, heard)
}

// The limit moves while OnChange runs, and OnChange then ends its goroutine: the goroutine
// delivers the second change before it ends.
func TestAChangeDuringAnOnChangeThatEndsItsGoroutineIsHeard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var h heard
		l := adaptive.NewLimiter(adaptive.Config{
			Initial: 10, Target: 1, MinCalls: 1, Window: 1,
			OnChange: func(c adaptive.Change) {
				h.hear(c)
				if c.From == 10 {
					time.Sleep(time.Minute)
				}
				runtime.Goexit()
			},
		})
		slow := func() {
			p, err := l.Acquire(context.Background())
			assert.NoError(t, err)
			time.Sleep(time.Second)
			p.Record(policy.Success)
		}
		go slow()
		time.Sleep(2 * time.Second)
		slow()
		require.Equal(t, 8, l.Limit())
		time.Sleep(time.Hour)
		synctest.Wait()
		h.follows(t, 10, 8)
		assert.Len(t, h.all, 2)
	})
}

// The window after a move begins with the move, also with the shortest Target there is.
func TestAWindowOfAIMDBeginsWithTheMoveBeforeIt(t *testing.T) {
	r := newRig(t, adaptive.Config{Initial: 10, Target: 1})
	r.wave(10, 20*ms)
	require.Equal(t, 9, r.Limit())
	r.clk.Advance(10 * ms)
	r.wave(9, 0)
	r.wave(1, 0)
	assert.Equal(t, 10, r.Limit())
}

func TestASuccessThatNoClassifierDecidesIsASample(t *testing.T) {
	undecided := adaptive.Config{Classify: func(error) policy.Outcome { return policy.Undecided }}
	typed := func(a *adaptive.Adaptive[int]) *adaptive.Adaptive[int] {
		return a.WithClassifier(func(int, error) policy.Outcome { return policy.Undecided })
	}
	for _, cfg := range []adaptive.Config{{}, undecided} {
		assert.True(t, lowers(t.Context(), t, 60*ms, nil, cfg, typed))
		assert.True(t, lowers(t.Context(), t, 60*ms, nil, cfg))
		assert.False(t, lowers(t.Context(), t, 40*ms, nil, cfg, typed))
	}
}
