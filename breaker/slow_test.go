package breaker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestASlowCallMayBeANanosecond(t *testing.T) {
	for name, cfg := range map[string]breaker.Config{
		"time":  {Window: time.Hour, SlowCall: 1, SlowRate: 1},
		"calls": {WindowCalls: 4, SlowCall: 1, SlowRate: 1},
	} {
		clk := fake.NewClock()
		cfg.Clock = clk
		c := breaker.NewCircuit(cfg)
		clk.Advance(time.Second)
		record(t, c, policy.Success)
		assert.Equal(t, breaker.Counts{Successes: 1}, c.Snapshot().Counts, "%s: no time has passed", name)
		p, err := c.Acquire()
		require.NoError(t, err)
		clk.Advance(1)
		p.Record(policy.Success)
		assert.Equal(t, breaker.Counts{Successes: 2, Slow: 1}, c.Snapshot().Counts, name)
	}
}
