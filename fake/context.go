package fake

import (
	"context"
	"slices"
	"sync"
	"time"
)

// WithTimeout returns a copy of parent that ends when d has passed on the
// clock, when parent ends, or when the cancel function is called. Contexts
// derived from it end with it, before Advance returns. A d of zero or less has
// passed already. Cancel it, or its waiter stays.
func (c *Clock) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	src := &source{Context: parent, clock: c, done: make(chan struct{})}
	// The context that is handed out is one of package context's below ours: to
	// those alone it attaches derived ones without a goroutine, however many value
	// contexts lie between, so that virtual time cannot run ahead of them. It is
	// made before anything can end src: package context attaches it under a lock
	// that an end wants too.
	ctx, cancel := context.WithCancel(src)
	src.derived = ctx.Done()
	src.wait(c, d)
	src.follow(parent)
	if d <= 0 {
		src.end(context.DeadlineExceeded)
	}
	return ctx, func() { src.end(context.Canceled); cancel() }
}

// source ends a context in virtual time, as its parent.
type source struct {
	context.Context // the parent of both: values, and with them a cause of its own
	clock           *Clock
	deadline        time.Time
	done            chan struct{}
	derived         <-chan struct{} // of the context that is handed out

	mu     sync.Mutex
	err    error
	remove func() bool // takes the waiter off the clock
	hooks  []*func()   // in order: the derived context's first, so that it knows its cause when others ask
}

// sourceKey is the key by which a source is found from below.
type sourceKey struct{}

func (s *source) Deadline() (time.Time, bool) { return s.deadline, true }
func (s *source) Done() <-chan struct{}       { return s.done }

func (s *source) Value(key any) any {
	if key == (sourceKey{}) {
		return s
	}
	return s.Context.Value(key)
}

func (s *source) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// runOut moves the clock that ctx has its deadline on up to it, if that is one that
// moves for who waits.
func runOut(ctx context.Context) {
	if s, ok := ctx.Value(sourceKey{}).(*source); ok && s.clock.auto {
		s.clock.advanceTo(ctx, s.deadline)
	}
}

// wait has s end when d has passed on the clock.
func (s *source) wait(c *Clock, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline, s.remove = c.addFor(d, func(time.Time) { s.end(context.DeadlineExceeded) })
	if outer, ok := s.Context.Deadline(); ok && outer.Before(s.deadline) {
		s.deadline = outer
	}
}

// follow ends s with its parent: in step with the source above, if there is one,
// and as package context does with what else may end the parent.
func (s *source) follow(parent context.Context) {
	above, ok := parent.Value(sourceKey{}).(*source)
	if ok {
		unhook := above.onEnd(func() { s.end(above.Err()) })
		s.onEnd(func() { unhook() })
	}
	if parent.Done() == nil || ok && parent.Done() == above.derived {
		return
	}
	if err := parent.Err(); err != nil {
		s.end(err)
		return
	}
	unhook := context.AfterFunc(parent, func() {
		// Where the source above has ended, its hook ends s in step. Done here, on
		// another goroutine, that hook would return before all below s has ended.
		if !ok || above.Err() == nil {
			s.end(parent.Err())
		}
	})
	s.onEnd(func() { unhook() })
}

// AfterFunc is what package context attaches the derived context by, without a
// goroutine. f is called in step with the end. It is not called twice, nor
// after stop.
func (s *source) AfterFunc(f func()) (stop func() bool) { return s.onEnd(f) }

// onEnd has f called in step with the end, at once if that has come already.
func (s *source) onEnd(f func()) (stop func() bool) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		f()
		return func() bool { return false }
	}
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, &f)
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		i := slices.Index(s.hooks, &f)
		if i >= 0 {
			s.hooks = slices.Delete(s.hooks, i, i+1)
		}
		return i >= 0
	}
}

// end ends the context, once.
func (s *source) end(err error) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err = err
	hooks := s.hooks
	s.hooks = nil
	s.remove() // first: whoever sees the end finds no waiter of it
	close(s.done)
	s.mu.Unlock()
	for _, f := range hooks {
		(*f)()
	}
}
