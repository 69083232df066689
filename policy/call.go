package policy

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/internal/stopwatch"
)

// Call is what remains of a call: the inner policies, then the function. It is a
// small value, passed by value, and as safe for concurrent use as the function is.
// A policy is given one; [CallOf] and [Chain.Call] make one. The zero Call has no
// function to run.
type Call[T any] struct {
	// at is the link that the call has reached, whose policy was given this Call
	// and whose successor runs next. It is nil for a call without policies. A link
	// rather than a chain and an index: every policy passes a Call on, and that is
	// one register less at each of them.
	at     *link[T]
	fn     Func[T]
	record *record // of the observed pipeline that the call is in; nil without one
}

// CallOf returns a call of fn with no policies, which is what a policy needs to
// run alone. It panics if fn is nil.
func CallOf[T any](fn Func[T]) Call[T] {
	if fn == nil {
		panic("policy: CallOf: fn is nil, want a function")
	}
	return Call[T]{fn: fn}
}

// Do runs what remains of the call. A policy may call it any number of times, also
// concurrently.
func (c Call[T]) Do(ctx context.Context) (T, error) {
	if c.at == nil || c.at.next == nil {
		return c.fn(ctx)
	}
	c.at = c.at.next
	return c.at.policy.Execute(ctx, c)
}

// Again is Do for a further attempt: a policy that runs the rest of a call more
// than once calls Do for the first run and Again for the others, so that the
// pipeline's Finished event has the number of attempts.
func (c Call[T]) Again(ctx context.Context) (T, error) {
	c.record.countAgain()
	return c.Do(ctx)
}

// HasObservers reports whether an observer may want events of this policy. It is the
// quick check before several of Observed.
func (c Call[T]) HasObservers() bool { return c.at != nil && c.at.watched }

// Observed reports whether an observer wants events of the kind. It is for a
// policy that would have to work, say read a clock, for the sake of an event alone.
func (c Call[T]) Observed(kind EventKind) bool {
	return c.at != nil && c.at.audience != nil && c.at.audience.wants(kind)
}

// Emit tells the pipeline's observers of e, and fills in Pipeline and Key. If none
// wants events of that kind, it does nothing.
func (c Call[T]) Emit(ctx context.Context, e Event) {
	if c.record != nil && e.Kind == Recovered {
		c.record.rescued(e.Policy)
	}
	if c.Observed(e.Kind) {
		c.at.label(&e)
		c.at.audience.tell(ctx, &e)
	}
}

// Label returns e with Pipeline and Key filled in as Emit does, for a callback in a
// policy's own Config.
func (c Call[T]) Label(e Event) Event {
	if c.at != nil {
		c.at.label(&e)
	}
	return e
}

// Refusal returns the error with which a policy inside of this one would refuse a
// call made after the given delay, or nil if none is known to. It runs nothing and
// counts nothing: a retry asks before it waits.
//
// The policies are asked in order, by a method
//
//	Refusal(ctx context.Context, after time.Duration) error
//
// up to the first that has none, since that one might rescue the call. A policy that
// passes every call on answers nil. One that holds policies which cannot be asked, as a
// pipeline with a fallback, answers [ErrUndetermined], which ends the search too.
func (c Call[T]) Refusal(ctx context.Context, after time.Duration) error {
	if c.at == nil {
		return nil
	}
	return known(c.at.refusal(ctx, after))
}

// known returns nil for the refusal that no policy knows.
func known(err error) error {
	if err == refusal.ErrUnknown { //nolint:errorlint // identity: it is never wrapped
		return nil
	}
	return err
}

// Stopwatch starts to measure the time that a policy's part of the call takes, on
// clock; nil means real time. Where the pipeline has just read the clock, that
// reading is used. Call it first thing in Execute.
func (c Call[T]) Stopwatch(clock Clock) stopwatch.Watch {
	if clock != nil {
		return stopwatch.New(clock)
	}
	return stopwatch.At(c.now())
}

// now returns the monotonic time: the reading that the pipeline began with if all that
// has run since is policies of our own that call the next one at once, else a new one.
// After the first attempt the pipeline's reading is old.
func (c Call[T]) now() int64 {
	if r := c.record; r != nil && c.at != nil && c.at.prompt && r.again.Load() == 0 {
		if start := r.start.Load(); start != 0 {
			return start
		}
	}
	return mono.Now()
}

// Delayed says that time may have passed since the policies around, or inside, read
// the clock: a callback of the user's has run. Later readings are then new ones.
func (c Call[T]) Delayed() {
	if c.record != nil {
		c.record.start.Store(0)
		c.record.ended.Store(0)
	}
}

// Lap returns the time since s was started, for a policy whose part of the call has
// just ended. If the first attempt has succeeded and a policy inside has just read the
// clock for the same purpose, that reading is used. So the times of a success leave out
// what observers of the policies inside have taken.
func (c Call[T]) Lap(w stopwatch.Watch, succeeded bool) time.Duration {
	start, realTime := w.Reading()
	if !succeeded || !realTime || c.record == nil || c.at == nil || !c.at.prompt {
		return w.Elapsed()
	}
	return time.Duration(c.record.lap(start) - start)
}
