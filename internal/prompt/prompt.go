// Package prompt lets a policy declare that it calls the next one immediately.
package prompt

import (
	"reflect"
	"strings"
)

// Mark is embedded by a policy that begins its first run of the next policy, and
// returns its success, without waiting, locking, calling functions of the user's or
// leaving the goroutine. A clock reading taken just outside of such a policy is still
// good just inside of it, and the other way round.
type Mark struct {
	Late bool // not this one, by its config
	// Emits are the kinds of events for which the policy leaves its fast path. A policy
	// that has none has no fast path, or leaves it for any listener.
	Emits []string
}

func (m Mark) prompt() Mark { return m }

// Of returns the mark of p. A user-defined type that embeds a marked policy may
// act otherwise, and has none.
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
