// Package explore runs small concurrent programs under every interleaving of their atomic
// operations.
//
// The threads of a program are coroutines. One of them runs at a time, up to its next atomic
// operation. At each such point the explorer chooses the thread that continues. It tries all
// choices depth first, and runs the program anew for each. Memory is sequentially consistent,
// as sync/atomic guarantees.
//
// Programs have more interleavings than can be run. There are two ways to reduce them. One
// bounds the number of preemptions and is tried with 0, 1, 2 and so on. Most faults need few
// preemptions, and the first schedule that shows a fault is short. The other way runs one of
// all interleavings that differ only in the order of operations that commute, by sleep sets
// [1]. Two reads commute, and so do operations on different places. This way loses nothing if
// the program has no data race: atomic operations must order everything else that threads do
// to the same memory.
//
// In builds with the tag ductile_explore, threads stop at the atomic operations of circuits,
// budgets, maps and windows; see package internal/atomicx. Without the tag, this package
// tests only the explorer.
//
// [1] P. Godefroid, Partial-Order Methods for the Verification of Concurrent
// Systems, LNCS 1032, 1996.
package explore

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
)

// Program is a small concurrent program, made anew for each interleaving.
type Program struct {
	Threads []func()
	// Check runs when all threads have ended, and returns what is wrong.
	Check func() error
}

// Stop is called by a program before each operation on shared memory, with the place of it
// and whether the operation may write. A nil place stands for all memory.
type Stop func(place any, writes bool)

// Report is the result of an exploration.
type Report struct {
	Schedules int  // interleavings that were run to their end
	States    int  // points at which a thread was chosen, no two reached by the same choices
	Longest   int  // operations in one schedule
	Bound     int  // the preemptions that were allowed
	Whole     bool // every interleaving was run, or one equivalent to it
	Cut       bool // there were too many, and the rest was not run
}

// endless is more operations than a program that ends should have.
const endless = 1000

// explorer is one exploration.
type explorer struct {
	most    int // schedules to begin; 0 is no limit
	begun   int
	reduce  bool
	stack   []choice
	threads []*thread // nil where it has ended
	current *thread   // nil while no thread runs
	report  Report
}

// choice is one point of a schedule: the threads that could continue, and the one that does.
type choice struct {
	ready       []int
	next        map[int]operation // of the threads that are ready
	asleep      map[int]bool      // threads whose next operation leads only to what was explored before
	picked      int
	preemptions int  // made before
	continues   bool // ready[0] ran before, and to choose another is a preemption
}

// thread is a coroutine.
type thread struct {
	resume func() (struct{}, bool)
	yield  func(struct{}) bool
	next   operation // that it is about to do
}

// operation is one step of a thread. What a thread does before its first operation affects no
// other thread.
type operation struct {
	begins bool
	place  any
	writes bool
	ready  func() bool // of a thread that waits; nil if it can continue
}

// commutes reports whether the order of the two operations makes no difference.
func (o operation) commutes(with operation) bool {
	switch {
	case o.begins || with.begins:
		return true
	case o.place != with.place && o.place != nil && with.place != nil:
		return true
	}
	return !o.writes && !with.writes
}

// Deepest explores with 0 preemptions, then with 1, and so on, until every interleaving was run
// or there are more than most schedules. In the second case it also tries [Reduced], with the
// same limit. The report covers the explorations that were complete. Deepest stops at the first
// schedule after which Check fails, and returns an error that names it.
func Deepest(build func() Program, most int, hook func(Stop)) (Report, error) {
	sum, err := bounded(build, most, hook)
	if err != nil || sum.Whole {
		return sum, err
	}
	r, err := Reduced(build, most, hook)
	if err != nil {
		return r, err
	}
	if r.Whole {
		sum.Schedules, sum.States = sum.Schedules+r.Schedules, sum.States+r.States
		sum.Longest, sum.Whole = max(sum.Longest, r.Longest), true
	}
	return sum, nil
}

