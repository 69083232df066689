package storm

import (
	"context"
	"sync"
	"time"
)

// counted is the context of a caller, and counts its attached children. It has a Done channel of
// its own, or package context would attach children to the context inside.
type counted struct {
	context.Context
	inner context.CancelCauseFunc
	done  chan struct{}
	now   func() time.Time

	mu       sync.Mutex
	at       time.Time // when cancel had finished
	children map[*func()]struct{}
}

func newCounted(parent context.Context, now func() time.Time) *counted {
	ctx, cancel := context.WithCancelCause(parent)
	return &counted{Context: ctx, inner: cancel, done: make(chan struct{}), now: now, children: map[*func()]struct{}{}}
}

func (c *counted) Done() <-chan struct{} { return c.done }

// cancel ends the context, once, and its children with it before it returns.
func (c *counted) cancel(cause error) {
	c.mu.Lock()
	if c.Err() != nil {
		c.mu.Unlock()
		return
	}
	c.inner(cause)
	close(c.done)
	children := c.children
	c.children = nil
	c.mu.Unlock()
	for f := range children {
		(*f)()
	}
	c.mu.Lock()
	c.at = c.now() // by now all children are cancelled
	c.mu.Unlock()
}

// when returns when the caller left, if it did.
func (c *counted) when() (at time.Time, was bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at, !c.at.IsZero()
}

// AfterFunc attaches a child. Packages context and fake call it.
func (c *counted) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Err() != nil {
		go f()
		return func() bool { return false }
	}
	c.children[&f] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, was := c.children[&f]
		delete(c.children, &f)
		return was
	}
}

func (c *counted) attached() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.children)
}
