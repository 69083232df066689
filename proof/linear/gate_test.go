package linear

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/proof/row"
)

var gateFaults = []gateFault{barges, overfull, displacesOldest, keepsGrant, keepsLimit, looksFirst, losesWakeUps, alwaysIdle}

// doubleGate does what the specification says, under a lock, but for its fault.
type doubleGate struct {
	sp    gateSpec
	fault gateFault
	yield *yielder
	mu    sync.Mutex
	s     gateState
}

func newDoubleGate(sp gateSpec, f gateFault, c crew) *doubleGate {
	d := &doubleGate{sp: sp, fault: f, yield: newYielder(7, c), s: sp.begin()}
	d.s.fault = f
	return d
}

func (d *doubleGate) change(do func(s gateState) gateState) gateState {
	d.yield.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.s = do(d.s)
	return d.s
}

func (d *doubleGate) same(s gateState) gateState { return s }

func (d *doubleGate) arrive(id int, waits bool) {
	seen := d.change(d.same)
	d.change(func(s gateState) gateState {
		if d.fault == looksFirst && seen.in < seen.limit && seen.n == 0 {
			s.enter(id)
			return s
		}
		return d.sp.arrive(s, id, waits)
	})
}

func (d *doubleGate) Try(id int) gateEnd {
	d.arrive(id, false)
	if d.change(d.same).stage[id] == inside {
		return getsIn
	}
	return d.refused()
}

func (d *doubleGate) refused() gateEnd {
	d.change(func(s gateState) gateState { s.rejected++; return s })
	return isFull
}

func (d *doubleGate) Acquire(ctx context.Context, id int) (end gateEnd, came bool) {
	d.arrive(id, true)
	for {
		switch d.change(d.same).stage[id] {
		case inside, granted:
			if ctx.Err() != nil && d.change(d.same).stage[id] == granted {
				d.change(func(s gateState) gateState { return s.leave(id) })
				return hasLeft, true
			}
			d.change(func(s gateState) gateState { return s.accept(id) })
			return getsIn, true
		case turnedAway:
			return d.refused(), true
		}
		if ctx.Err() != nil {
			left := false
			d.change(func(s gateState) gateState {
				if left = s.stage[id] == queued; left {
					return s.leave(id)
				}
				return s
			})
			if left {
				return hasLeft, true
			}
		}
		d.yield.crew.pause()
	}
}

func (d *doubleGate) Release(id int) {
	d.change(func(s gateState) gateState {
		if d.fault == losesWakeUps || d.fault == barges {
			s.stage[id] = over
			s.in--
			return s
		}
		return s.release(id)
	})
	if d.fault == barges {
		d.change(func(s gateState) gateState { s.handOver(); return s })
	}
}

func (d *doubleGate) SetLimit(n int) {
	d.change(func(s gateState) gateState { return s.setLimit(n) })
}

func (d *doubleGate) Snapshot() bulkhead.Snapshot { return d.change(d.same).snapshot() }

func (d *doubleGate) Idle() bool {
	s := d.change(d.same)
	return s.in == 0 && s.n == 0 || d.fault == alwaysIdle
}

// gateModes are the gates of histories.
func gateModes() map[string]gateSpec {
	modes := map[string]gateSpec{
		"no queue":         {cfg: bulkhead.Config{Limit: 2}},
		"a queue of two":   {cfg: bulkhead.Config{Limit: 2, MaxQueue: 2}},
		"a queue of one":   {cfg: bulkhead.Config{Limit: 2, MaxQueue: 1}},
		"one out all time": {cfg: bulkhead.Config{Limit: 3, MaxQueue: 2}, held: 1},
	}
	if spreads {
		modes["cells"] = gateSpec{cfg: bulkhead.Config{Limit: 16}, held: 14}
		modes["cells and a queue"] = gateSpec{cfg: bulkhead.Config{Limit: 16, MaxQueue: 2}, held: 14}
	}
	return modes
}

// checkGate returns a picture of the history of a seed, if it has no order.
func checkGate(t *testing.T, mode string, seed uint64, c crew, build func(gateSpec) doorway) (picture string) {
	t.Helper()
	sp := gateModes()[mode]
	sp.cfg.Name = name
	rnd := rand.New(rand.NewPCG(seed, 9))
	for id := range sp.highs {
		sp.highs[id] = rnd.IntN(3) == 0
	}
	m := sp.model()
	result, info := porcupine.CheckOperationsVerbose(m, playGate(seed, sp, c, build(sp)), time.Minute)
	require.NotEqual(t, porcupine.Unknown, result, "%s, seed %d: the checker ran out of time", mode, seed)
	if result == porcupine.Ok {
		return ""
	}
	return draw(t, fmt.Sprintf("ductile-gate-%d", seed), m, info)
}

func TestEveryHistoryOfAGateHasAnOrder(t *testing.T) {
	modes := slices.Sorted(maps.Keys(gateModes()))
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			for n := range *histories {
				seed := *firstSeed + uint64(n)
				if wrong := checkGate(t, mode, seed, goroutines{}, newActualGate); wrong != "" {
					t.Fatalf("seed %d: no order of the operations explains what they returned; see %s", seed, wrong)
				}
			}
		})
	}
	if !t.Failed() {
		row.Row{
			Searched: "linearizability of a gate, " + fmt.Sprint(len(modes)) + " gates" + where,
			Amount:   fmt.Sprintf("%d histories of up to %d operations by %d callers", *histories*len(modes), clients*2*gateEach, clients),
			Seeds:    fmt.Sprintf("%d to %d", *firstSeed, *firstSeed+uint64(*histories)-1),
			Result:   "every history has an order",
		}.Print()
	}
}

// A specification that disagrees with itself would pass nothing; one that allows
// everything would pass the faulty doubles.
func TestTheCheckerFindsEachFaultOfAGate(t *testing.T) {
	raced.Skip(t, planted)
	require.Empty(t, findGateFault(t, "", 40), "a double without a fault")
	for _, f := range gateFaults {
		t.Run(string(f), func(t *testing.T) {
			picture := findGateFault(t, f, 600)
			require.NotEmpty(t, picture, "no history shows the fault")
			require.NoError(t, os.Remove(picture))
		})
	}
}

func findGateFault(t *testing.T, f gateFault, seeds uint64) (picture string) {
	t.Helper()
	for seed := range seeds {
		for _, mode := range slices.Sorted(maps.Keys(gateModes())) {
			c := newCoroutines(seed)
			picture = checkGate(t, mode, seed, c, func(sp gateSpec) doorway { return newDoubleGate(sp, f, c) })
			if picture != "" {
				return picture
			}
		}
	}
	return ""
}
