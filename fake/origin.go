package fake

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// origin is what was started on a clock, and where. Clocks made without [For] have
// none: a stack costs more than everything else that a clock does.
type origin struct {
	what  string // "Sleep(1s)"
	stack []uintptr
}

// deep is how many callers an origin keeps. A test that calls through a pipeline of
// ten policies is within it.
const deep = 64

// origin returns the origin of a call of one of the clock's methods, nil without For.
func (c *Clock) origin(what string) *origin {
	if c.test == nil {
		return nil
	}
	pcs := make([]uintptr, deep)
	return &origin{what, pcs[:runtime.Callers(2, pcs)]}
}

// originIn is origin for a method that takes a duration.
func (c *Clock) originIn(what string, d time.Duration) *origin {
	if c.test == nil {
		return nil
	}
	return c.origin(fmt.Sprintf("%s(%v)", what, d))
}

// String returns what was started, the place of the call, and the line of the test
// that led to it, if that is another one.
func (o *origin) String() string {
	place, test := o.places()
	if test == "" || test == place {
		return fmt.Sprintf("%s at %s", o.what, place)
	}
	return fmt.Sprintf("%s at %s, called from %s", o.what, place, test)
}

// places returns the innermost frame outside of this package and of package policy's
// helpers, and the innermost frame in a test file.
func (o *origin) places() (place, test string) {
	frames := runtime.CallersFrames(o.stack)
	for more := true; more && test == ""; {
		var f runtime.Frame
		f, more = frames.Next()
		if ownFrame(f.Function) {
			continue
		}
		text := fmt.Sprintf("%s:%d (%s)", f.File, f.Line, f.Function[strings.LastIndexByte(f.Function, '/')+1:])
		if place == "" {
			place = text
		}
		if strings.HasSuffix(f.File, "_test.go") {
			test = text
		}
	}
	return place, test
}

// ownFrame reports whether a function only passes a call on to the clock.
func ownFrame(function string) bool {
	const module = "github.com/ductile-go/ductile/"
	name, ours := strings.CutPrefix(function, module)
	if !ours {
		return false
	}
	switch name {
	case "policy.Sleep", "policy.Go", "policy.AfterFunc":
		return true
	}
	return strings.HasPrefix(name, "fake.")
}
