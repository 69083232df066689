package linear

import (
	"cmp"
	"flag"
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

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/proof/row"
)

// planted says why a test that looks for planted faults does not need the race detector. make
// prove runs it, also the short one.
const planted = "it checks the search, which takes ten times as long"

var (
	histories = flag.Int("histories", 25, "histories for each way to count; make prove plays more, also the short one")
	firstSeed = flag.Uint64("seed", 1, "the first seed; history n has the seed n later")
)

// modes are the ways to count and to recover, without the defaults. The circuit begins with
// the first config of its mode. If there are more, histories reconfigure it.
var modes = map[string][]breaker.Config{
	"in a row":      {{FailureThreshold: 3}},
	"one failure":   {{FailureThreshold: 1, RecoveryTimeout: 5 * unit, MaxRecoveryTimeout: 60 * unit}},
	"no wait":       {{FailureThreshold: 1, RecoveryTimeout: breaker.NoWait}},
	"time window":   {{FailureThreshold: 3, Window: 100 * unit}},
	"time rate":     {{FailureRate: 0.5, Window: 50 * unit, MinCalls: 3}},
	"call window":   {{FailureThreshold: 2, WindowCalls: 4}},
	"call rate":     {{FailureRate: 0.6, WindowCalls: 5, MinCalls: 3}},
	crowd:           {{FailureRate: 0.5, WindowCalls: 24, MinCalls: 5}},
	"slow in time":  {{SlowCall: 20 * unit, SlowRate: 0.5, FailureThreshold: 4, Window: 100 * unit, MinCalls: 2}},
	"slow in last":  {{SlowCall: 20 * unit, SlowRate: 0.5, FailureThreshold: 4, WindowCalls: 5, MinCalls: 2}},
	"slow probes":   {{SlowCall: 10 * unit, SlowRate: 1, FailureThreshold: 2, WindowCalls: 5, MinCalls: 2, ProbeCalls: 3, ProbeFailureRate: 0.5}},
	"two to close":  {{FailureThreshold: 1, SuccessThreshold: 2}},
	"three probes":  {{FailureThreshold: 1, ProbeCalls: 3, ProbeFailureRate: 0.5}},
	"shadow":        {{FailureThreshold: 1, Shadow: true, SuccessThreshold: 2}},
	"a row changes": {{FailureThreshold: 3}, {FailureThreshold: 2, HalfOpenMaxCalls: 1}, {FailureThreshold: 3, RecoveryTimeout: 30 * unit, SuccessThreshold: 2}},
	"growth changes": {
		{FailureThreshold: 1, RecoveryTimeout: 5 * unit, MaxRecoveryTimeout: 60 * unit},
		{FailureThreshold: 1, RecoveryTimeout: 10 * unit, MaxRecoveryTimeout: 20 * unit},
	},
	"a window changes": {
		{FailureThreshold: 3, Window: 100 * unit}, {FailureThreshold: 2, Window: 100 * unit}, {FailureThreshold: 3, WindowCalls: 4},
	},
	"a rate changes": {
		{FailureRate: 0.6, WindowCalls: 5, MinCalls: 3}, {FailureRate: 0.3, WindowCalls: 5, MinCalls: 2}, {FailureRate: 0.6, WindowCalls: 3, MinCalls: 3},
	},
	"a row becomes a window of calls": {{FailureThreshold: 3}, {FailureThreshold: 2, WindowCalls: 4}},
	"a row becomes a window":          {{FailureThreshold: 3}, {FailureThreshold: 2, WindowCalls: 4}, {FailureThreshold: 2, Window: 100 * unit}},
	"what is slow changes": {
		{SlowCall: 20 * unit, SlowRate: 0.5, FailureThreshold: 4, WindowCalls: 5, MinCalls: 2},
		{SlowCall: 10 * unit, SlowRate: 0.5, FailureThreshold: 4, WindowCalls: 5, MinCalls: 2},
	},
	"probes change":  {{FailureThreshold: 1, ProbeCalls: 3, ProbeFailureRate: 0.5}, {FailureThreshold: 1, ProbeCalls: 2, ProbeFailureRate: 1}},
	"shadow changes": {{FailureThreshold: 1, Shadow: true}, {FailureThreshold: 1}, {FailureThreshold: 1, Shadow: true, ProbeCalls: 2, ProbeFailureRate: 0.5}},
}

