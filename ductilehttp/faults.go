package ductilehttp

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
)

// faults collects the faults of one of this package's configs.
type faults struct{ *fault.List }

func faultsOf(kind string) faults { return faults{fault.Of("ductilehttp: " + kind)} }

// refuse adds a fault if a field is set that has no effect beside another. A short value is
// shown.
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

// refuseTypedNil adds a fault if a non-nil interface holds a nil pointer or function.
func (f *faults) refuseTypedNil(field string, rt http.RoundTripper) {
	if v := reflect.ValueOf(rt); (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil() {
		f.Add(field, fmt.Sprintf("a nil %T", rt), "one that is not nil, or nothing")
	}
}

// header adds a fault if name is not a valid header name.
func (f *faults) header(field, name string) {
	if name != "" && !isToken(name) {
		f.Add(field, fmt.Sprintf("%q", name), "a header's name")
	}
}

// atLeast adds a fault for a duration below -1; -1 is the constant for no limit.
func (f *faults) atLeast(field string, d time.Duration, none string) {
	if d < -1 {
		f.Add(field, d, none+" (-1ns), or 0 or more")
	}
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2, as a header name must
// be.
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
