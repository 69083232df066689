package hedge

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/ductile-go/ductile/internal/beside"
	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// attempt is one run of the function, and the context of an extra one. The goroutine that
// runs it writes the result before it publishes the attempt in the state; other
// goroutines read it only from there.
type attempt[T any] struct {
	context.Context // of an extra attempt: derived from the caller's, and speculative
	call            *call[T]
	cancel          context.CancelCauseFunc
	n               int
	reason          string
	alone           bool        // it started when no other was running
	older           *attempt[T] // the extra attempt started before this one

	v        T
	err      error
	returned bool
	panicked *policy.PanicError
	won      bool
	refused  bool        // an extra attempt that a policy inside rejected
	worth    bool        // a failure that starts the next attempt early
	final    bool        // a failure whose RetryAfter is too long
	until    time.Time   // from the failure's RetryAfter: no attempt starts before
	before   *attempt[T] // the attempt that failed before this one
}

// Value returns the caller's value.
func (a *attempt[T]) Value(key any) any {
	switch key {
	case any(attemptKey{}):
		return a
	case any(beside.RoundKey{}):
		return a.call
	case any(beside.AloneKey{}):
		return a.alone
	case a.call.hedge.counted: // never nil as a key
		return a
	}
	return a.Context.Value(key)
}

func (a *attempt[T]) number() int { return a.n }

// String returns a text, so that a context is printed without a look at its fields.
func (a *attempt[T]) String() string {
	return fmt.Sprintf("%s.Hedge(%d)", ending.Text(a.call.Context), a.n)
}

// broken reports whether the attempt panicked or called runtime.Goexit.
func (a *attempt[T]) broken() bool { return !a.returned }

// failure returns the attempt's error for WithOnLate and observers.
func (a *attempt[T]) failure() error {
	switch {
	case a.returned:
		return a.err
	case a.panicked != nil:
		return a.panicked
	}
	return policy.ErrNoReturn
}

// runAll runs an attempt on this goroutine, and then those started by its failure.
func (c *call[T]) runAll(a *attempt[T]) {
	for a != nil {
		a = c.run(a)
	}
}

// run runs an attempt on a goroutine other than the caller's, and returns the attempt to
// run next.
func (c *call[T]) run(a *attempt[T]) (more *attempt[T]) {
	defer func() {
		// Only this frame may recover: no frame above it could, and the caller panics again
		// with the value if it still waits.
		if r := recover(); r != nil {
			a.panicked = &policy.PanicError{Value: r, Stack: debug.Stack()}
		}
		more = c.end(a)
	}()
	c.try(a)
	return nil
}

// try runs the function for an attempt and judges the result.
func (c *call[T]) try(a *attempt[T]) {
	if a.n == 1 {
		a.v, a.err = c.next.Do(c)
	} else {
		c.tellHedged(a)
		a.v, a.err = c.next.Again(a)
	}
	c.judge(a, c.wins(a.v, a.err))
	a.returned = true
}

// wins reports whether an attempt with this result wins.
func (c *call[T]) wins(v T, err error) bool {
	if c.hedge.when == nil {
		return err == nil
	}
	return c.ask(v, err)
}

// ask calls the function of WithCondition.
func (c *call[T]) ask(v T, err error) (won bool) {
	asked := false
	defer func() {
		if !asked { // it panicked, so no caller gets the value
			c.dropValue(v, err)
		}
	}()
	won = c.hedge.when(v, err)
	asked = true
	return won
}

// judge derives the fields of an attempt from its result. It calls the user's functions
// and the methods of the error, so it runs before the step that ends the attempt, which
// may run several times and where a panic would end the process.
func (c *call[T]) judge(a *attempt[T], won bool) {
	judged := false
	defer func() {
		if !judged { // a user's function panicked, so no caller gets the value
			c.dropValue(a.v, a.err)
		}
	}()
	a.refused = a.n > 1 && rejected(a.err)
	if a.won = won; !won {
		c.judgeFailure(a)
	}
	judged = true
}

func (c *call[T]) judgeFailure(a *attempt[T]) {
	a.worth = c.hedge.worth(a.err)
	if hint, ok := policy.RetryAfter(a.err); ok {
		now := policy.Now(c.hedge.cfg.Clock)
		a.until = now.Add(hint)
		deadline, bounded := c.Deadline()
		a.final = hint > retry.DefaultMaxRetryAfter || bounded && !a.until.Before(deadline)
	}
}

// drop passes the value of an attempt, which may be nil, to the function of WithDiscard.
func (c *call[T]) drop(a *attempt[T]) {
	if a != nil && !a.broken() {
		c.dropValue(a.v, a.err)
	}
}

func (c *call[T]) dropValue(v T, err error) {
	if c.hedge.discard == nil || err != nil && same.Zero(v) {
		return
	}
	safely("the function of WithDiscard", func() { c.hedge.discard(v) })
}

// late completes an attempt that ended after the call was decided.
func (c *call[T]) late(a *attempt[T]) {
	c.release(a)
	defer c.tellLate(a) // each of the three also if one before calls runtime.Goexit
	defer c.failed(a)
	c.drop(a)
}

// failed passes the error of a late attempt to the function of WithOnLate.
func (c *call[T]) failed(a *attempt[T]) {
	if err := a.failure(); err != nil && c.hedge.late != nil {
		safely("the function of WithOnLate", func() { c.hedge.late(err) })
	}
}

// release ends the context of an attempt that is no longer used. The first attempt's
// context ends with the call.
func (c *call[T]) release(a *attempt[T]) {
	if a.cancel != nil {
		a.cancel(nil)
	}
}
