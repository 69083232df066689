package storm

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/proof/row"
)

var (
	calls     = flag.Int("calls", 20_000, "calls to make, at least")
	firstSeed = flag.Uint64("seed", 1, "the seed of the first scene; each has the next")
	show      = flag.Uint64("show", 0, "a seed whose scene is played and shown, and nothing else")
)

// enact plays the scene of seed in a bubble of its own.
func enact(t *testing.T, seed uint64, d double) (s *scene) {
	t.Helper()
	defer func() {
		if stuck := recover(); stuck != nil {
			s.fault("%v: a goroutine is left, or a call never returned", stuck)
		}
	}()
	synctest.Test(t, func(*testing.T) {
		s = newScene(seed, d)
		s.play()
	})
	return s
}

func requireNoFault(t *testing.T, seed uint64, s *scene) {
	t.Helper()
	if len(s.faults) > 0 {
		t.Fatalf("seed %d: %v, %d faults:\n%s", seed, s.shape, len(s.faults), strings.Join(s.faults[:min(5, len(s.faults))], "\n"))
	}
}

func TestEveryCallIsAccountedFor(t *testing.T) {
	if *show != 0 {
		s := enact(t, *show, double{})
		t.Logf("%v\n%s\n%s", s.shape, s.history.String(), strings.Join(s.faults, "\n"))
		return
	}
	w := blow(t, *calls, double{})
	if w.scenes > warmUp {
		require.Less(t, w.growth, w.allowance(), "bytes on the heap, against those after %d scenes: memory grows", warmUp)
	}
	row.Row{
		Searched: "fault storm: books, permits, goroutines, timers, contexts, limits, memory",
		Amount:   fmt.Sprintf("%d calls of %d pipelines up to %d deep, %d scenes played twice", w.all.started(), w.scenes, w.depth, w.twice),
		Seeds:    fmt.Sprintf("%d to %d", *firstSeed, *firstSeed+uint64(w.scenes)-1),
		Result:   fmt.Sprintf("%+v, all accounted for", w.all),
	}.Print()
}

// weather is the result of a storm.
type weather struct {
	all                   books
	scenes, twice, depth  int
	growth, callsMeasured int64 // of the heap, over so many calls
}

// warmUp is the number of scenes after which the heap no longer grows by what it keeps for good.
const warmUp = 64

// blow plays scenes until they have made enough calls.
func blow(t *testing.T, calls int, d double) (w weather) {
	t.Helper()
	before := int64(0)
	for ; w.all.started() < calls; w.scenes++ {
		w.play(t, *firstSeed+uint64(w.scenes), d)
		if w.scenes == warmUp {
			before, w.callsMeasured = heap(), -int64(w.all.started())
		}
	}
	w.growth = heap() - before
	w.callsMeasured += int64(w.all.started())
	return w
}

// play plays a scene, and plays it twice if it has a history.
func (w *weather) play(t *testing.T, seed uint64, d double) {
	t.Helper()
	s := enact(t, seed, d)
	requireNoFault(t, seed, s)
	w.all.add(s.byReturn)
	w.depth = max(w.depth, s.depth)
	if !s.alone {
		return
	}
	again := enact(t, seed, d)
	w.all.add(again.byReturn)
	w.twice++
	if differs := difference(s.history.Bytes(), again.history.Bytes()); differs != "" {
		t.Fatalf("seed %d: its history is not the same when played again: %s", seed, differs)
	}
}

// allowance is how much the heap may have grown: a byte for each call, and some for the runtime
// itself.
func (w *weather) allowance() int64 { return 64<<10 + w.callsMeasured }

func TestALeakOfAFewBytesForEachCallIsFound(t *testing.T) {
	raced.Skip(t, planted)
	type kept struct {
		next *kept
		call int
	}
	var leak *kept
	w := blow(t, 20_000, double{innermost: func(*scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			c := ctx.Value(callKey{}).(*call)
			c.s.mu.Lock()
			leak = &kept{leak, c.n}
			c.s.mu.Unlock()
			return next.Do(ctx)
		})
	}})
	require.Greater(t, w.growth, w.allowance())
	runtime.KeepAlive(leak)
}

// heap returns what lives. It collects twice: pools keep what they hold for one collection, and
// finalizers what they are about to run for.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// difference returns the first line that differs, or "".
func difference(one, other []byte) string {
	if bytes.Equal(one, other) {
		return ""
	}
	a, b := strings.Split(string(one), "\n"), strings.Split(string(other), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d\n%s\n%s", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines and %d", len(a), len(b))
}
