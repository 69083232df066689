// Package prompt lets a policy declare that it calls the next one immediately.
package prompt

import (
	"reflect"
	"strings"
)

// Mark is embedded by a policy that starts the next policy, and returns its success,
// without waiting, locking, calling a user's function or changing the goroutine. A
// clock reading made just outside such a policy is still good just inside it, and vice
// versa.
type Mark struct {
	Late bool // the config of this policy makes it an exception
	// Emits are the events for which the policy leaves its fast path. A policy without
	// any has no fast path, or leaves it for every listener.
	Emits []string
}

func (m Mark) prompt() Mark { return m }

// Of returns the mark of p. A user's type that embeds a marked policy may behave
// differently, so it has no mark.
func Of(p any) (m Mark, ok bool) {
	marked, ok := p.(interface{ prompt() Mark })
	if !ok {
		return Mark{}, false
	}
	t := reflect.TypeOf(p)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	pkg := t.PkgPath()
	if !strings.HasPrefix(pkg, "github.com/ductile-go/ductile/") || strings.HasSuffix(pkg, "_test") {
		return Mark{}, false
	}
	return marked.prompt(), true
}
