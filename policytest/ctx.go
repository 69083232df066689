package policytest

import (
	"context"
	"errors"
)

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
