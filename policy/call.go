package policy

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/internal/stopwatch"
)

// Call is the rest of a call: the inner policies, then the function. It is a small
// value, passed by value, and safe for concurrent use if the function is. A policy
// receives one; [CallOf] and [Chain.Call] make one. The zero Call has no function, and
// its Do panics.
type Call[T any] struct {
	// at is the link whose policy received this Call; its successor runs next. It is
	// nil for a call without policies. A pointer to a link takes one register less than
	// a chain and an index, and every policy passes a Call on.
	at     *link[T]
	fn     Func[T]
	record *record // of the innermost observed pipeline around the call, or nil; a call with one has a link
}

// CallOf returns a call of fn without policies. A policy uses it to run alone. CallOf
// panics if fn is nil.
func CallOf[T any](fn Func[T]) Call[T] {
	if fn == nil {
		panic("policy: CallOf: fn is nil, want a function")
	}
	return Call[T]{fn: fn}
}

// Do runs the rest of the call. A policy may call it any number of times, also
// concurrently.
func (c Call[T]) Do(ctx context.Context) (T, error) {
	if c.at == nil || c.at.next == nil {
		return c.fn(ctx)
	}
	c.at = c.at.next
	return c.at.policy.Execute(ctx, c)
}

// Again is Do for a further attempt. A policy that runs the rest of a call more than
// once uses Do for the first run and Again for the others; the pipeline's Finished
// event then has the number of attempts.
func (c Call[T]) Again(ctx context.Context) (T, error) {
	c.record.countAgain()
	return c.Do(ctx)
}

// Checked reports whether the call runs in a pipeline, which has checked that its context
// had not ended. A policy that only passes a call on need not check again then. The check
// may take longer than the policy: inside of a [Timeout] it reads the clock.
func (c Call[T]) Checked() bool { return c.at != nil }

// HasObservers reports whether an observer may want events of this policy. It is a
// quick check before several calls of Observed.
func (c Call[T]) HasObservers() bool { return c.at != nil && c.at.watched }

// Observed reports whether an observer wants events of the kind. Ask before work that
// only an event needs, such as reading a clock.
func (c Call[T]) Observed(kind EventKind) bool {
	return c.at != nil && c.at.audience != nil && c.at.audience.wants(kind)
}

// Emit sets e.Pipeline and e.Key, and passes e to the pipeline's observers that want
// its kind. It does nothing if there are none.
func (c Call[T]) Emit(ctx context.Context, e Event) {
	if c.record != nil && e.Kind == Recovered {
		c.record.rescued(e.Policy)
	}
	if c.Observed(e.Kind) {
		c.at.label(&e)
		c.at.audience.send(ctx, &e)
	}
}

// Label returns e with Pipeline and Key set as Emit sets them, for a callback in a
// policy's own Config.
func (c Call[T]) Label(e Event) Event {
	if c.at != nil {
		c.at.label(&e)
	}
	return e
}

// Refusal returns the error with which an inner policy would refuse a call made after
// the given delay, or nil if none is known to refuse it. It runs nothing and counts
// nothing. A retry asks before it sleeps.
//
// The inner policies are asked in order, by a method
//
//	Refusal(ctx context.Context, after time.Duration) error
//
// The search ends at the first error, and at the first policy without the method,
// because that policy might rescue the call. A policy that passes every call on returns
// nil. A policy that contains others, some of which cannot be asked, returns
// [ErrUndetermined] to end the search without a refusal.
func (c Call[T]) Refusal(ctx context.Context, after time.Duration) error {
	if c.at == nil {
		return nil
	}
	return known(c.at.refusal(ctx, after))
}

// known returns err, or nil if err says that the refusal is unknown.
func known(err error) error {
	if err == refusal.ErrUnknown { //nolint:errorlint // identity: it is never wrapped
		return nil
	}
	return err
}

// Stopwatch starts a stopwatch on clock; nil means real time. Call it first in Execute:
// if the pipeline has just read the clock, that reading is used. The stopwatch's method
// Elapsed returns the time since, at least 0.
func (c Call[T]) Stopwatch(clock Clock) stopwatch.Watch {
	if clock != nil {
		return stopwatch.New(clock)
	}
	return stopwatch.Watch{At: c.now()}
}

// now returns the monotonic time. It reuses the pipeline's reading if this is the first
// attempt and every policy since calls the next one immediately; otherwise it reads the
// clock.
func (c Call[T]) now() int64 {
	if r := c.record; r != nil && c.at.prompt && r.again.Load() == 0 {
		if start := r.start.Load(); start != 0 {
			return start
		}
	}
	return mono.Now()
}

// Delayed tells the pipeline that a user's callback has run and may have taken time, so
// that clock readings made before are not used again.
func (c Call[T]) Delayed() {
	if c.record != nil {
		c.record.start.Store(0)
		c.record.ended.Store(0)
	}
}

// Lap returns the time since w was started, for a policy whose part of the call has
// just ended. On a success of the first attempt it reuses the reading of an inner
// policy, if there is one; the time that inner observers take is then not part of it.
func (c Call[T]) Lap(w stopwatch.Watch, succeeded bool) time.Duration {
	if !succeeded || w.Clock != nil || c.record == nil || !c.at.prompt {
		return w.Elapsed()
	}
	return time.Duration(c.record.lap(w.At) - w.At)
}
