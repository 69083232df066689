package observe

import (
	"strings"
)

// id identifies an entry of the table. The meaning of its strings depends on the kind:
//
//	kind                a         b    c                     d           e
//	callDuration        pipeline  key  rescue or error type  operation
//	attemptDuration     pipeline  key  policy                error type
//	retryDelay          pipeline  key  policy                source
//	rejections          pipeline  key  policy                reason      policy type
//	callActive          pipeline
//	circuitCalls        circuit   key
//	circuitTransitions  circuit   key  from                  to
//	queueWait           policy    key  policy type
//	keyName and so on   pipeline       name
//	circuitName         circuit
//
// code is the outcome of a call, the type and the outcome of an attempt, or the outcome of
// a circuit's call and whether it was slow.
type id struct {
	kind          instrument
	code          uint8
	a, b, c, d, e string
}

// is reports whether x and y are equal. Most strings are empty: these cost one comparison.
func (x *id) is(y *id) bool {
	return x.kind == y.kind && x.code == y.code &&
		equal(x.a, y.a) && equal(x.b, y.b) && equal(x.c, y.c) && equal(x.d, y.d) && equal(x.e, y.e)
}

func equal(a, b string) bool { return len(a) == len(b) && (len(a) == 0 || a == b) }

// cloned returns a copy that shares no memory with strings of a caller, which may be small
// parts of large ones.
func (x *id) cloned() id {
	y := *x
	for _, s := range []*string{&y.a, &y.b, &y.c, &y.d, &y.e} {
		*s = strings.Clone(*s)
	}
	return y
}

// errorType returns where x has an error type, or nil if it has none.
func (x *id) errorType() *string {
	switch {
	case x.kind == callDuration && outcome(x.code) != success:
		return &x.c
	case x.kind == attemptDuration && outcome(x.code&0xf) != success:
		return &x.d
	}
	return nil
}

// operation returns where x has an operation, or nil if it has none.
func (x *id) operation() *string {
	if x.kind == callDuration && x.d != "" {
		return &x.d
	}
	return nil
}

// circuit returns the name of the circuit that x belongs to, or "".
func (x *id) circuit() string {
	switch {
	case x.kind == circuitCalls, x.kind == circuitTransitions:
		return x.a
	case x.kind == rejections && x.e == breakerKind:
		return x.c
	}
	return ""
}
