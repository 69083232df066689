package fake

import (
	"context"
	"sync"
	"time"
)

// WithTimeout returns a copy of parent that ends when d has passed on the
// clock, when parent ends, or when the cancel function is called. Contexts
// derived from it end with it, before Advance returns. A d of zero or less has
// passed already. Cancel it, or its waiter stays.
func (c *Clock) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx := &deadlineCtx{Context: parent, done: make(chan struct{})}
	at, remove := c.addFor(d, func(time.Time) { ctx.end(context.DeadlineExceeded) })
	ctx.deadline = at
	if d, ok := parent.Deadline(); ok && d.Before(at) {
		ctx.deadline = d
	}
	ctx.onEnd(func() { remove() })
	unhook := afterFunc(parent, func() { ctx.end(parent.Err()) })
	ctx.onEnd(func() { unhook() })
	if d <= 0 {
		ctx.end(context.DeadlineExceeded)
	}
	return ctx, func() { ctx.end(context.Canceled) }
}

// afterFunc calls f when ctx ends: in step with it if ctx can, as one of this
// package can, and otherwise as package context does.
func afterFunc(ctx context.Context, f func()) (stop func() bool) {
	if ctx.Err() != nil {
		f()
		return func() bool { return false }
	}
	if a, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return a.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

// deadlineCtx is a context with a deadline in virtual time.
type deadlineCtx struct {
	context.Context // the parent: values, and with them a cause of its own
	deadline        time.Time
	done            chan struct{}

	mu    sync.Mutex
	err   error
	hooks map[*func()]struct{}
}

func (d *deadlineCtx) Deadline() (time.Time, bool) { return d.deadline, true }
func (d *deadlineCtx) Done() <-chan struct{}       { return d.done }

func (d *deadlineCtx) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// AfterFunc is what package context attaches derived contexts by, without a
// goroutine. f is called in step with the end. Where the end has come already, f
// gets a goroutine: package context holds the derived context's lock while it
// attaches it, and f wants that lock.
func (d *deadlineCtx) AfterFunc(f func()) (stop func() bool) {
	stop, ended := d.attach(f)
	if ended {
		go f()
	}
	return stop
}

// onEnd is AfterFunc for this package, which holds no lock: f is called in step
// with the end even if that has come already.
func (d *deadlineCtx) onEnd(f func()) {
	if _, ended := d.attach(f); ended {
		f()
	}
}

// attach has f called at the end, or reports that the end has come already.
func (d *deadlineCtx) attach(f func()) (stop func() bool, ended bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return func() bool { return false }, true
	}
	if d.hooks == nil {
		d.hooks = map[*func()]struct{}{}
	}
	d.hooks[&f] = struct{}{}
	return func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		_, ok := d.hooks[&f]
		delete(d.hooks, &f)
		return ok
	}, false
}

// end ends the context, once.
func (d *deadlineCtx) end(err error) {
	d.mu.Lock()
	if d.err != nil {
		d.mu.Unlock()
		return
	}
	d.err = err
	hooks := d.hooks
	d.hooks = nil
	close(d.done)
	d.mu.Unlock()
	for f := range hooks {
		(*f)()
	}
}
