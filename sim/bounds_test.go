package sim_test

import (
	"bytes"
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

// written is a report in all of its forms.
func written(t *testing.T, r *sim.Report) (text, page string) {
	t.Helper()
	var lines, html, rest bytes.Buffer
	require.NoError(t, r.WriteText(&lines))
	require.NoError(t, r.WriteHTML(&html))
	require.NoError(t, r.WriteSVG(&rest))
	require.NoError(t, r.WriteJSON(&rest))
	require.NoError(t, r.WriteCSV(&rest))
	require.NoError(t, r.WriteMarkdown(&rest))
	return lines.String(), html.String() + rest.String()
}

func TestTooManyCallsInFlightEndTheRun(t *testing.T) {
	defer sim.LowerCrowdMost(100)()
	parks := func(ctx context.Context) error { return policy.NewWaiter(sim.Clock(ctx)).Wait(ctx) }
	for name, c := range map[string]sim.Client{
		"arrivals": {Rate: 1000, Do: parks},
		"a burst":  {Burst: 1_000_000, Replicas: 10, Do: parks},
		"users":    {Closed: 1_000_000, Do: parks},
		"functions": {Burst: 1, Do: func(ctx context.Context) error {
			for { // and no wait in between
				policy.Go(sim.Clock(ctx), func() { _ = parks(ctx) })
			}
		}},
		"timers": {Burst: 1, Do: func(ctx context.Context) error {
			for range 1000 {
				policy.AfterFunc(sim.Clock(ctx), seconds, func() { _ = parks(ctx) })
			}
			return nil
		}},
	} {
		r, err := sim.Run(t.Context(), sim.Scenario{Duration: 10 * seconds, Clients: []sim.Client{c}})
		assert.Nil(t, r, name)
		assert.ErrorContains(t, err, `sim: variant "plain": more than 100 calls, users and functions are in progress at `, name)
		assert.ErrorContains(t, err, "give calls a timeout, bound the Queue of services, or lower Rate, Burst or Closed", name)
	}

	r, err := sim.Run(t.Context(), sim.Scenario{Duration: 10 * seconds, Clients: []sim.Client{{Burst: 100, Do: parks}}})
	require.NoError(t, err, "as many as are allowed")
	assert.EqualValues(t, 100, r.Results[0].Between(0, seconds).Calls)
}

func TestARequestOfTooManyBehindAServiceEndsTheRun(t *testing.T) {
	defer sim.LowerCrowdMost(100)()
	_, err := sim.Run(t.Context(), sim.Scenario{
		Duration: 10 * seconds, Clients: []sim.Client{{Burst: 60, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Calls: []string{"db"}}, {Name: "db", ServiceTime: sim.Constant(seconds)}},
	})
	assert.ErrorContains(t, err, "more than 100 calls, users and functions are in progress at 0s")
}

func TestARareCallDoesNotComeAtOnce(t *testing.T) {
	for _, rate := range []float64{1e-9, 1e-12, 1e-300, math.SmallestNonzeroFloat64} {
		r, err := sim.Run(t.Context(), sim.Scenario{Duration: 10 * seconds, Clients: []sim.Client{{Rate: rate, Do: func(context.Context) error { return nil }}}})
		require.NoError(t, err)
		assert.Zero(t, r.Results[0].Between(0, 10*seconds).Calls, "%v a second", rate)
	}
}

func TestAFaultMayLastForEver(t *testing.T) {
	for name, f := range map[string]sim.Fault{"down": {Down: true}, "slow": {Slow: 1e9}, "cold": {Cold: true}} {
		f.At, f.For, f.Service = 10*seconds, math.MaxInt64, "api"
		s := steady(f)
		s.Services[0].HitRatio, s.Services[0].Entries = 0.9, 1
		r, err := sim.Run(t.Context(), s)
		require.NoError(t, err)
		x := r.Results[0]
		assert.Equal(t, time.Duration(-1), x.Recovery, name)
		assert.Contains(t, x.Verdict, "the fault lasts to the end", name)
		assert.EqualValues(t, 1, x.Before.Success(), name)
		assert.InDelta(t, 2000, x.During.Calls, 300, name)
		assert.Zero(t, x.After, name)
		if f.Cold {
			assert.Zero(t, x.Services[0].Points[29].Hits, "the cache is not filled before the end of the fault")
		}
		text, _ := written(t, r)
		assert.Contains(t, text, "from 10 s to the end", name)
	}
}
