package policytest

import (
	"context"
	"errors"
)

// errLeft is the cause with which a caller's context ends.
var errLeft = errors.New("policytest: the caller left")

// countedCtx is a caller's context that counts its children. It has a Done channel of
// its own: package context would otherwise attach children to the inner context, where
// they are not counted.
type countedCtx struct {
	context.Context
	inner    context.CancelCauseFunc
	done     chan struct{}
	children chan map[*func()]struct{} // holds the map; receiving it locks it (virtual time stands still while a goroutine waits for a mutex)
}

func newCountedCtx() *countedCtx {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &countedCtx{Context: ctx, inner: cancel, done: make(chan struct{}), children: make(chan map[*func()]struct{}, 1)}
	c.children <- map[*func()]struct{}{}
	return c
}

func (c *countedCtx) Done() <-chan struct{} { return c.done }

// leave ends the context with errLeft. Further calls do nothing.
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

// AfterFunc is the method that package context calls to attach a child.
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

// attached returns the number of children.
func (c *countedCtx) attached() int {
	attached := <-c.children
	defer func() { c.children <- attached }()
	return len(attached)
}
