package policy

import (
	"context"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/mark"
)

// TimeoutConfig configures [NewTimeout]. After is required.
type TimeoutConfig struct {
	Name  string        // for events and errors; may be empty
	After time.Duration // the limit, more than 0
	// Abandon runs the function on its own goroutine, so that Execute returns at the
	// limit even if the function ignores its context. If the result arrives while
	// Execute is about to return, Execute returns it. Later results go to the function
	// of [TimeoutPolicy.WithOnLate].
	Abandon bool
	Clock   Clock `json:"-"` // nil means real time
}

// Validate returns nil if [NewTimeout] accepts c, or else an error that names the
// field.
func (c TimeoutConfig) Validate() error {
	faults := fault.Of("policy: TimeoutConfig")
	if c.After <= 0 {
		faults.Add("After", c.After, "more than 0")
	}
	return faults.Err()
}

// TimeoutPolicy limits how long a call may take. Make one with [Timeout] or
// [NewTimeout]; the zero TimeoutPolicy is not usable. It is immutable and safe for
// concurrent use.
//
// The function gets a context with the deadline, whose cause is a *[TimeoutError]. If
// the function succeeds after the limit, the call succeeds. If it fails, and the limit
// passed before the caller's context ended, the error is a *TimeoutError that also
// matches the function's error. If the caller's context ended first, the error is the
// function's own, or with Abandon that of the context.
//
// In real time a timer is set only when something waits on the context's Done channel.
// If nothing does, and by the time the function returns the limit has passed and the
// caller has cancelled, the cancel is taken to have come first.
type TimeoutPolicy[T any] struct {
	promptly
	cfg    TimeoutConfig
	late   func(v T, err error)
	keep   func(ctx context.Context, v T, release func()) T
	expiry *expiry
}

// Timeout returns a policy with the limit d. It panics if d is 0 or less.
func Timeout[T any](d time.Duration) *TimeoutPolicy[T] {
	return NewTimeout[T](TimeoutConfig{After: d})
}

// NewTimeout returns a policy configured by cfg. It panics with Validate's error.
func NewTimeout[T any](cfg TimeoutConfig) *TimeoutPolicy[T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	return &TimeoutPolicy[T]{
		promptly: promptly{Late: cfg.Abandon},
		cfg:      cfg,
		expiry:   newExpiry(&TimeoutError{After: cfg.After, Name: cfg.Name}),
	}
}

// WithOnLate returns a copy that passes the late result of an abandoned function to fn,
// so that a response body can be closed. The error is a *[PanicError] if the function
// panicked, and [ErrNoReturn] if it called runtime.Goexit; both end there. fn runs on
// the abandoned goroutine, before observers of FinishedLate. It must not panic, and it
// must be safe for concurrent use. Without Abandon it is never called. WithOnLate
// panics if fn is nil.
func (t *TimeoutPolicy[T]) WithOnLate(fn func(v T, err error)) *TimeoutPolicy[T] {
	if fn == nil {
		panic("policy: TimeoutPolicy.WithOnLate: fn is nil, want a function")
	}
	u := *t
	u.late = fn
	return &u
}

// WithKeep returns a copy for results that outlive the call and still need its context,
// such as the body of an HTTP response, the rows of a query, or a stream. The limit
// then covers the use of the result too.
//
// hold receives each value that came with a nil error, the context that it was made
// with, and a function that ends that context. It returns the value for the caller,
// which calls release when it is no longer used, for example in its Close method.
// release may be called more than once and from any goroutine. Until then the context
// ends at the limit or with the caller's own context, but not when the call returns. A
// value that is never released holds its resources until the limit and no longer.
//
// hold runs on the goroutine of the call. It does not receive a result that came too
// late for the caller; the function of WithOnLate does. If hold panics, the context
// ends. WithKeep panics if hold is nil.
func (t *TimeoutPolicy[T]) WithKeep(hold func(ctx context.Context, v T, release func()) T) *TimeoutPolicy[T] {
	if hold == nil {
		panic("policy: TimeoutPolicy.WithKeep: hold is nil, want a function")
	}
	u := *t
	u.Late = true // hold may take time
	u.keep = hold
	return &u
}

// Clock returns the clock that the policy was given, or nil.
func (t *TimeoutPolicy[T]) Clock() Clock { return t.cfg.Clock }

// Describe returns the kind, "timeout", with the name and the config.
func (t *TimeoutPolicy[T]) Describe() Description {
	return Description{Kind: "timeout", Name: t.cfg.Name, Detail: t.cfg.After.String(), Config: t.cfg}
}

// String returns "timeout(10s)", or "timeout(name, 10s)".
func (t *TimeoutPolicy[T]) String() string { return t.Describe().String() }

// Do runs fn within the limit.
func (t *TimeoutPolicy[T]) Do(ctx context.Context, fn Func[T]) (T, error) {
	v, err := t.Execute(ctx, CallOf(fn))
	return v, mark.Without(err)
}

// Refusal returns nil, so that the inner policies are asked.
func (t *TimeoutPolicy[T]) Refusal(context.Context, time.Duration) error { return nil }

