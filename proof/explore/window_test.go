//go:build ductile_explore

package explore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/window"
	"github.com/ductile-go/ductile/proof/row"
)

// ticks is a clock in nanoseconds that threads may set.
type ticks struct{ now int64 }

func (c *ticks) Now() int64 {
	touch(c)
	return c.now
}

func (c *ticks) set(now int64) {
	touch(c)
	c.now = now
}

// ringProgram makes a program of a ring with buckets of 10 ns that counted once at 0. The
// clock stands at now when the threads begin. At the end the window must hold want.
func ringProgram(now, want int64, threads func(add func(), clk *ticks) []func()) func() Program {
	return func() Program {
		clk := &ticks{}
		r := &window.Ring[atomicx.Int64]{}
		r.Init(10, clk)
		add := func() { r.At(clk.Now()).Counts.Add(1) }
		sum := func() (n int64) {
			for _, b := range r.AppendLive(nil, r.Epoch(clk.Now())) {
				n += b.Counts.Load()
			}
			return n
		}
		add()
		clk.set(now)
		most := int64(0)
		all := append(threads(add, clk), func() {
			n := sum()
			touch(&most)
			most = n
		})
		return Program{Threads: all, Check: func() error {
			if n := sum(); n != want || most > want {
				return fmt.Errorf("the window holds %d, want %d; a reader saw %d", n, want, most)
			}
			return nil
		}}
	}
}

func TestNoInterleavingLosesAnAdditionToAWindow(t *testing.T) {
	var sum Report
	scenes := map[string]func() Program{
		"two begin a bucket in an empty place": ringProgram(15, 3, func(add func(), _ *ticks) []func() {
			return []func(){add, add}
		}),
		"two replace a bucket whose time is over": ringProgram(100, 2, func(add func(), _ *ticks) []func() {
			return []func(){add, add}
		}),
		"one adds while another moves on to the next bucket": ringProgram(105, 2, func(add func(), clk *ticks) []func() {
			return []func(){add, func() { clk.set(115); add() }}
		}),
		"one adds after the clock was set back too far": ringProgram(-500, 2, func(add func(), _ *ticks) []func() {
			return []func(){add, add}
		}),
	}
	for name, build := range scenes {
		report, err := Deepest(build, *most, hook)
		require.NoError(t, err, name)
		require.Greater(t, report.Longest, 6, "the ring does not stop at its atomic operations")
		sum.Schedules += report.Schedules
		sum.States += report.States
		sum.Longest = max(sum.Longest, report.Longest)
	}
	row.Row{
		Searched: fmt.Sprintf("interleavings of a time window's atomic operations, %d scenes of 3 goroutines", len(scenes)),
		Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", sum.Schedules, sum.Longest, sum.States),
		Result:   "none loses an addition or counts one twice",
	}.Print()
}

// A goroutine is held up after it has put a bucket in its place. The clock is set back, so
// that another takes the bucket out, and is set right again.
func TestNoInterleavingCountsInABucketThatWasTakenOut(t *testing.T) {
	build := func() Program {
		clk := &ticks{}
		r := &window.Ring[atomicx.Int64]{}
		r.Init(10, clk)
		clk.set(515)
		return Program{
			Threads: []func(){
				func() { r.At(clk.Now()) },
				func() {
					clk.set(25)
					r.At(clk.Now())
					clk.set(515)
				},
			},
			Check: func() error {
				if b := r.At(clk.Now()); r.Lookup(b.Epoch) != b {
					return fmt.Errorf("additions go to a bucket of %d that no reader finds", b.Epoch)
				}
				return nil
			},
		}
	}
	report, err := Deepest(build, *most, hook)
	require.NoError(t, err)
	require.Greater(t, report.Longest, 6, "the ring does not stop at its atomic operations")
}
