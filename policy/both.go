package policy

import (
	"errors"
	"time"
)

// both returns an error that matches what a or b matches, and [ErrRejected] only if
// both do.
func both(text string, a, b error) error {
	switch aRefused, bRefused := errors.Is(a, ErrRejected), errors.Is(b, ErrRejected); {
	case aRefused && !bRefused:
		return &halfRefused{text: text, ran: b, refused: a}
	case bRefused && !aRefused:
		return &halfRefused{text: text, ran: a, refused: b}
	}
	return &bothErrors{text, a, b}
}

type bothErrors struct {
	text string
	a, b error
}

func (e *bothErrors) Error() string   { return e.text }
func (e *bothErrors) Unwrap() []error { return []error{e.a, e.b} }

// halfRefused joins an error that matches ErrRejected with one that does not. It does
// not unwrap to the former, because the whole would then match ErrRejected; its Is and
// As methods match that error instead.
type halfRefused struct {
	text         string
	ran, refused error
}

func (e *halfRefused) Error() string { return e.text }
func (e *halfRefused) Unwrap() error { return e.ran }

func (e *halfRefused) Is(target error) bool {
	return target != ErrRejected && errors.Is(e.refused, target)
}

func (e *halfRefused) As(target any) bool { return errors.As(e.refused, target) }

// RetryAfter returns the longer of the two waits that the errors ask for.
func (e *halfRefused) RetryAfter() time.Duration {
	a, _ := RetryAfter(e.ran)
	b, _ := RetryAfter(e.refused)
	return max(a, b)
}
