package explore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/raced"
)

// steps returns a program of threads that each pause n times, and its hook.
func steps(threads, n int) (build func() Program, hook func(Stop)) {
	var pause Stop
	return func() Program {
		var p Program
		for range threads {
			p.Threads = append(p.Threads, func() {
				for range n {
					pause(nil, true)
				}
			})
		}
		p.Check = func() error { return nil }
		return p
	}, func(stop Stop) { pause = stop }
}

// Two threads with three pauses each have four stretches each, which interleave in 8 over 4
// ways. Three threads with one pause each interleave in 6! / (2! 2! 2!) ways.
func TestEveryInterleavingIsRunOnce(t *testing.T) {
	for _, c := range []struct{ threads, pauses, bound, want int }{
		{2, 3, 100, 70}, {3, 1, 100, 90}, {1, 5, 100, 1},
		{2, 3, 0, 2}, {3, 1, 0, 6}, {2, 3, 1, 8},
	} {
		build, hook := steps(c.threads, c.pauses)
		r, err := All(build, c.bound, 0, hook)
		require.NoError(t, err)
		assert.Equal(t, c.want, r.Schedules, "%+v", c)
		assert.Equal(t, c.threads*(c.pauses+1), r.Longest)
		assert.Equal(t, c.bound == 100, r.Whole)
		assert.GreaterOrEqual(t, r.States, r.Schedules)
	}
}

func TestTheDeepestCompleteExplorationIsReported(t *testing.T) {
	build, hook := steps(2, 3)
	r, err := Deepest(build, 0, hook)
	require.NoError(t, err)
	assert.Equal(t, 70, r.Schedules)
	assert.True(t, r.Whole)
	r, err = Deepest(build, 20, hook)
	require.NoError(t, err)
	assert.Equal(t, Report{Schedules: 8, States: r.States, Longest: 8, Bound: 1}, r)
}

// Two threads with three operations on one place each have 6 over 3 orders.
func TestOneOfEquivalentOrdersIsRun(t *testing.T) {
	for name, c := range map[string]struct {
		place  func(thread int) any
		writes bool
		want   int
	}{
		"one place, written":   {func(int) any { return "x" }, true, 20},
		"all places, written":  {func(int) any { return nil }, true, 20},
		"one place, read":      {func(int) any { return "x" }, false, 1},
		"two places, written":  {func(thread int) any { return thread }, true, 1},
		"one of all and one":   {func(thread int) any { return []any{nil, "x"}[thread] }, true, 20},
		"one of all, all read": {func(thread int) any { return []any{nil, "x"}[thread] }, false, 1},
	} {
		var pause Stop
		build := func() Program {
			p := Program{Check: func() error { return nil }}
			for i := range 2 {
				p.Threads = append(p.Threads, func() {
					for range 3 {
						pause(c.place(i), c.writes)
					}
				})
			}
			return p
		}
		hook := func(stop Stop) { pause = stop }
		r, err := Reduced(build, 0, hook)
		require.NoError(t, err)
		assert.Equal(t, c.want, r.Schedules, name)
		assert.True(t, r.Whole)
		r, err = Reduced(build, 1, hook)
		require.NoError(t, err)
		assert.True(t, r.Cut && !r.Whole, name)
	}
}

// Running all interleavings and running only those that differ end in the same set of results.
func TestTheReducedExplorationFindsEveryResult(t *testing.T) {
	for seed := range raced.Or[uint64](20, 300) {
		var pause Stop
		var ends map[string]bool
		build := func() Program { return random(seed, &pause, ends) }
		hook := func(stop Stop) { pause = stop }
		ends = map[string]bool{}
		every, err := All(build, 100, 0, hook)
		require.NoError(t, err)
		want := ends
		ends = map[string]bool{}
		fewer, err := Reduced(build, 0, hook)
		require.NoError(t, err)
		require.Equal(t, want, ends, "seed %d", seed)
		require.LessOrEqual(t, len(ends), fewer.Schedules)
		require.LessOrEqual(t, fewer.Schedules, every.Schedules)
	}
}

// random returns a program of two or three threads that read, write and compare-and-swap three
// places, and add their result to ends.
func random(seed uint64, pause *Stop, ends map[string]bool) Program {
	r := rand.New(rand.NewPCG(seed, 1))
	var places [3]int
	registers := make([]int, 2+r.IntN(2))
	var p Program
	for i := range registers {
		type op struct{ kind, place int }
		ops := make([]op, 7/len(registers))
		for n := range ops {
			ops[n] = op{r.IntN(4), r.IntN(len(places))}
		}
		p.Threads = append(p.Threads, func() {
			for n, op := range ops {
				place := &places[op.place]
				(*pause)(place, op.kind > 0)
				switch op.kind {
				case 0:
					registers[i] = 10*registers[i] + *place
				case 1:
					*place = 3*i + n
				case 2:
					*place += registers[i] + 1
				case 3:
					if *place == registers[i] {
						*place = -1
					}
				}
			}
		})
	}
	p.Check = func() error {
		ends[fmt.Sprint(places, registers)] = true
		return nil
	}
	return p
}

func TestALostUpdateNeedsOnePreemption(t *testing.T) {
	var pause Stop
	build := func() Program {
		n := 0
		add := func() {
			pause(nil, true)
			read := n
			pause(nil, true)
			n = read + 1
		}
		return Program{Threads: []func(){add, add}, Check: func() error {
			if n != 2 {
				return errors.New("an update is lost")
			}
			return nil
		}}
	}
	hook := func(stop Stop) { pause = stop }
	_, err := All(build, 0, 0, hook)
	require.NoError(t, err)
	_, err = Deepest(build, 0, hook)
	assert.EqualError(t, err, "schedule 0*2 1*3 0: an update is lost")
}

func TestAProgramThatDoesNotEndIsReported(t *testing.T) {
	var pause Stop
	build := func() Program {
		return Program{Threads: []func(){func() {
			for {
				pause(nil, true)
			}
		}}, Check: func() error { return nil }}
	}
	_, err := All(build, 0, 0, func(stop Stop) {
		if pause = stop; stop == nil {
			pause = func(any, bool) {}
		}
	})
	assert.ErrorContains(t, err, "no end after 1000 operations")
}

func TestAThreadWaitsForAnother(t *testing.T) {
	var pause Stop
	build := func() Program {
		place, done := new(int), false
		return Program{Threads: []func(){
			func() { Wait(place, func() bool { return done }); *place++ },
			func() { pause(place, true); *place = 1; pause(place, true); done = true },
		}, Check: func() error {
			if *place != 2 {
				return fmt.Errorf("it did not wait: %d", *place)
			}
			return nil
		}}
	}
	hook := func(stop Stop) { pause = stop }
	every, err := All(build, 100, 0, hook)
	require.NoError(t, err)
	assert.True(t, every.Whole)
	fewer, err := Reduced(build, 0, hook)
	require.NoError(t, err)
	assert.True(t, fewer.Whole)
}

func TestADeadlockIsReported(t *testing.T) {
	build := func() Program {
		never := func() { Wait(nil, func() bool { return false }) }
		return Program{Threads: []func(){never, never}, Check: func() error { return nil }}
	}
	_, err := Deepest(build, 0, func(Stop) {})
	assert.ErrorContains(t, err, "2 threads wait for each other")
}
