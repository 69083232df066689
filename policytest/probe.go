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
	steps    *atomic.Int64 // see watch
	reported sync.Map      // the formats of what was reported
	past     string        // what happened to the calls before, for a report
	stuck    atomic.Bool   // a call never returned
	locked   bool          // a call could not leave while another one ran
}

// Errorf reports a fault once, however many calls meet it. It reports nothing after a
// call that never returned: later faults would be results of the first.
func (p *probe) Errorf(format string, args ...any) {
	p.reporter.Helper()
	if p.stuck.Load() {
		return
	}
	if _, again := p.reported.LoadOrStore(format, true); !again {
		p.reporter.Errorf(format, args...)
	}
}

// ending describes how a call and its function ended.
type ending struct {
	v        int
	err      error
	panicked any
	returned bool
	took     time.Duration
	runs     int64 // how often the function began
	ended    int64 // how many of those had ended when the call returned
	again    int64 // how many began after one that succeeded, panicked or called Goexit
}

// left reports whether the policy returned before its function did, as a timeout that
// abandons does. It then has an error of its own, or another answer.
func (e ending) left() bool { return e.runs > 0 && e.ended == 0 && e.took > 0 }

// String describes what the caller got.
func (e ending) String() string {
	switch {
	case e.panicked != nil:
		return fmt.Sprintf("a panic, %v", e.panicked)
	case !e.returned:
		return "no return"
	}
	return fmt.Sprintf("%d and %v", e.v, e.err)
}

// do makes one call and waits for it. After a call that has not returned in a year, do
// makes no other.
func (p *probe) do(ctx context.Context, fn policy.Func[int]) ending {
	if p.stuck.Load() {
		return ending{}
	}
	return p.wait(p.start(ctx, fn))
}

// start begins a call on a goroutine of its own, which runtime.Goexit may end.
func (p *probe) start(ctx context.Context, fn policy.Func[int]) *call {
	c := &call{fn: fn, start: time.Now(), over: make(chan ending, 1), steps: p.steps}
	go c.run(ctx, p.policy)
	return c
}

// wait waits for a call and for its functions, for a year at most.
func (p *probe) wait(c *call) ending {
	year := time.NewTimer(365 * day)
	defer year.Stop()
	select {
	case e := <-c.over:
		return c.settle(e)
	case <-year.C:
		p.Errorf("policytest: a call%s had not returned after a year, want it to return: it waits for something that was not given back, or repeats without end", p.past)
		p.stuck.Store(true)
		return ending{}
	}
}

// takes is the duration of a function that does not return at once, and patience is the
// time after which a caller leaves. Neither is a multiple of the other, or of the round
// durations in a policy's config, so that no two timers fire at the same time.
const (
	takes    = time.Millisecond + time.Nanosecond
	patience = 10*time.Millisecond + 500*time.Microsecond
)

// call is one call of a policy.
type call struct {
	fn    policy.Func[int]
	start time.Time
	over  chan ending
	steps *atomic.Int64

	// A policy may run the function on several goroutines at once, and after the call
	// has returned.
	begun, ended, final, again atomic.Int64
	returned                   atomic.Bool
}

func (c *call) run(ctx context.Context, under policy.Policy[int]) {
	c.steps.Add(1)
	var e ending
	defer func() {
		e.panicked = recover()
		e.took, e.ended = time.Since(c.start), c.ended.Load()
		c.steps.Add(1)
		c.returned.Store(true)
		c.over <- e
	}()
	e.v, e.err = under.Execute(ctx, policy.CallOf(c.once))
	e.returned = true
}

// once is the function that the policy gets. A policy may begin it several times at
// once, and again after a failure. It must not begin it after a success, a panic or a
// runtime.Goexit.
func (c *call) once(ctx context.Context) (v int, err error) {
	c.steps.Add(1)
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
		c.steps.Add(1)
	}()
	v, err = c.fn(ctx)
	failed = err != nil
	return v, err
}

// settle waits for functions that run on after the call has returned. They would
// otherwise look like goroutines that the policy has left.
func (c *call) settle(e ending) ending {
	for c.ended.Load() < c.begun.Load() {
		time.Sleep(takes)
		c.steps.Add(1)
	}
	e.runs, e.again = c.begun.Load(), c.again.Load()
	return e
}

// failure is the error of a function. Each call has one of its own.
type failure struct{ call int }

func (f *failure) Error() string { return "policytest: the function failed" }
