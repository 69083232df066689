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

// ending is how a call came back, and how often its function was run.
type ending struct {
	v        int
	err      error
	panicked any
	returned bool
	runs     int64
}

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
	c := &call{fn: fn, over: make(chan ending, 1)}
	go c.run(ctx, p.policy)
	patience := time.NewTimer(365 * day)
	defer patience.Stop()
	select {
	case e := <-c.over:
		return e
	case <-patience.C:
		p.Errorf("policytest: a call%s had not returned after a year, want it to end: it waits for what is not given back, or goes on for ever", p.past)
		p.stuck.Store(true)
		return ending{}
	}
}

// call is one call of a policy.
type call struct {
	fn   policy.Func[int]
	runs atomic.Int64
	over chan ending
}

func (c *call) run(ctx context.Context, under policy.Policy[int]) {
	var e ending
	defer func() {
		e.panicked = recover()
		e.runs = c.runs.Load()
		c.over <- e
	}()
	e.v, e.err = under.Execute(ctx, policy.CallOf(c.once))
	e.returned = true
}

// once is the function that the policy is given.
func (c *call) once(ctx context.Context) (int, error) {
	c.runs.Add(1)
	return c.fn(ctx)
}

// failure is the error of a function; each call has one of its own.
type failure struct{ call int }

func (f *failure) Error() string { return "policytest: the function failed" }