// Execute runs next within the limit.
func (t *TimeoutPolicy[T]) Execute(ctx context.Context, next Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, Ended(ctx)
	}
	if t.cfg.Abandon || t.cfg.Clock != nil || t.keep != nil {
		limited, release := t.limit(ctx, next)
		if t.cfg.Abandon {
			return t.abandon(ctx, limited, release, next)
		}
		return t.within(ctx, limited, release, next)
	}
	// The usual case uses concrete types, so that the context is its only allocation.
	limited := &lazyCtx{parent: ctx, deadline: deadline(next.now(), t.cfg.After), expiry: t.expiry}
	defer limited.finish()
	v, err := next.Do(limited)
	if err != nil && limited.expired() {
		return v, t.timedOut(ctx, limited, next, err)
	}
	return v, err
}

// limitedCtx is the context of a call with a limit.
type limitedCtx interface {
	context.Context
	expired() bool       // the limit passed before the caller's context ended
	over() time.Duration // how long ago the limit passed
}

// within runs next under limited, and then ends limited unless the result keeps it.
func (t *TimeoutPolicy[T]) within(ctx context.Context, limited limitedCtx, release func(), next Call[T]) (T, error) {
	kept := false
	defer func() {
		if !kept {
			release()
		}
	}()
	v, err := next.Do(limited)
	switch {
	case err != nil && limited.expired():
		return v, t.timedOut(ctx, limited, next, err)
	case err == nil && t.keep != nil:
		v = t.keep(limited, v, release)
		kept = true
	}
	return v, err
}

// limit derives the function's context on the policy's clock.
func (t *TimeoutPolicy[T]) limit(ctx context.Context, next Call[T]) (limited limitedCtx, release func()) {
	if t.cfg.Clock == nil {
		limited := &lazyCtx{parent: ctx, deadline: deadline(next.now(), t.cfg.After), expiry: t.expiry}
		return limited, limited.finish
	}
	return onClock(ctx, t.cfg.Clock, t.cfg.After, t.expiry)
}

// under returns the context from which one with a timer for limit is derived, or nil if
// parent certainly ends before: then no timer is needed, and one might win against the
// parent's own.
func under(parent context.Context, limit time.Time) context.Context {
	switch {
	case !comesFirst(parent, limit):
		return parent
	case ending.Movable(parent):
		return ending.Unbounded(parent)
	}
	return nil
}

// attach derives a context from parent that the clock ends at limit, d from now, with e.
func attach(parent context.Context, clock Clock, limit time.Time, d time.Duration, e *expiry) (context.Context, context.CancelFunc) {
	outer := under(parent, limit)
	if outer == nil {
		return context.WithCancel(parent)
	}
	if c, ok := clock.(interface {
		WithTimeoutCause(parent context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc)
	}); ok {
		return c.WithTimeoutCause(outer, d, e.err)
	}
	return clock.WithTimeout(outer, d)
}

// timedOut returns the error of a call that the limit ended, and emits TimedOut.
func (t *TimeoutPolicy[T]) timedOut(ctx context.Context, limited limitedCtx, next Call[T], err error) error {
	if err == error(t.expiry.err) { //nolint:errorlint // wrapped, it has something to add
		err = nil // the function returned the cause of its context; do not report it twice
	}
	timeout := &TimeoutError{After: t.cfg.After, Name: t.cfg.Name, err: err, expiry: t.expiry.err}
	if next.Observed(TimedOut) {
		next.Emit(ctx, Event{
			Kind: TimedOut, Policy: "timeout", Name: t.cfg.Name, Elapsed: t.cfg.After + limited.over(), Err: timeout,
		})
	}
	return timeout
}

// TimeoutError reports that the limit of a [TimeoutPolicy] passed. It matches
// [context.DeadlineExceeded] and the error that the function returned.
type TimeoutError struct {
	After time.Duration // the limit
	Name  string        // the policy's name

	err    error         // the function's error, or nil if it did not return in time
	expiry *TimeoutError // the policy's own, which was the context's cause
}

// Error returns the limit that passed and the function's error.
func (e *TimeoutError) Error() string {
	if e == nil {
		return "<nil>"
	}
	msg := "policy: timeout"
	if e.Name != "" {
		msg += " " + e.Name
	}
	msg += fmt.Sprintf(": no result within %v", e.After)
	if e.err != nil {
		msg += fmt.Sprintf(": %v", e.err)
	}
	return msg
}

// Unwrap returns the function's error, or nil.
func (e *TimeoutError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.err
}

// Is reports whether target is [context.DeadlineExceeded] or the cause of the context
// that the limit ended.
func (e *TimeoutError) Is(target error) bool {
	if target == context.DeadlineExceeded {
		return true
	}
	t, ok := target.(*TimeoutError)
	return ok && e != nil && t != nil && t == e.expiry
}

// Timeout returns true. With Temporary it makes a TimeoutError a net.Error, as
// context.DeadlineExceeded is.
func (e *TimeoutError) Timeout() bool { return true }

// Temporary returns true, as context.DeadlineExceeded's does.
func (e *TimeoutError) Temporary() bool { return true }
