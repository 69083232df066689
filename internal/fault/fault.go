// Package fault reports what is wrong with a Config. Every Validate in this module
// collects its faults in a [List], so that all of them read alike: the field, the value
// that was given, and the values that are allowed.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error is one fault of a Config.
type Error struct {
	Type  string // the package and the type, "retry: Config"
	Field string // "MaxDelay", or "Retry.MaxDelay" for a field of a nested Config
	Value any    // what was given
	Want  string // what is allowed, "0 or more", or what has to be set beside it, "needs MaxQueue"
	Err   error  // the error of a value that checks itself; Value and Want are then unset
}

// Error returns "retry: Config.MaxDelay is -1s, want 0 or more", or the type, the field
// and the text of Err.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s.%s: %v", e.Type, e.Field, e.Err)
	}
	return e.Type + "." + e.Field + Text(e.Value, e.Want)
}

// Text returns what follows the name of a field: " is -1s, want 0 or more", or
// " is 1s but needs MaxQueue".
func Text(value any, want string) string {
	if strings.HasPrefix(want, "needs ") {
		return fmt.Sprintf(" is %v but %s", value, want)
	}
	return fmt.Sprintf(" is %v, want %s", value, want)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// List collects the faults of one Config. Make one with [Of].
type List struct {
	of     string
	faults []error
}

// Of returns an empty list for a type, given as "retry: Config".
func Of(typ string) *List { return &List{of: typ} }

// Add adds a fault: the field has value, and want says what is allowed.
func (l *List) Add(field string, value any, want string) {
	l.faults = append(l.faults, &Error{Type: l.of, Field: field, Value: value, Want: want})
}

// NotNegative adds a fault if d is less than 0.
func (l *List) NotNegative(field string, d time.Duration) {
	if d < 0 {
		l.Add(field, d, "0 or more")
	}
}

// In adds the faults of a nested Config, as its Validate returned them. They are
// reworded to name this list's type and the path through field, which is what the
// author of this Config wrote. An empty field is for a Config that is derived from this
// one and has fields of the same names.
func (l *List) In(field string, err error) { l.faults = append(l.faults, in(l.of, field, err)...) }

func in(typ, field string, err error) []error {
	switch e := err.(type) { //nolint:errorlint // the list itself is taken apart
	case nil:
		return nil
	case *Error:
		renamed := *e
		renamed.Type, renamed.Field = typ, strings.Trim(field+"."+e.Field, ".")
		return []error{&renamed}
	case interface{ Unwrap() []error }:
		var all []error
		for _, err := range e.Unwrap() {
			all = append(all, in(typ, field, err)...)
		}
		return all
	}
	return []error{&Error{Type: typ, Field: field, Err: err}}
}

// Err returns the faults joined, in the order added, or nil if there are none.
func (l *List) Err() error { return errors.Join(l.faults...) }

// All splits the error of a Validate into its faults, in order. An error of another kind
// becomes the Err of a fault without a field.
func All(err error) []*Error {
	var all []*Error
	for _, err := range in("", "", err) {
		all = append(all, err.(*Error)) //nolint:errorlint // in makes nothing else
	}
	return all
}
