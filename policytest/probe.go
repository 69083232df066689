package policytest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/ductile-go/ductile/policy"
)

// probe is a policy under a check.
type probe struct {
	reporter
	policy policy.Policy[int]
}

// ending is how a call came back, and how often its function was run.
type ending struct {
	v        int
	err      error
	panicked any
	returned bool
	runs     int64
}

// do makes one call, on a goroutine of its own so that Goexit ends that alone.
func (p *probe) do(ctx context.Context, fn policy.Func[int]) ending {
	var runs atomic.Int64
	var e ending
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() { e.panicked = recover() }()
		e.v, e.err = p.policy.Execute(ctx, policy.CallOf(func(ctx context.Context) (int, error) {
			runs.Add(1)
			return fn(ctx)
		}))
		e.returned = true
	}()
	<-over
	e.runs = runs.Load()
	return e
}

// failure is the error of a function; each call has one of its own.
type failure struct{ call int }

func (f *failure) Error() string { return "policytest: the function failed" }

// errLeft is the cause that callers give when they leave.
var errLeft = errors.New("policytest: the caller left")

// countedCtx is a caller's context that knows how many children are attached to
// it. Its Done is its own, or package context would attach children to the
// context inside, where nobody counts.
type countedCtx struct {
	context.Context
	inner    context.CancelCauseFunc
	done     chan struct{}
	children chan map[*func()]struct{} // holds the one map, as a lock
}

func newCountedCtx() *countedCtx {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &countedCtx{Context: ctx, inner: cancel, done: make(chan struct{}), children: make(chan map[*func()]struct{}, 1)}
	c.children <- map[*func()]struct{}{}
	return c
}

func (c *countedCtx) Done() <-chan struct{} { return c.done }

// leave ends the context with errLeft, once.
func (c *countedCtx) leave() {
	attached := <-c.children
	if c.Err() != nil {
		c.children <- attached
		return
	}
	c.inner(errLeft)
	close(c.done)
	c.children <- map[*func()]struct{}{}
	for f := range attached {
		go (*f)()
	}
}

// AfterFunc is what package context attaches children by.
func (c *countedCtx) AfterFunc(f func()) (stop func() bool) {
	attached := <-c.children
	defer func() { c.children <- attached }()
	if c.Err() != nil {
		go f()
		return func() bool { return false }
	}
	attached[&f] = struct{}{}
	return func() bool {
		attached := <-c.children
		defer func() { c.children <- attached }()
		_, was := attached[&f]
		delete(attached, &f)
		return was
	}
}

// attached returns how many children are.
func (c *countedCtx) attached() int {
	attached := <-c.children
	defer func() { c.children <- attached }()
	return len(attached)
}
