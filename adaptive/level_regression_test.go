package adaptive_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
)

// Reconfigure makes the first probe of a pair a bound, and so the second one the same limit.
// Two windows at one limit have no slope: 0/0 would be the base from then on.
func TestAClimberGoesOnAfterItsProbeBecomesABound(t *testing.T) {
	constant := func(int) time.Duration { return 20 * ms }
	for name, c := range map[string]struct {
		windows, limit int
		bound          func(*adaptive.Config)
	}{
		"Min": {1, 22, func(c *adaptive.Config) { c.Min, c.Initial = 22, 22 }},
		"Max": {5, 21, func(c *adaptive.Config) { c.Max, c.Initial = 21, 21 }},
	} {
		r := newRig(t, adaptive.Config{Initial: 20, Max: 60})
		r.limits(c.windows, constant)
		require.Equal(t, c.limit, r.Limit(), name)
		cfg := r.Config()
		c.bound(&cfg)
		require.NoError(t, r.Reconfigure(cfg))
		require.Equal(t, c.limit, r.Limit(), name)
		seen := map[int]bool{}
		for range 200 {
			require.GreaterOrEqual(t, r.Limit(), cfg.Min, name)
			require.LessOrEqual(t, r.Limit(), cfg.Max, name)
			seen[r.Limit()] = true
			r.wave(r.Limit(), constant(0))
		}
		assert.Greater(t, len(seen), 1, "%s: it tries other limits", name)
	}
}

// The first half of a pair is of no use once the limit has been fixed for a while.
func TestAClimberForgetsHalfAPairWhileMinIsMax(t *testing.T) {
	constant := func(int) time.Duration { return 20 * ms }
	r := newRig(t, adaptive.Config{Initial: 20})
	require.Equal(t, []int{22, 18}, r.limits(2, constant))
	cfg := r.Config()
	cfg.Min, cfg.Initial, cfg.Max = 18, 18, 18
	require.NoError(t, r.Reconfigure(cfg))
	for range 10 {
		r.wave(18, constant(0))
	}
	cfg.Min, cfg.Max = 1, 1000
	require.NoError(t, r.Reconfigure(cfg))
	require.Equal(t, 18, r.Limit())
	assert.Equal(t, []int{20, 16, 20, 19}, r.limits(4, constant), "two pairs, and the first probe of a step up")
}
