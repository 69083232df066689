package ductilehttp

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
)

// faults are those of a config of this package.
type faults struct{ *fault.List }

func faultsOf(kind string) faults { return faults{fault.Of("ductilehttp: " + kind)} }

// refuse finds a field that would have no effect beside another. Its value is shown if
// it is short.
func (f *faults) refuse(field string, value any, beside string) {
	if reflect.ValueOf(value).IsZero() {
		return
	}
	switch value.(type) {
	case int, bool, time.Duration:
	default:
		value = "set"
	}
	f.Add(field, value, "zero beside "+beside)
}

// refuseTypedNil finds a nil pointer, or function, in an interface that is not nil.
func (f *faults) refuseTypedNil(field string, rt http.RoundTripper) {
	if v := reflect.ValueOf(rt); (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil() {
		f.Add(field, fmt.Sprintf("a nil %T", rt), "one that is not nil, or nothing")
	}
}

// header finds a name that no header can have.
func (f *faults) header(field, name string) {
	if name != "" && !isToken(name) {
		f.Add(field, fmt.Sprintf("%q", name), "a header's name")
	}
}

// atLeast finds a duration below 0 that is not the constant for none, -1.
func (f *faults) atLeast(field string, d time.Duration, none string) {
	if d < -1 {
		f.Add(field, d, none+" (-1ns), or 0 or more")
	}
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2, as a header's
// name must be.
func isToken(s string) bool {
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		case strings.ContainsRune("!#$%&'*+-.^_`|~", r):
		default:
			return false
		}
	}
	return s != ""
}
