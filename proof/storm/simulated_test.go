package storm

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/proof/row"
	"github.com/ductile-go/ductile/sim"
)

var simulated = flag.Int("simulated", 60, "scenes to play in the simulator and on the fake clock")

// simulation is the ground of a simulation.
type simulation struct {
	ctx   context.Context
	clock policy.Clock
}

func (g simulation) time() policy.Clock { return g.clock }

func (g simulation) apart(all ...func()) {
	left, over := len(all), policy.NewWaiter(g.clock)
	for _, f := range all {
		policy.Go(g.clock, func() {
			f()
			if left--; left == 0 {
				over.Wake()
			}
		})
	}
	_ = over.Wait(g.ctx)
}

// rest waits for a context that ends when everything else at this instant has gone on.
func (g simulation) rest() {
	ctx, cancel := context.WithCancel(g.ctx)
	policy.Go(g.clock, cancel)
	_ = policy.NewWaiter(g.clock).Wait(ctx)
}

func (g simulation) pause(d time.Duration)  { _ = policy.Sleep(g.ctx, g.clock, d) }
func (g simulation) linger(d time.Duration) { g.pause(d) }
func (g simulation) waiters() int           { return 0 } // the run ends with its scene

// simulate plays the scene of seed in a simulation.
func simulate(t *testing.T, seed uint64) (s *scene) {
	t.Helper()
	// In a bubble, real time stands still: a pipeline without a policy that has a clock measures
	// its calls in it.
	over := false
	synctest.Test(t, func(t *testing.T) {
		_, err := sim.Run(t.Context(), sim.Scenario{
			Duration: 8 * time.Hour,
			Clients: []sim.Client{{Burst: 1, Do: func(ctx context.Context) error {
				s = newSceneOn(seed, double{}, simulation{ctx, sim.Clock(ctx)})
				s.play()
				over = true
				return nil
			}}},
		})
		require.NoError(t, err, "seed %d", seed)
		require.True(t, over, "seed %d: it came to its end", seed)
	})
	return s
}

// onFakeClock plays the same scene on the fake clock.
func onFakeClock(t *testing.T, seed uint64) (s *scene) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		s = newSceneOn(seed, double{}, bubble{fake.NewClock(fake.AutoAdvance())})
		s.play()
	})
	return s
}

// Where calls are made one after another, the simulator and the fake clock have the same history
// to the byte. Where they share a pipeline, each is held to the rules.
func TestASimulationIsAsTheFakeClock(t *testing.T) {
	var all books
	same := 0
	for i := range uint64(*simulated) {
		seed := *firstSeed + i
		s := simulate(t, seed)
		requireNoFault(t, seed, s)
		all.add(s.byReturn)
		if !s.alone {
			continue
		}
		other := onFakeClock(t, seed)
		requireNoFault(t, seed, other)
		if differs := difference(other.history.Bytes(), s.history.Bytes()); differs != "" {
			t.Fatalf("seed %d: its history in the simulator is not that on the fake clock: %s", seed, differs)
		}
		require.Equal(t, other.byReturn, s.byReturn)
		same++
	}
	require.Positive(t, same)
	row.Row{
		Searched: "the storm's pipelines in the simulator, against the fake clock",
		Amount:   fmt.Sprintf("%d calls in %d scenes, %d of them compared byte for byte", all.started(), *simulated, same),
		Seeds:    fmt.Sprintf("%d to %d", *firstSeed, *firstSeed+uint64(*simulated)-1),
		Result:   fmt.Sprintf("%+v, all accounted for", all),
	}.Print()
}
