package chaos

import (
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// ErrInjected matches every error that an [Injector] injects.
var ErrInjected = errors.New("chaos: injected")

// Error is an injected error. It matches [ErrInjected] and what Err matches, except
// [policy.ErrRejected]: an injected error stands for one of the dependency, and circuits
// would ignore a rejection. So a Fault that returns bulkhead.ErrFull matches
// bulkhead.ErrFull, and is counted and retried all the same.
type Error struct {
	Name string // of the injector
	Kind string // "fault", "outcome", "behavior" or "detour"
	Err  error  // the author's own
}

// Error returns the text of Err after "chaos: injected", and the injector's name if it has
// one.
func (e *Error) Error() string {
	if e == nil {
		return "<nil>"
	}
	text := ErrInjected.Error()
	if e.Name != "" {
		text += fmt.Sprintf(" by %q", e.Name)
	}
	if e.Err == nil || e.Err == ErrInjected { //nolint:errorlint // with a text of its own it is shown
		return text
	}
	return fmt.Sprintf("%s: %v", text, e.Err)
}

// Unwrap returns Err, unless that matches [policy.ErrRejected].
func (e *Error) Unwrap() error {
	if e == nil || e.refused() {
		return nil
	}
	return e.Err
}

// refused reports whether Err matches policy.ErrRejected. Such an Err is not unwrapped, or
// the whole would match, too. Is, As and RetryAfter ask it instead.
func (e *Error) refused() bool { return errors.Is(e.Err, policy.ErrRejected) }

// Is reports whether target is [ErrInjected], or is matched by an Err that is not unwrapped.
// It returns false for [policy.ErrRejected].
func (e *Error) Is(target error) bool {
	switch {
	case e == nil, target == policy.ErrRejected:
		return false
	case target == ErrInjected:
		return true
	}
	return e.refused() && errors.Is(e.Err, target)
}

// As finds target in an Err that is not unwrapped.
func (e *Error) As(target any) bool {
	return e != nil && e.refused() && errors.As(e.Err, target)
}

// RetryAfter returns how long Err asks to wait, or 0.
func (e *Error) RetryAfter() time.Duration {
	if e == nil {
		return 0
	}
	d, _ := policy.RetryAfter(e.Err)
	return d
}

// wrap returns err as an injected error. Marks on the outside stay there, where the doors of
// pipelines remove them.
func (in *injection) wrap(err error) error {
	if err == nil {
		return nil
	}
	if m, ok := err.(*mark.Mark); ok { //nolint:errorlint // a wrapped mark belongs to its wrapper
		outer := *m
		outer.Err = in.wrap(m.Err)
		return &outer
	}
	return &Error{Name: in.cfg.Name, Kind: in.kind, Err: err}
}
