package sim

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/internal/ending"
)

// WithTimeout returns a copy of parent that ends when d has passed in virtual time.
func (c *clock) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return c.WithTimeoutCause(parent, d, nil)
}

// WithTimeoutCause is WithTimeout with a cause for the end of d.
func (c *clock) WithTimeoutCause(parent context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	s := &source{e: c.e, parent: parent, expired: cause}
	s.timer.task, s.hook.owner = s, hooked{by: s}
	s.deadline = c.Now().Add(max(0, d))
	if outer, ok := parent.Deadline(); ok && outer.Before(s.deadline) {
		s.deadline = outer
	}
	switch {
	case parent.Err() != nil:
		s.ended()
	case d <= 0:
		s.fire()
	default:
		c.e.at(&s.timer, d)
		c.e.hook(parent, &s.hook)
	}
	return s, func() { s.finish(context.Canceled, context.Canceled) }
}

// source is a context with a deadline in virtual time. Its end wakes what waits for it in the
// same instant, on the goroutine that ends it.
type source struct {
	e        *engine
	parent   context.Context
	deadline time.Time
	expired  error // the cause of the deadline, or nil
	timer    event
	hook     link[hooked]  // on the parent
	hooks    chain[hooked] // what waits for this context

	err, cause error

	// A context of the standard library that ends with this one, made when Done is called.
	// Package context attaches derived contexts to it without a goroutine, through any number
	// of contexts with values.
	armed     context.Context
	endArmed  func()             // ends armed with err and cause
	dropArmed context.CancelFunc // never called: finish ends armed
}

// sourceKey is the key under which derived contexts find their source.
type sourceKey struct{}

func (s *source) String() string                 { return "sim context" }
func (s *source) Deadline() (time.Time, bool)    { return s.deadline, true }
func (s *source) Err() error                     { return s.look() }
func (s *source) AfterFunc(f func()) func() bool { return s.afterFunc(f) }

// look returns how s has ended. A foreign parent may have ended at this instant without s
// having been told.
func (s *source) look() error {
	if s.err == nil && s.hook.owner.done != nil && s.parent.Err() != nil {
		s.ended()
	}
	return s.err
}

func (s *source) Value(key any) any {
	if key == (sourceKey{}) {
		return s
	}
	if ending.IsCauseKey(key) {
		switch {
		case s.armed != nil:
			return s.armed.Value(key)
		case s.look() != nil:
			return endedWith(s.cause).Value(key)
		}
		return nil
	}
	return s.parent.Value(key)
}

func (s *source) Done() <-chan struct{} {
	if s.armed == nil {
		s.armed, s.dropArmed = context.WithCancel((*anchor)(s))
		if s.err != nil {
			s.endArmed()
		}
	}
	return s.armed.Done()
}

// fire ends s at its deadline. If the parent's is the same, the parent ended it before.
func (s *source) fire() {
	if err := s.parent.Err(); err != nil {
		s.ended()
		return
	}
	cause := s.expired
	if cause == nil {
		cause = context.DeadlineExceeded
	}
	s.finish(context.DeadlineExceeded, cause)
}

// ended ends s with its parent.
func (s *source) ended() { s.finish(s.parent.Err(), context.Cause(s.parent)) }

func (s *source) finish(err, cause error) {
	if s.err != nil {
		return
	}
	s.err, s.cause = err, cause
	s.e.events.remove(&s.timer)
	s.hook.leave()
	if s.armed != nil {
		s.endArmed()
	}
	for s.hooks.first != nil {
		k := s.hooks.first
		k.leave()
		k.owner.by.ended()
	}
}

// afterFunc calls f when s ends, on the goroutine that ends it.
func (s *source) afterFunc(f func()) (stop func() bool) {
	if s.look() != nil {
		f()
		return func() bool { return false }
	}
	a := &after{f: f}
	a.hook.owner = hooked{by: a}
	s.hooks.push(&a.hook)
	return a.stop
}

type after struct {
	hook link[hooked]
	f    func()
}

func (a *after) ended() { a.f() }

func (a *after) stop() bool {
	waits := a.hook.in != nil
	a.hook.leave()
	return waits
}

// anchor is the parent of a source's armed context. A cancel function of package context
// can only make an end a context.Canceled; a parent gives it any error and cause.
type anchor source

var never = make(chan struct{}) // never closed

func (a *anchor) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (a *anchor) Done() <-chan struct{}                   { return never }
func (a *anchor) Err() error                              { return a.err }

// Value is asked by package context, for the cause.
func (a *anchor) Value(key any) any {
	if a.err != nil && ending.IsCauseKey(key) {
		return endedWith(a.cause).Value(key)
	}
	return nil
}

// canceled is what most contexts end with: when their call returns.
var canceled = ending.With(context.Canceled)

// endedWith returns a context of the standard library that has ended with cause.
func endedWith(cause error) context.Context {
	if cause == context.Canceled { //nolint:errorlint // identity: another error is another cause
		return canceled
	}
	return ending.With(cause)
}

// AfterFunc stores what ends the armed context. Package context calls it once, in Done.
func (a *anchor) AfterFunc(f func()) (stop func() bool) {
	a.endArmed = f
	return func() bool { return false }
}
