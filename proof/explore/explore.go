// Package explore runs small concurrent programs under every interleaving of
// their atomic operations, or under every one with a bounded number of
// preemptions.
//
// The threads of a program are coroutines, of which one runs at a time, up to
// its next atomic operation. At each such point the explorer chooses who goes
// on; depth first, it goes through all choices by running the program anew with
// each. Memory is sequentially consistent, as sync/atomic promises.
//
// The circuit's threads stop at its atomic operations in builds with the tag
// ductile_explore; see package internal/atomicx. Without the tag this package
// tests the explorer alone.
package explore

import (
	"fmt"
	"iter"
	"strings"
)

// Program is a small concurrent program, made anew for each interleaving.
type Program struct {
	Threads []func()
	// Check is run when all threads have ended, and says what is wrong.
	Check func() error
}

// Report is what an exploration did.
type Report struct {
	Schedules int  // interleavings that were run
	States    int  // points at which somebody was chosen, no two reached by the same choices
	Longest   int  // operations in one schedule
	Bound     int  // the preemptions that were allowed
	Whole     bool // the bound kept no interleaving out
	Cut       bool // there were too many, and the rest was not run
}

// endless is more operations than a program has that ends.
const endless = 1000

// explorer is one exploration.
type explorer struct {
	most    int // schedules to run; 0 is no limit
	stack   []choice
	current *thread // nil while no thread runs
	report  Report
}

// choice is one point of a schedule: who could go on, and who does. The first is
// who ran before, if he still can; to choose another then is a preemption.
type choice struct {
	ready       []int
	picked      int
	preemptions int  // made before
	continues   bool // ready[0] ran before
}

// thread is a coroutine.
type thread struct {
	next  func() (struct{}, bool)
	yield func(struct{}) bool
}

// Deepest explores with 0 preemptions, with 1, and so on, until the whole has
// been explored or there are more than most schedules, and returns the report of
// the last exploration that was complete. It stops at the first schedule after
// which Check fails, and returns that with its error; there is none with fewer
// preemptions.
func Deepest(build func() Program, most int, hook func(yield func())) (Report, error) {
	var last Report
	for bound := 0; ; bound++ {
		r, err := All(build, bound, most, hook)
		if err != nil || r.Whole {
			return r, err
		}
		if r.Cut {
			return last, nil
		}
		last = r
	}
}

// All runs the program that build makes under every schedule with at most bound
// preemptions, or the first most of them; 0 is no limit. hook is told what to call
// before each atomic operation, and nil in the end.
func All(build func() Program, bound, most int, hook func(yield func())) (Report, error) {
	x := &explorer{most: most, report: Report{Bound: bound, Whole: true}}
	hook(x.pause)
	defer hook(nil)
	for {
		if err := x.run(build()); err != nil {
			return x.report, fmt.Errorf("schedule %s: %w", x.schedule(), err)
		}
		if !x.backtrack() {
			return x.report, nil
		}
		if x.report.Schedules == x.most {
			x.report.Cut, x.report.Whole = true, false
			return x.report, nil
		}
	}
}

// pause is where a thread lets the explorer choose. It does not return in one
// that is given up.
func (x *explorer) pause() {
	if t := x.current; t != nil {
		x.current = nil
		if !t.yield(struct{}{}) {
			panic(givenUp{})
		}
		x.current = t
	}
}

// givenUp ends a thread that has no end of its own.
type givenUp struct{}

// play runs body as thread t.
func (x *explorer) play(t *thread, body func()) {
	defer func() {
		if r := recover(); r != nil && r != any(givenUp{}) {
			panic(r)
		}
	}()
	x.current = t
	body()
	x.current = nil
}

// run plays the program by the choices on the stack, and beyond them with as few
// preemptions as can be.
func (x *explorer) run(p Program) error {
	threads := make([]*thread, len(p.Threads))
	for i, body := range p.Threads {
		t := &thread{}
		next, stop := iter.Pull(func(yield func(struct{}) bool) {
			t.yield = yield
			x.play(t, body)
		})
		defer stop()
		t.next = next
		threads[i] = t
	}
	x.report.Schedules++
	last, alive := -1, len(threads)
	for at := 0; alive > 0; at++ {
		if at == endless {
			return fmt.Errorf("no end after %d operations", at)
		}
		last = x.choose(at, threads, last)
		if _, more := threads[last].next(); !more {
			threads[last] = nil
			alive--
		}
		x.report.Longest = max(x.report.Longest, at+1)
	}
	return p.Check()
}

// choose says who goes on at a point of the schedule.
func (x *explorer) choose(at int, threads []*thread, last int) int {
	if at < len(x.stack) {
		return x.stack[at].who()
	}
	c := choice{continues: last >= 0 && threads[last] != nil}
	if at > 0 {
		c.preemptions = x.stack[at-1].spent()
	}
	if c.continues {
		c.ready = append(c.ready, last)
	}
	for i, t := range threads {
		if t != nil && i != last {
			c.ready = append(c.ready, i)
		}
	}
	x.stack = append(x.stack, c)
	x.report.States++
	return c.ready[0]
}

// who goes on.
func (c choice) who() int { return c.ready[c.picked] }

// spent is how many preemptions have been made when the choice is.
func (c choice) spent() int {
	if c.continues && c.picked > 0 {
		return c.preemptions + 1
	}
	return c.preemptions
}

// backtrack goes to the next schedule, if there is one.
func (x *explorer) backtrack() bool {
	for len(x.stack) > 0 {
		c := &x.stack[len(x.stack)-1]
		if c.picked++; c.picked < len(c.ready) {
			if c.spent() <= x.report.Bound {
				return true
			}
			x.report.Whole = false
		}
		x.stack = x.stack[:len(x.stack)-1]
	}
	return false
}

// schedule says who went on, and for how many operations: "0*3 1*2 0".
func (x *explorer) schedule() string {
	var turns []string
	for at := 0; at < len(x.stack); {
		who, from := x.stack[at].who(), at
		for at < len(x.stack) && x.stack[at].who() == who {
			at++
		}
		turn := fmt.Sprint(who)
		if n := at - from; n > 1 {
			turn = fmt.Sprintf("%d*%d", who, n)
		}
		turns = append(turns, turn)
	}
	return strings.Join(turns, " ")
}
