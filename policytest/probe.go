package policytest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// probe is a policy under a check.
type probe struct {
	reporter reporter
	build    func() policy.Policy[int]
	policy   policy.Policy[int]
	said     sync.Map    // the formats of what was reported
	past     string      // what the calls before have been through, for a report
	stuck    atomic.Bool // a call never returned
}

// Errorf reports a fault once, however many calls meet it, and none after a call
// that never returned: what follows is not the policy's doing.
func (p *probe) Errorf(format string, args ...any) {
	p.reporter.Helper()
	if p.stuck.Load() {
		return
	}
	if _, again := p.said.LoadOrStore(format, true); !again {
		p.reporter.Errorf(format, args...)
	}
}

// ending is how a call came back, and what became of its function.
type ending struct {
	v        int
	err      error
	panicked any
	returned bool
	took     time.Duration
	runs     int64 // how often the function began
	ended    int64 // how many of those were over when the call came back
	again    int64 // how many began after one that there is nothing to add to
}

// left reports whether the policy left its function, as a timeout that abandons
// does: it then has an error of its own, or an answer.
func (e ending) left() bool { return e.runs > 0 && e.ended == 0 && e.took > 0 }

// String says what came back.
func (e ending) String() string {
	switch {
	case e.panicked != nil:
		return fmt.Sprintf("a panic, %v", e.panicked)
	case !e.returned:
		return "no return"
	}
	return fmt.Sprintf("%d and %v", e.v, e.err)
}

// do makes one call, on a goroutine of its own so that Goexit ends that alone.
// Once a call has not returned in a year, no other is made.
func (p *probe) do(ctx context.Context, fn policy.Func[int]) ending {
	if p.stuck.Load() {
		return ending{}
	}
	c := &call{fn: fn, start: time.Now(), over: make(chan ending, 1)}
	go c.run(ctx, p.policy)
	year := time.NewTimer(365 * day)
	defer year.Stop()
	select {
	case e := <-c.over:
		return c.settle(e)
	case <-year.C:
		p.Errorf("policytest: a call%s had not returned after a year, want it to end: it waits for what is not given back, or goes on for ever", p.past)
		p.stuck.Store(true)
		return ending{}
	}
}

// takes is how long a function takes that does not end at once, and patience how
// long callers wait who do not wait to the end. They are no multiples of one
// another, nor of a policy's round numbers, so that no two timers fire at the same
// instant.
const (
	takes    = time.Millisecond + time.Nanosecond
	patience = 10*time.Millisecond + 500*time.Microsecond
)

// call is one call of a policy.
type call struct {
	fn    policy.Func[int]
	start time.Time
	over  chan ending

	begun, ended, final, again atomic.Int64
}

func (c *call) run(ctx context.Context, under policy.Policy[int]) {
	var e ending
	defer func() {
		e.panicked = recover()
		e.took, e.ended = time.Since(c.start), c.ended.Load()
		c.over <- e
	}()
	e.v, e.err = under.Execute(ctx, policy.CallOf(c.once))
	e.returned = true
}

// once is the function that the policy is given. A policy may begin it several
// times at once, and again after a failure, but not where it has succeeded,
// panicked or called runtime.Goexit: then there is nothing to try again for.
func (c *call) once(ctx context.Context) (v int, err error) {
	c.begun.Add(1)
	if c.final.Load() > 0 {
		c.again.Add(1)
	}
	failed := false
	defer func() {
		if !failed {
			c.final.Add(1)
		}
		c.ended.Add(1)
	}()
	v, err = c.fn(ctx)
	failed = err != nil
	return v, err
}

// settle waits for the functions that the call has left, so that none is taken
// for a goroutine left behind.
func (c *call) settle(e ending) ending {
	for c.ended.Load() < c.begun.Load() {
		time.Sleep(takes)
	}
	e.runs, e.again = c.begun.Load(), c.again.Load()
	return e
}

// failure is the error of a function; each call has one of its own.
type failure struct{ call int }

func (f *failure) Error() string { return "policytest: the function failed" }
