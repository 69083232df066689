package registry

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/nearest"
)

// Error is one fault of a [Spec]. [New], [Registry.Apply] and [Spec.Validate] return all
// faults joined, each of them an *Error.
type Error struct {
	Path  string // where, with the names that files use: "circuits.stripe.failure_rate"
	Value string // what was given: "7"; text is quoted
	Want  string // what is allowed, "0 to 1", or what has to be set beside it, "needs MaxQueue"
	Hint  string // a suggestion: "did you mean stripe?"; empty if there is none
}

// Error returns "registry: circuits.stripe.failure_rate is 7, want 0 to 1", with the hint
// if there is one.
func (e *Error) Error() string {
	text := "registry: " + e.Path
	if e.Value != "" {
		text += fault.Text(e.Value, e.Want)
	} else {
		text += ": " + e.Want
	}
	if e.Hint != "" {
		text += ", " + e.Hint
	}
	return text
}

// faults collects the faults of a Spec.
type faults []error

func (f *faults) add(path string, value any, want, hint string) {
	text := fmt.Sprint(value)
	if s, ok := value.(string); ok {
		text = strconv.Quote(s)
	}
	*f = append(*f, &Error{Path: path, Value: text, Want: want, Hint: hint})
}

// in adds the faults of a Config at path, as its Validate returned them.
func (f *faults) in(path string, err error) {
	for _, e := range fault.All(err) {
		if e.Err != nil {
			*f = append(*f, &Error{Path: path, Want: e.Err.Error()})
			continue
		}
		*f = append(*f, &Error{Path: path + "." + snake(e.Field), Value: fmt.Sprint(e.Value), Want: e.Want})
	}
}

// reference adds a fault for a name that is none of the known ones.
func (f *faults) reference(path, name, want string, known iter.Seq[string]) {
	hint := ""
	if len(*f) < nearest.MaxHints {
		hint = nearest.Hint(name, slices.Collect(known))
	}
	f.add(path, name, want, hint)
}

func (f *faults) err() error { return errors.Join(*f...) }

// snake returns the name that files use for a field, "max_retry_after" for MaxRetryAfter.
func snake(field string) string {
	var b strings.Builder
	in := []rune(field)
	for i, r := range in {
		if unicode.IsUpper(r) && i > 0 && in[i-1] != '.' {
			if !unicode.IsUpper(in[i-1]) || i+1 < len(in) && unicode.IsLower(in[i+1]) {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
