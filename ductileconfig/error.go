package ductileconfig

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
	"github.com/ductile-go/ductile/internal/fault"
)

// Error is one fault of a configuration. [Load] returns all faults joined, in the order
// of the sources and their lines:
//
//	var faults interface{ Unwrap() []error }
//	if errors.As(err, &faults) {
//		for _, fault := range faults.Unwrap() { … fault.(*ductileconfig.Error) … }
//	}
//
// A fault of a value has Value and Want, any other has Problem. The place of a wrong value is
// the value; that of an unknown field, or of another fault of a key, is the key.
type Error struct {
	File         string // as given to File or Bytes; the name of a variable; "map"
	Line, Column int    // counted from 1, columns in characters; 0 if not known
	Path         string // "circuits.stripe.recovery_timeout"; empty if the whole file is meant
	Value        string // what was given, "7"
	Want         string // what is allowed, "0 to 1 (or 0% to 100%)", or what has to be set beside it, "needs max_queue"
	Hint         string // "did you mean recovery_timeout?"; may be empty
	Problem      string // instead of Value and Want: "unknown field"
	Excerpt      string // the line, and below it a caret; empty if the text is not known
}

// Error returns the place, what is wrong, the hint, and then the excerpt:
//
//	ductile.yaml:9:5: circuits.openai.recovery_timout: unknown field, did you mean recovery_timeout?
//	    9 |     recovery_timout: 60s
//	      |     ^
func (e *Error) Error() string {
	text := e.place() + ": " + e.Message()
	if e.Excerpt != "" {
		text += "\n" + e.Excerpt
	}
	return text
}

// Message returns what is wrong, without the place and the excerpt:
// "circuits.openai.failure_rate is 7, want 0 to 1 (or 0% to 100%)".
func (e *Error) Message() string {
	text := shown(e.Path)
	switch {
	case e.Problem == "":
		text += fault.Text(e.Value, e.Want)
	case text == "":
		text = e.Problem
	default:
		text += ": " + e.Problem
	}
	switch {
	case e.Hint == "":
		return text
	case strings.HasPrefix(e.Hint, "did you mean"):
		return text + ", " + e.Hint
	}
	return text + "; " + e.Hint
}

// maxPath is how many characters of a path a message shows.
const maxPath = 300

// shown returns a path as a message shows it: a key may have any length, and characters that a
// terminal would obey.
func shown(path string) string {
	text := []rune(path)
	for i, r := range text {
		if i == maxPath {
			return string(text[:i]) + "…"
		}
		if !unicode.IsPrint(r) {
			text[i] = unicode.ReplacementChar
		}
	}
	return string(text)
}

func (e *Error) place() string {
	text := e.File
	if e.Line > 0 {
		text += ":" + strconv.Itoa(e.Line)
		if e.Column > 0 {
			text += ":" + strconv.Itoa(e.Column)
		}
	}
	return text
}

// joined returns the faults as an error, or nil if there are none.
func joined(faults *tree.Faults) error {
	var all []error
	for _, fault := range faults.Sorted() {
		all = append(all, (*Error)(fault))
	}
	return errors.Join(all...)
}