// crowd is the mode whose histories record many calls in a window that is never full.
const crowd = "a crowd in a window"

// besideIn reports whether Reconfigure may run beside the other operations of a history. It
// may not if the configs have a time window or a SlowCall; see the package doc. Such circuits
// are reconfigured between phases, as are those of a quarter of the other histories.
func besideIn(cfgs []breaker.Config) bool {
	return len(cfgs) > 1 && !slices.ContainsFunc(cfgs, func(c breaker.Config) bool { return c.Window > 0 || c.SlowCall > 0 })
}

// times returns how many times as many histories of a mode there are. Those of a crowd are
// short, and few hold a client where it matters.
func times(name string) int {
	if name == crowd {
		return 5
	}
	return 1
}

func mode(name string) []breaker.Config {
	cfgs := slices.Clone(modes[name])
	for i := range cfgs {
		cfg := &cfgs[i]
		cfg.RecoveryTimeout = cmp.Or(cfg.RecoveryTimeout, 15*unit)
		cfg.HalfOpenMaxCalls = cmp.Or(cfg.HalfOpenMaxCalls, 2)
		if cfg.ProbeCalls == 0 {
			cfg.SuccessThreshold = max(1, cfg.SuccessThreshold)
		}
	}
	return cfgs
}

// check plays and checks one history. It returns "" if the history has an order, the path of
// a picture if it has none, or what else is wrong with it.
func check(t *testing.T, name string, seed uint64, c crew, build build) (wrong string) {
	t.Helper()
	cfgs := mode(name)
	ops, miscounted := play(write(seed, name == crowd, besideIn(cfgs) && seed%4 != 0), cfgs, c, build)
	if miscounted > 0 {
		return fmt.Sprintf("%d permits were not counted once", miscounted)
	}
	m := spec{cfgs}.model()
	result, info := porcupine.CheckOperationsVerbose(m, ops, time.Minute)
	require.NotEqual(t, porcupine.Unknown, result, "%s, seed %d: the checker ran out of time", name, seed)
	if result == porcupine.Ok {
		return ""
	}
	return draw(t, fmt.Sprintf("ductile-history-%d", seed), m, info)
}

// draw writes a picture of a history and returns its path. Each has a file of its own: other
// runs on the machine draw the same histories.
func draw(t *testing.T, name string, m porcupine.Model, info porcupine.LinearizationInfo) (path string) {
	t.Helper()
	file, err := os.CreateTemp("", name+"-*.html")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, porcupine.VisualizePath(m, info, file.Name()))
	return file.Name()
}

func TestEveryHistoryIsLinearizable(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(modes)) {
		t.Run(name, func(t *testing.T) {
			for n := range *histories * times(name) {
				seed := *firstSeed + uint64(n)
				if wrong := check(t, name, seed, goroutines{}, newActual); wrong != "" {
					t.Fatalf("seed %d: no order of the operations explains what they returned; see %s", seed, wrong)
				}
			}
		})
	}
	if !t.Failed() {
		row.Row{
			Searched: "linearizability of a circuit, " + fmt.Sprint(len(modes)) + " ways to count and recover" + where,
			Amount:   fmt.Sprintf("%d histories of up to %d operations by %d callers", *histories*len(modes), clients*phases*each, clients),
			Seeds:    fmt.Sprintf("%d to %d", *firstSeed, *firstSeed+uint64(*histories)-1),
			Result:   "every history has an order",
		}.Print()
	}
}

