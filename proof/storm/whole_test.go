package storm

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/proof/row"
)

var wholeFlag = flag.Int("whole", raced.Or(10_000, 100_000), "calls to make through the whole order, at least")

// enactWhole plays the scene of seed in a bubble of its own.
func enactWhole(t *testing.T, seed uint64, calls int, d wholeDouble) (w *whole) {
	t.Helper()
	log.SetOutput(io.Discard) // panics that no caller waits for are logged
	defer log.SetOutput(os.Stderr)
	defer func() {
		if stuck := recover(); stuck != nil {
			w.fault("%v: a goroutine is left, or a call never returned", stuck)
		}
	}()
	synctest.Test(t, func(*testing.T) {
		w = newWhole(seed, d)
		w.play(calls)
	})
	return w
}

func TestTheWholeOrderLosesNothing(t *testing.T) {
	var all books
	runs, scenes, met := int64(0), 0, map[string]int64{}
	for ; all.started() < *wholeFlag; scenes++ {
		w := enactWhole(t, *firstSeed+uint64(scenes), wholeCalls, wholeDouble{})
		if len(w.faults) > 0 {
			t.Fatalf("%v, %d faults:\n%s", w, len(w.faults), strings.Join(w.faults[:min(8, len(w.faults))], "\n"))
		}
		all.add(w.ended)
		runs += w.runs.Load()
		w.meets(met)
	}
	for what, n := range met {
		if scenes >= 50 {
			require.Positive(t, n, "the scenes have no %s", what)
		}
	}
	row.Row{
		Searched: "the whole order, every policy: values, keys, panics, permits, limits, sums, events, goroutines",
		Amount:   fmt.Sprintf("%d calls, %d runs, %d scenes", all.started(), runs, scenes),
		Seeds:    fmt.Sprintf("%d to %d", *firstSeed, *firstSeed+uint64(scenes)-1),
		Result:   fmt.Sprintf("%+v, all accounted for", all),
	}.Print()
}
