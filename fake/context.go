package fake

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/internal/ending"
)

// WithTimeout returns a copy of parent that ends when d has passed on the
// clock, when parent ends, or when the cancel function is called. Contexts
// derived from it end with it, before Advance returns. A d of zero or less has
// passed already. Call the cancel function, or the context goes on to count in
// Waiters until d has passed.
//
// The deadline that the context reports is what the clock is to read when d has
// passed; Set backwards moves neither.
func (c *Clock) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return c.WithTimeoutCause(parent, d, nil)
}

// WithTimeoutCause is WithTimeout with a cause for the end that comes when d has passed;
// nil means context.DeadlineExceeded.
func (c *Clock) WithTimeoutCause(parent context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	src := &source{Context: parent, clock: c, cause: cause, done: make(chan struct{})}
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
		src.runOut()
	}
	return ctx, func() { src.end(context.Canceled); cancel() }
}

// source ends a context in virtual time, as its parent.
type source struct {
	context.Context // the parent of both: values, and with them a cause of its own
	clock           *Clock
	cause           error         // of its own deadline; nil if it has none
	deadline        time.Time     // what the clock was to read then
	at              time.Duration // the same on Clock.elapsed
	done            chan struct{}
	derived         <-chan struct{} // of the context that is handed out

	mu     sync.Mutex
	err    error
	own    bool      // it ended by its own deadline
	remove func()    // takes the deadline off the clock
	hooks  []*func() // in order: the derived context's first, so that it knows its cause when others ask
}

// runOut ends s because its time has passed, unless the parent has ended meanwhile: a
// parent of package context tells so on a goroutine of its own, which may not have run.
func (s *source) runOut() {
	if err := s.Context.Err(); err != nil {
		s.end(err)
		return
	}
	s.finish(context.DeadlineExceeded, true)
}

func (s *source) ranOut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own
}

// sourceKey is the key by which a source is found from below.
type sourceKey struct{}

func (s *source) Deadline() (time.Time, bool) { return s.deadline, true }
func (s *source) Done() <-chan struct{}       { return s.done }

func (s *source) Value(key any) any {
	if key == (sourceKey{}) {
		return s
	}
	if s.cause != nil && ending.IsCauseKey(key) && s.ranOut() {
		return ending.With(s.cause).Value(key)
	}
	return s.Context.Value(key)
}

func (s *source) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// runOut moves the clock of ctx's deadline up to it, if that clock moves by itself.
func runOut(ctx context.Context) {
	if s, ok := ctx.Value(sourceKey{}).(*source); ok && s.clock.auto {
		s.clock.runOut(ctx, s.at)
	}
}

// whenEnded has f called in step with the end of ctx, if a deadline or a cancel of
// this package ends it. Other ends are for the caller to notice.
func whenEnded(ctx context.Context, f func()) (unhook func()) {
	s, ok := ctx.Value(sourceKey{}).(*source)
	if !ok {
		return func() {}
	}
	stop := s.onEnd(func() {
		if ctx.Err() != nil { // and not a context that has the values alone, by WithoutCancel
			f()
		}
	})
	return func() { stop() }
}

// wait has s end when d has passed on the clock. The deadline and the moment are
// fixed in one step: an Advance in between would let them differ.
func (s *source) wait(c *Clock, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &entry{halts: true, run: s.runOut, from: c.originIn("WithTimeout", d)}
	s.remove = func() { c.remove(e) }
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(d, e)
	s.at, s.deadline = e.at, c.now().Add(max(0, d))
	if above, ok := s.Context.Value(sourceKey{}).(*source); ok && above.clock == c {
		s.at = min(s.at, above.at)
	}
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
func (s *source) end(err error) { s.finish(err, false) }

func (s *source) finish(err error, own bool) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err, s.own = err, own
	hooks := s.hooks
	s.hooks = nil
	s.remove() // first: whoever sees the end finds no waiter of it
	close(s.done)
	s.mu.Unlock()
	for _, f := range hooks {
		(*f)()
	}
}
