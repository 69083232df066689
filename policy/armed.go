package policy

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// ending is how a context came to its end.
type ending uint32

const (
	live     ending = iota
	byLimit         // the policy's limit passed
	byParent        // the caller's context ended
	byReturn        // the call returned, or its result was released
)

// armed is the part of a lazyCtx that somebody waits for.
type armed struct {
	done chan struct{}

	// ended goes from live to the way that the context ended, once, by
	// compare-and-swap. Who wins closes done and undoes what start did; so a limit
	// that passes while the caller cancels is told as one or the other, never both.
	ended atomic.Uint32

	mu     sync.Mutex // guards what follows
	timer  *time.Timer
	unhook func() bool // from the parent
	hooks  *hook
}

// hook is a function to call at the end, in a list so that any of a thousand
// derived contexts is let go of at once.
type hook struct {
	f          func()
	prev, next *hook
	gone       bool // out of the list: called, or stopped
}

// over is what a context becomes that nobody waited for before its call returned.
var over = func() *armed {
	a := &armed{done: make(chan struct{})}
	a.end(byReturn)
	return a
}()

// arm makes the context one that can be waited for, if it is not yet.
func (c *lazyCtx) arm() *armed {
	if a := c.armed.Load(); a != nil {
		return a
	}
	a := &armed{done: make(chan struct{})}
	if !c.armed.CompareAndSwap(nil, a) {
		return c.armed.Load()
	}
	a.start(c)
	return a
}

// start sets what will end the context: its timer, and a hook in the parent.
//
// The timer is of the limit itself and not of the earlier deadline: with the
// parent's, a timer of ours would race the parent's to say whose end it was.
// Where both fall on the same instant it is the parent's.
func (a *armed) start(c *lazyCtx) {
	limit := epoch.Add(time.Duration(c.deadline)) // its wall clock may be off; the comparison goes by the monotonic
	a.mu.Lock()
	if d, ok := c.parent.Deadline(); !ok || limit.Before(d) {
		left := time.Duration(c.deadline - nanotime())
		if left <= 0 {
			a.mu.Unlock()
			a.expire(c)
			return
		}
		a.timer = time.AfterFunc(left, func() { a.expire(c) })
	}
	if c.parent.Done() != nil {
		a.unhook = afterFunc(c.parent, func() { a.end(byParent) })
	}
	a.mu.Unlock()
	// Asked after everything is set: whoever ended the context meanwhile found
	// nothing to undo, and a parent that has ended need not be waited for.
	if c.parent.Err() != nil {
		a.end(byParent)
	}
	if a.how() != live {
		a.runHooks()
	}
}

// afterFunc calls f when ctx ends: in step with it where ctx can, as one of this
// package can, and otherwise as package context does.
func afterFunc(ctx context.Context, f func()) (stop func() bool) {
	if own, ok := ctx.(*lazyCtx); ok {
		return own.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

func (a *armed) how() ending { return ending(a.ended.Load()) }

// expire ends the context because its limit passed, unless the parent ended
// before.
func (a *armed) expire(c *lazyCtx) {
	if c.parent.Err() != nil {
		a.end(byParent)
		return
	}
	a.end(byLimit)
}

// end ends the context, once. What hangs on it is called outside the lock: it
// asks for Err, and attaches and detaches as it likes.
func (a *armed) end(how ending) {
	if !a.ended.CompareAndSwap(uint32(live), uint32(how)) {
		return
	}
	close(a.done)
	a.runHooks()
}

// runHooks undoes what start did and calls the hooks of an ended context, each
// by whoever takes it out of the list.
func (a *armed) runHooks() {
	for h := a.undo(); h != nil; h = a.undo() {
		h.f()
	}
}

// undo takes back what start did, and takes a hook out, if there is one.
func (a *armed) undo() *hook {
	a.mu.Lock()
	timer, unhook, h := a.timer, a.unhook, a.hooks
	a.timer, a.unhook = nil, nil
	if h != nil {
		a.remove(h)
	}
	a.mu.Unlock()
	if timer != nil {
		timer.Stop()
	}
	if unhook != nil {
		unhook()
	}
	return h
}

// attach has f called at the end. Where that has come already, f gets a
// goroutine: package context holds the derived context's lock while it attaches
// it, and f wants that lock.
func (a *armed) attach(f func()) (stop func() bool) {
	h := &hook{f: f}
	a.mu.Lock()
	defer a.mu.Unlock()
	// Under the lock: an end that has not been seen here will find the hook.
	if a.how() != live {
		go f()
		return func() bool { return false }
	}
	if h.next = a.hooks; h.next != nil {
		h.next.prev = h
	}
	a.hooks = h
	return func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.remove(h)
	}
}

// remove takes h out of the list, and reports whether it was in it.
func (a *armed) remove(h *hook) bool {
	if h.gone {
		return false
	}
	h.gone = true
	if h.next != nil {
		h.next.prev = h.prev
	}
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		a.hooks = h.next
	}
	return true
}
