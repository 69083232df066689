package fake

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/internal/yield"
)

// TestingT is the part of *testing.T, *testing.B and *testing.F that [For] uses.
type TestingT interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(f func())
}

// For makes the clock fail the test t if something is left on the clock when t ends:
// something that waits, as [Clock.Waiters] counts it, or a goroutine of [Clock.Go] that
// has not returned. Policies start their goroutines through Go. The report names
// everything that is left and the line that started it.
//
// The check runs as a cleanup of t: after the test function, its deferred calls, the
// end of t.Context, and all cleanups that were added after NewClock. Goroutines that
// are about to return get the time to do so. The clock keeps a stack for each thing
// that is started on it, so do not use For in benchmarks of speed.
//
// For panics if t is nil.
func For(t TestingT) Option {
	if t == nil {
		panic("fake: For: t is nil, want the *testing.T of the test")
	}
	return func(c *Clock) {
		c.test = t
		c.running = map[*goroutine]struct{}{}
		t.Cleanup(func() {
			t.Helper()
			c.reportLeft()
		})
	}
}

// goroutine is one that Go started and that has not returned.
type goroutine struct {
	seq  int
	from *origin
}

// start runs f on a goroutine of its own that is known to the clock.
func (c *Clock) start(f func(), from *origin) {
	c.mu.Lock()
	c.seq++
	g := &goroutine{c.seq, from}
	c.running[g] = struct{}{}
	c.mu.Unlock()
	go func() {
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.running, g)
		}()
		f()
	}()
}

func (c *Clock) reportLeft() {
	c.test.Helper()
	if yield.Until(c.nothingIsLeft) {
		return
	}
	left := c.left()
	c.test.Errorf("fake: waiters and goroutines left on the clock at the end of the test: %d; stop, cancel or wake them, or wait until they return:\n\t%s",
		len(left), strings.Join(left, "\n\t"))
}

func (c *Clock) nothingIsLeft() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting() == 0 && len(c.running) == 0
}

// left describes what waits and what runs, in the order in which it began.
func (c *Clock) left() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	type thing struct {
		seq  int
		text string
	}
	var all []thing
	for _, e := range c.queue {
		all = append(all, thing{e.seq, fmt.Sprintf("due in %v: %v", e.at-c.elapsed, e.from)})
	}
	for b := range c.parked {
		all = append(all, thing{b.seq, fmt.Sprintf("never woken: %v", b.from)})
	}
	for g := range c.running {
		all = append(all, thing{g.seq, fmt.Sprintf("still running: %v", g.from)})
	}
	slices.SortFunc(all, func(a, b thing) int { return cmp.Compare(a.seq, b.seq) })
	var texts []string
	for _, t := range all {
		texts = append(texts, t.text)
	}
	return texts
}
