// Package fault collects what is wrong with a Config, and words it one way: which
// field, which value, and what is allowed.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Error is one fault of a Config.
type Error struct {
	Type  string // "retry: Config"
	Field string // "MaxDelay", or "Retry.MaxDelay" of a Config in it
	Value any
	Want  string
}

// Error returns "retry: Config.MaxDelay is -1s, want 0 or more".
func (e *Error) Error() string {
	return fmt.Sprintf("%s.%s is %v, want %s", e.Type, e.Field, e.Value, e.Want)
}

// List is the faults of one Config.
type List struct {
	of     string
	faults []error
}

// Of returns an empty list for a type: "retry: Config".
func Of(typ string) *List { return &List{of: typ} }

// Add adds a fault of a field.
func (l *List) Add(field string, value any, want string) {
	l.faults = append(l.faults, &Error{l.of, field, value, want})
}

// In adds the faults of a Config that the field holds, under this type and field: they
// then name what the author of this Config wrote. An empty field is for faults that name
// fields which this Config has under the same names.
func (l *List) In(field string, err error) { l.faults = append(l.faults, in(l.of, field, err)...) }

func in(typ, field string, err error) []error {
	switch e := err.(type) { //nolint:errorlint // the list itself is taken apart
	case nil:
		return nil
	case *Error:
		return []error{&Error{typ, strings.Trim(field+"."+e.Field, "."), e.Value, e.Want}}
	case interface{ Unwrap() []error }:
		var all []error
		for _, err := range e.Unwrap() {
			all = append(all, in(typ, field, err)...)
		}
		return all
	}
	return []error{fmt.Errorf("%s.%s: %w", typ, field, err)}
}

// Err returns the faults joined, or nil if there are none.
func (l *List) Err() error { return errors.Join(l.faults...) }
