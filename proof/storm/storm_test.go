package storm

import (
	"bytes"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

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

func TestTheBooksAgreeInAStorm(t *testing.T) {
	if *show != 0 {
		s := enact(t, *show, double{})
		t.Logf("%v\n%s\n%s", s.shape, s.history.String(), strings.Join(s.faults, "\n"))
		return
	}
	var all books
	first := uint64(0)
	scenes, twice, depth := 0, 0, 0
	for made := 0; made < *calls; scenes++ {
		seed := *firstSeed + uint64(scenes)
		s := enact(t, seed, double{})
		requireNoFault(t, seed, s)
		made += perScene
		all.add(s.byReturn)
		depth = max(depth, s.depth)
		if s.alone {
			again := enact(t, seed, double{})
			made += perScene
			all.add(again.byReturn)
			twice++
			if differs := difference(s.history.Bytes(), again.history.Bytes()); differs != "" {
				t.Fatalf("seed %d: its history is not the same when played again: %s", seed, differs)
			}
		}
		if scenes == 64 {
			first = heap() // warm by now
		}
	}
	if scenes > 64 {
		require.Less(t, heap(), first+4<<20, "bytes on the heap, against those after 64 scenes: memory grows")
	}
	row.Row{
		Searched: "fault storm: books, permits, goroutines, timers, contexts, limits, memory",
		Amount:   fmt.Sprintf("%d calls of %d pipelines up to %d deep, %d scenes played twice", all.started(), scenes, depth, twice),
		Seeds:    fmt.Sprintf("%d to %d", *firstSeed, *firstSeed+uint64(scenes)-1),
		Result:   fmt.Sprintf("%+v, all accounted for", all),
	}.Print()
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// difference returns the first line that is not the same.
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
