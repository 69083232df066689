package explore

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// steps returns a program of threads that each pause n times, and what hooks it.
func steps(threads, n int) (build func() Program, hook func(func())) {
	var pause func()
	return func() Program {
		var p Program
		for range threads {
			p.Threads = append(p.Threads, func() {
				for range n {
					pause()
				}
			})
		}
		p.Check = func() error { return nil }
		return p
	}, func(f func()) { pause = f }
}

// Two threads of three points, and a fourth stretch to the end, can be woven in
// 8 over 4 ways; three of one point and a stretch in 6! / (2! 2! 2!).
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

func TestALostUpdateNeedsOnePreemption(t *testing.T) {
	var pause func()
	build := func() Program {
		n := 0
		add := func() {
			pause()
			read := n
			pause()
			n = read + 1
		}
		return Program{Threads: []func(){add, add}, Check: func() error {
			if n != 2 {
				return errors.New("an update is lost")
			}
			return nil
		}}
	}
	hook := func(f func()) { pause = f }
	_, err := All(build, 0, 0, hook)
	require.NoError(t, err)
	_, err = Deepest(build, 0, hook)
	assert.EqualError(t, err, "schedule 0*2 1*3 0: an update is lost")
}

func TestAProgramWithoutEndIsFound(t *testing.T) {
	var pause func()
	build := func() Program {
		return Program{Threads: []func(){func() {
			for {
				pause()
			}
		}}, Check: func() error { return nil }}
	}
	_, err := All(build, 0, 0, func(f func()) {
		if pause = f; f == nil {
			pause = func() {}
		}
	})
	assert.ErrorContains(t, err, "no end after 1000 operations")
}