// An Acquire moves an open circuit that does not wait as often as another client trips it.
func TestAnAcquireMayMoveACircuitMoreThanOnce(t *testing.T) {
	cfgs := mode("no wait")
	r := &recorder{spec: spec{cfgs}, script: &script{}}
	r.clk = &jumpy{Clock: fake.NewClock(), crew: goroutines{}, rnd: rand.New(rand.NewPCG(1, 2))}
	circuit := newActual(cfgs, r.clk).(*actual)
	r.on = circuit
	trips := func(client int, d time.Duration) {
		r.note(client, func() output { r.on.Trip(d, given); return output{} }, input{kind: trip, d: d})
	}
	again := []time.Duration{0, unit}
	circuit.Watch(func(m breaker.Transition) {
		if m.To == breaker.HalfOpen {
			d := again[0]
			again = again[1:]
			trips(0, d)
		}
	})
	trips(1, 0)
	require.Empty(t, r.acquire(1, nil))
	require.Empty(t, again)
	r.rest()
	overlap(r.ops)
	model := r.spec.model()
	require.False(t, porcupine.CheckOperations(model, r.ops))
	r.lookAgain()
	require.True(t, porcupine.CheckOperations(model, r.ops))
}

// A client may be held while it has a lock that the others need.
func TestAHoldEndsWhenTheOthersWaitForTheClientThatIsHeld(t *testing.T) {
	var h holdUp
	h.begin(1)
	var mu sync.Mutex
	mu.Lock()
	waits := func() {
		mu.Lock()
		defer mu.Unlock()
		h.finished.Add(1)
	}
	goroutines{}.together(waits, waits, func() {
		h.maybe(goroutines{}.pause)
		mu.Unlock()
	})
	require.EqualValues(t, clients-1, h.finished.Load())
}

// A specification that contradicts itself would reject the double without a fault. One that
// allows everything would accept the faulty doubles.
func TestTheCheckerFindsEachFaultyDouble(t *testing.T) {
	raced.Skip(t, planted)
	require.Empty(t, findFault(t, ""), "a double without a fault")
	for _, fault := range faults {
		t.Run(string(fault), func(t *testing.T) {
			picture := findFault(t, fault)
			require.NotEmpty(t, picture, "no history shows the fault")
			if fault == countsTwice {
				require.Contains(t, picture, "not counted once")
				return
			}
			html, err := os.ReadFile(picture)
			require.NoError(t, err)
			require.Contains(t, string(html), "Acquire")
			require.NoError(t, os.Remove(picture))
		})
	}
}

// rarely are the faults that few histories show, since a client must be overtaken at one of few
// moments or the circuit must count in one of few ways, and for each a mode that may show it.
var rarely = map[fault]string{
	invents: crowd, losesTrip: "growth changes", oldPlaces: "a row changes", oldVerdict: "probes change",
	forgets: "a row becomes a window", forgetsAll: "a row changes", shrinks: "growth changes", hopes: "a rate changes",
	grows: "a rate changes", blames: "slow in last",
}

// findFault plays histories of a double until one is wrong, and returns what is wrong with
// it. It returns "" if no history is. The clients are coroutines, so that what is found does
// not depend on the machine.
func findFault(t *testing.T, f fault) (wrong string) {
	t.Helper()
	double := func(cfgs []breaker.Config, clk *jumpy) subject { return newDouble(cfgs, clk, f) }
	if name, rare := rarely[f]; rare {
		for seed := uint64(0); seed < 20_000 && wrong == ""; seed++ {
			wrong = check(t, name, seed, newCoroutines(seed), double)
		}
		return wrong
	}
	seeds := uint64(600)
	if f == "" {
		seeds = 20
	}
	for seed := range seeds {
		for _, name := range slices.Sorted(maps.Keys(modes)) {
			if wrong = check(t, name, seed, newCoroutines(seed), double); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}
