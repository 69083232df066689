package linear

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/proof/row"
)

var (
	histories = flag.Int("histories", 300, "histories for each way to count")
	firstSeed = flag.Uint64("seed", 1, "the first seed; history n has the seed n later")
)

// modes are the ways to count and to recover, defaults written out.
var modes = map[string]breaker.Config{
	"in a row":     {FailureThreshold: 3},
	"one failure":  {FailureThreshold: 1, MaxRecoveryTimeout: 60},
	"time window":  {FailureThreshold: 3, Window: 100},
	"time rate":    {FailureRate: 0.5, Window: 50, MinCalls: 3},
	"call window":  {FailureThreshold: 2, WindowCalls: 4},
	"call rate":    {FailureRate: 0.6, WindowCalls: 5, MinCalls: 3},
	"slow in time": {SlowCall: 20, SlowRate: 0.5, FailureThreshold: 4, Window: 100, MinCalls: 2},
	"slow in last": {SlowCall: 20, SlowRate: 0.5, FailureThreshold: 4, WindowCalls: 5, MinCalls: 2},
	"two to close": {FailureThreshold: 1, SuccessThreshold: 2},
}

func mode(name string) breaker.Config {
	cfg := modes[name]
	cfg.RecoveryTimeout, cfg.HalfOpenMaxCalls = 15, 2
	cfg.SuccessThreshold = max(1, cfg.SuccessThreshold)
	return cfg
}

// check plays and checks one history; a picture of one that has no order is
// saved, and its path returned.
func check(t *testing.T, name string, seed uint64, build func(breaker.Config, *jumpy) subject) (picture string) {
	t.Helper()
	cfg := mode(name)
	ops := play(write(seed), cfg, build)
	m := spec{cfg}.model()
	result, info := porcupine.CheckOperationsVerbose(m, ops, time.Minute)
	require.NotEqual(t, porcupine.Unknown, result, "%s, seed %d: the checker ran out of time", name, seed)
	if result == porcupine.Ok {
		return ""
	}
	picture = filepath.Join(os.TempDir(), fmt.Sprintf("ductile-history-%d.html", seed))
	require.NoError(t, porcupine.VisualizePath(m, info, picture))
	return picture
}

func TestEveryHistoryHasAnOrder(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(modes)) {
		t.Run(name, func(t *testing.T) {
			for n := range *histories {
				seed := *firstSeed + uint64(n)
				if picture := check(t, name, seed, newActual); picture != "" {
					t.Fatalf("seed %d: no order of the operations explains what they returned; see %s", seed, picture)
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

// A specification that disagrees with itself would pass nothing; one that allows
// everything would pass the faulty doubles.
func TestTheCheckerFindsEachFault(t *testing.T) {
	require.Empty(t, findFault(t, ""), "a double without a fault")
	for _, fault := range faults {
		t.Run(string(fault), func(t *testing.T) {
			picture := findFault(t, fault)
			require.NotEmpty(t, picture, "no history shows the fault")
			html, err := os.ReadFile(picture)
			require.NoError(t, err)
			require.Contains(t, string(html), "Acquire")
			require.NoError(t, os.Remove(picture))
		})
	}
}

func findFault(t *testing.T, f fault) (picture string) {
	t.Helper()
	for seed := range uint64(150) {
		for name := range modes {
			picture = check(t, name, seed, func(cfg breaker.Config, clk *jumpy) subject { return newDouble(cfg, clk, f) })
			if picture != "" {
				return picture
			}
		}
	}
	return ""
}
