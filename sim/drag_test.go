package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

func TestDragMakesABusyReplicaSlower(t *testing.T) {
	run := func(drag float64) *sim.Result {
		r, err := sim.Run(t.Context(), sim.Scenario{
			Duration: 10 * time.Second,
			Clients:  []sim.Client{{Burst: 10, Calls: "api"}},
			Services: []sim.Service{{Name: "api", Workers: 10, ServiceTime: sim.Constant(100 * time.Millisecond), Drag: drag}},
		})
		require.NoError(t, err)
		return r.Results[0]
	}
	assert.Equal(t, 100*time.Millisecond, run(0).Before.Mean)
	// The first finds itself in the replica, the last finds ten.
	assert.Equal(t, 650*time.Millisecond, run(1).Before.Mean)
}

func TestRefusalsCarryTheServicesHint(t *testing.T) {
	var hints []time.Duration
	_, err := sim.Run(t.Context(), sim.Scenario{
		Duration: time.Second,
		Clients: []sim.Client{{Burst: 3, Do: func(ctx context.Context) error {
			for _, name := range []string{"down", "full", "silent"} {
				if err := sim.Call(ctx, name); err != nil {
					d, _ := policy.RetryAfter(err)
					hints = append(hints, d)
				}
			}
			return nil
		}}},
		Services: []sim.Service{
			{Name: "down", RetryAfter: 2 * time.Second},
			{Name: "full", Workers: 1, ServiceTime: sim.Constant(time.Hour), RetryAfter: 3 * time.Second},
			{Name: "silent"},
		},
		Faults: []sim.Fault{{For: time.Second, Service: "down", Down: true}, {For: time.Second, Service: "silent", Down: true}},
	})
	require.NoError(t, err)
	assert.ElementsMatch(t, []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second, 0, 0}, hints)
}

func TestDragAndHintsOutOfRangeAreRefused(t *testing.T) {
	err := sim.Scenario{
		Duration: time.Second, Clients: []sim.Client{{Burst: 1, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Drag: -1, RetryAfter: -1}},
	}.Validate()
	assert.ErrorContains(t, err, "Drag is -1, want 0 to 1000")
	assert.ErrorContains(t, err, "RetryAfter is -1ns, want 0 for no hint, or more")
}
