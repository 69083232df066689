package gate

import (
	"fmt"

	"github.com/ductile-go/ductile/policy"
)

// Voice is how the errors and events of a gate name it. All gates of a package share one.
type Voice struct {
	Kind string            // the Policy of events, and the package that errors begin with
	Noun string            // what errors call the gate: "gate"
	Full func(*Full) error // the error of a refused call; it allocates nothing
}

// Full describes a refusal. Calls that are refused under the same limit share one value,
// so that refusing allocates nothing. The error types of packages have the same fields, so
// that a *Full can be converted to a pointer to one of them.
type Full struct {
	Name     string
	Limit    int // in force when the call was refused
	MaxQueue int
}

// refusal returns the error of a call that is refused now.
func (g *Gate) refusal() error { return g.voice.Full(&g.rules.Load().full) }

// The reasons of a refusal, which the packages document.
const (
	ReasonQueueFull   = "queue_full"
	ReasonMaxWait     = "max_wait"
	ReasonDisplaced   = "displaced"
	ReasonSpeculative = "speculative"
	ReasonCanceled    = "canceled"
	ReasonDeadline    = "deadline"
)

// leftError is the error of a call whose context ended during its wait. It matches
// policy.ErrRejected as well as the context's error: the function did not run, so a
// circuit around the gate must not count it against the dependency.
type leftError struct {
	gate *Gate
	err  error
}

func (e *leftError) Error() string {
	v := e.gate.voice
	return fmt.Sprintf("%s: left the queue of %s%s: %v", v.Kind, v.Noun, Quoted(e.gate.name), e.err)
}

func (e *leftError) Unwrap() error        { return e.err }
func (e *leftError) Is(target error) bool { return target == policy.ErrRejected }

// Quoted returns the name in quotes after a space, or nothing for the empty name.
func Quoted(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" %q", name)
}
