package fake

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/internal/ending"
)

// WithTimeout returns a copy of parent that ends when d has passed on the clock, when
// parent ends, or when the cancel function is called. Contexts derived from it end with
// it, before Advance returns. If d is 0 or less, it has ended already. Call the cancel
// function; until then, or until d has passed, the context counts in Waiters.
//
// Its Deadline is Now plus d at the time of the call. Setting the clock back changes
// neither the deadline nor the duration.
func (c *Clock) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return c.WithTimeoutCause(parent, d, nil)
}

// WithTimeoutCause is like WithTimeout and sets the cause of the context when d has
// passed. A nil cause means context.DeadlineExceeded.
func (c *Clock) WithTimeoutCause(parent context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	src := &source{Context: parent, clock: c, cause: cause, done: make(chan struct{}), remove: func() {}}
	// Return a context of package context derived from src. Only to those does package
	// context attach derived contexts without a goroutine, through any number of value
	// contexts; a goroutine could end them after Advance has returned. Create it before
	// anything can end src: package context attaches it under a lock that the end of src
	// takes too.
	ctx, cancel := context.WithCancel(src)
	src.derived = ctx.Done()
	src.follow(parent) // first: a context that has ended already is never queued
	src.wait(c, d)
	if d <= 0 {
		src.runOut()
	}
	return ctx, func() { src.end(context.Canceled); cancel() }
}

// source is the parent of a context that WithTimeout returns, and ends it in virtual
// time.
type source struct {
	context.Context // the caller's context, for its values and its cause
	clock           *Clock
	cause           error         // given to WithTimeoutCause, or nil
	deadline        time.Time     // as Deadline returns it
	at              time.Duration // the same, on Clock.elapsed
	done            chan struct{}
	derived         <-chan struct{} // Done of the context that is returned

	mu     sync.Mutex
	err    error
	own    bool      // it has ended by its own deadline
	remove func()    // removes the deadline from the clock
	hooks  []*func() // in order; the first ends the derived context, so that the others find its cause
}

// runOut ends s because its time has passed. If the parent has ended before, s ends with
// the parent's error: package context reports the end of a parent on a new goroutine,
// which may not have run yet.
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

// sourceKey is the key under which derived contexts find their source.
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

// runOut moves the clock of ctx to the deadline of ctx, if it is an AutoAdvance clock.
func runOut(ctx context.Context) {
	if s, ok := ctx.Value(sourceKey{}).(*source); ok && s.clock.auto {
		s.clock.runOut(ctx, s.at)
	}
}

// whenEnded calls f when ctx ends, before Advance or cancel returns, if ctx is derived
// from a context of this package. The caller must notice other ends itself.
func whenEnded(ctx context.Context, f func()) (unhook func()) {
	s, ok := ctx.Value(sourceKey{}).(*source)
	if !ok {
		return func() {}
	}
	stop := s.onEnd(func() {
		if ctx.Err() != nil { // context.WithoutCancel keeps the source among the values
			f()
		}
	})
	return func() { stop() }
}

// wait ends s when d has passed on the clock. It computes deadline and at under one
// lock, because an Advance in between would make them differ. It queues nothing for a
// context that has ended, or ends at once: BlockUntil would count it.
func (s *source) wait(c *Clock, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &entry{halts: true, run: s.runOut, from: c.originIn("WithTimeout", d)}
	// Without mu, as the parent may be of a user's type. There is none below
	// context.WithoutCancel, which keeps the source.
	outer, bounded := s.Context.Deadline()
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.err == nil && d > 0 {
		c.add(d, e)
		s.remove = func() { c.remove(e) }
	}
	s.at, s.deadline = c.after(d), c.now().Add(max(0, d))
	if above, ok := s.Context.Value(sourceKey{}).(*source); ok && bounded && above.clock == c {
		s.at = min(s.at, above.at)
	}
	if bounded && outer.Before(s.deadline) {
		s.deadline = outer
	}
}

// follow ends s when its parent ends. If the parent is derived from another source, s
// ends in the same step as that source. For other parents it uses context.AfterFunc.
func (s *source) follow(parent context.Context) {
	above, ok := parent.Value(sourceKey{}).(*source)
	var detached atomic.Bool // above has ended, and parent goes on
	if ok {
		unhook := above.onEnd(func() {
			// A context of context.WithoutCancel has the values of above, and not its end.
			if parent.Err() == nil {
				detached.Store(true)
			}
			if parent.Err() != nil { // again: it may have ended before the store, and its AfterFunc have left s to us
				s.end(above.Err())
			}
		})
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
		// If the source above has ended, its hook ends s. Ending s here as well, on another
		// goroutine, would let that hook return before the contexts derived from s end.
		if !ok || above.Err() == nil || detached.Load() {
			s.end(parent.Err())
		}
	})
	s.onEnd(func() { unhook() })
}

// AfterFunc is the method through which package context attaches the derived context
// without a goroutine. It calls f at most once, and not after stop.
func (s *source) AfterFunc(f func()) (stop func() bool) { return s.onEnd(f) }

// onEnd calls f when s ends, on the goroutine that ends it, or at once if s has ended.
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

// end ends s with err. Further calls do nothing.
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
	s.remove() // before Done is closed, so that Waiters does not count a context that has ended
	close(s.done)
	s.mu.Unlock()
	for _, f := range hooks {
		(*f)()
	}
}