// bounded explores with more and more preemptions, up to most schedules.
func bounded(build func() Program, most int, hook func(Stop)) (last Report, err error) {
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

// All runs the program that build makes under every schedule with at most bound preemptions, or
// under the first most of them; 0 is no limit. It calls hook with the function that the program
// must call before each operation, and at the end with nil.
func All(build func() Program, bound, most int, hook func(Stop)) (Report, error) {
	x := &explorer{most: most, report: Report{Bound: bound, Whole: true}}
	return x.explore(build, hook)
}

// Reduced is All without a bound. Of schedules that differ only in the order of operations that
// commute, it runs one.
func Reduced(build func() Program, most int, hook func(Stop)) (Report, error) {
	x := &explorer{most: most, reduce: true, report: Report{Bound: math.MaxInt, Whole: true}}
	return x.explore(build, hook)
}

func (x *explorer) explore(build func() Program, hook func(Stop)) (Report, error) {
	hook(x.pause)
	running = x
	defer func() { hook(nil); running = nil }()
	for {
		if err := x.run(build()); err != nil {
			return x.report, fmt.Errorf("schedule %s: %w", x.schedule(), err)
		}
		if !x.backtrack() {
			return x.report, nil
		}
		if x.begun == x.most {
			x.report.Cut, x.report.Whole = true, false
			return x.report, nil
		}
	}
}

// pause stops a thread so that the explorer can choose. It does not return in a thread that is
// abandoned.
func (x *explorer) pause(place any, writes bool) {
	t := x.current
	if t == nil {
		return
	}
	x.current, t.next = nil, operation{place: place, writes: writes}
	if !t.yield(struct{}{}) {
		panic(givenUp{})
	}
	x.current = t
}

// givenUp is the panic that ends an abandoned thread.
type givenUp struct{}

// play runs body as thread t.
func (x *explorer) play(t *thread, body func()) {
	defer func() {
		x.current = nil
		if r := recover(); r != nil && r != any(givenUp{}) {
			panic(r)
		}
	}()
	x.current = t
	body()
}

// run runs the program by the choices on the stack, and after them with as few preemptions as
// possible.
func (x *explorer) run(p Program) error {
	x.threads = make([]*thread, len(p.Threads))
	for i, body := range p.Threads {
		t := &thread{next: operation{begins: true}}
		resume, stop := iter.Pull(func(yield func(struct{}) bool) {
			t.yield = yield
			x.play(t, body)
		})
		defer stop()
		t.resume = resume
		x.threads[i] = t
	}
	x.begun++
	last, alive := -1, len(p.Threads)
	for at := 0; alive > 0; at++ {
		if at == endless {
			return fmt.Errorf("no end after %d operations", at)
		}
		if !slices.ContainsFunc(x.threads, (*thread).canGoOn) {
			return fmt.Errorf("%d threads wait for each other", alive)
		}
		if last = x.choose(at, last); last < 0 {
			return nil // everything from here was explored before
		}
		if _, more := x.threads[last].resume(); !more {
			x.threads[last] = nil
			alive--
		}
		x.report.Longest = max(x.report.Longest, at+1)
	}
	x.report.Schedules++
	return p.Check()
}

// choose returns the thread that continues at a point of the schedule, and -1 if none needs to.
func (x *explorer) choose(at, last int) int {
	if at < len(x.stack) {
		return x.stack[at].who()
	}
	c := choice{continues: last >= 0 && x.threads[last].canGoOn()}
	if at > 0 {
		c.preemptions = x.stack[at-1].spent()
	}
	if c.continues {
		c.ready = append(c.ready, last)
	}
	for i, t := range x.threads {
		if i != last && t.canGoOn() {
			c.ready = append(c.ready, i)
		}
	}
	if x.reduce {
		x.sleep(&c, at)
		if c.picked == len(c.ready) {
			return -1
		}
	}
	x.stack = append(x.stack, c)
	x.report.States++
	return c.who()
}

// sleep finds the threads that are asleep at a new point: those that were asleep or were tried
// at the point before, and whose operation commutes with the one done since.
func (x *explorer) sleep(c *choice, at int) {
	c.next, c.asleep = map[int]operation{}, map[int]bool{}
	for _, i := range c.ready {
		c.next[i] = x.threads[i].next
	}
	if at > 0 {
		before := &x.stack[at-1]
		done := before.next[before.who()]
		for _, i := range before.ready {
			seen := before.asleep[i] || slices.Contains(before.ready[:before.picked], i)
			c.asleep[i] = seen && before.next[i].commutes(done)
		}
	}
	c.skip()
}

// skip picks the first thread that is awake.
func (c *choice) skip() {
	for c.picked < len(c.ready) && c.asleep[c.who()] {
		c.picked++
	}
}

// who returns the thread that continues.
func (c *choice) who() int { return c.ready[c.picked] }

// spent returns how many preemptions the schedule has made after this choice.
func (c *choice) spent() int {
	if c.continues && c.picked > 0 {
		return c.preemptions + 1
	}
	return c.preemptions
}

// backtrack prepares the next schedule, if there is one.
func (x *explorer) backtrack() bool {
	for len(x.stack) > 0 {
		c := &x.stack[len(x.stack)-1]
		c.picked++
		c.skip()
		if c.picked < len(c.ready) {
			if c.spent() <= x.report.Bound {
				return true
			}
			x.report.Whole = false
		}
		x.stack = x.stack[:len(x.stack)-1]
	}
	return false
}

// schedule returns the threads in the order in which they ran, with the number of their
// operations: "0*3 1*2 0".
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
