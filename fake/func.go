package fake

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Func is a scripted call: each Do plays the next step, and the last step repeats.
// Without a script, as the zero Func, it returns the zero value and nil. Write the
// whole script before the first Do; Do is then safe for concurrent use.
type Func[T any] struct {
	mu      sync.Mutex
	steps   []policy.Func[T]
	delay   func(ctx context.Context) error // before the step that is written next
	pending time.Duration                   // how long that is
	calls   int
}

// NewFunc returns a Func with an empty script.
func NewFunc[T any]() *Func[T] { return &Func[T]{} }

func (f *Func[T]) step(do policy.Func[T]) *Func[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if delay := f.delay; delay != nil {
		inner := do
		do = func(ctx context.Context) (T, error) {
			if err := delay(ctx); err != nil {
				var zero T
				return zero, err
			}
			return inner(ctx)
		}
		f.delay = nil
	}
	f.steps = append(f.steps, do)
	return f
}

// Fail adds a step for each error, which returns it. It panics when given none.
func (f *Func[T]) Fail(errs ...error) *Func[T] {
	if len(errs) == 0 {
		panic("fake: Func.Fail: 0 errors, want at least 1")
	}
	for _, err := range errs {
		f.step(func(context.Context) (v T, _ error) { return v, err })
	}
	return f
}

// Return adds a step that returns v and no error.
func (f *Func[T]) Return(v T) *Func[T] {
	return f.step(func(context.Context) (T, error) { return v, nil })
}

// Panic adds a step that panics with v.
func (f *Func[T]) Panic(v any) *Func[T] {
	return f.step(func(context.Context) (T, error) { panic(v) })
}

// Block adds a step that returns when its context ends, with what
// [policy.Ended] returns for it. If the context's deadline is on an [AutoAdvance]
// clock, the step moves time to it. Otherwise another goroutine must end the context,
// by a cancel or by Advance.
func (f *Func[T]) Block() *Func[T] {
	return f.step(func(ctx context.Context) (v T, _ error) {
		runOut(ctx)
		<-ctx.Done()
		return v, policy.Ended(ctx)
	})
}

// Delay makes the step that is added next begin with a Sleep of d on clk. If the
// context ends meanwhile, the step returns the error of the sleep. Delay panics if
// clk is nil or the step already has a delay; Do panics if no step follows.
func (f *Func[T]) Delay(clk *Clock, d time.Duration) *Func[T] {
	if clk == nil {
		panic("fake: Func.Delay: clk is nil, want one made by NewClock")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.delay != nil {
		panic(fmt.Sprintf("fake: Func.Delay: %v is the second delay of a step, want 1 at most", d))
	}
	f.pending = d
	f.delay = func(ctx context.Context) error { return clk.Sleep(ctx, d) }
	return f
}

// Do plays the next step.
func (f *Func[T]) Do(ctx context.Context) (T, error) {
	do := f.next()
	if do == nil {
		var zero T
		return zero, nil
	}
	return do(ctx)
}

// next returns the next step, nil if there is no script.
func (f *Func[T]) next() policy.Func[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.delay != nil {
		panic(fmt.Sprintf("fake: Func.Do: the script ends with a Delay of %v, want a step after it", f.pending))
	}
	n := f.calls
	f.calls++
	if len(f.steps) == 0 {
		return nil
	}
	return f.steps[min(n, len(f.steps)-1)]
}

// Calls returns how often Do was called.
func (f *Func[T]) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Rand returns a source of randomness that returns each of values in turn and then
// repeats the last. It is safe for concurrent use. Rand panics if there are no
// values, or one is not in [0,1).
func Rand(values ...float64) func() float64 {
	if len(values) == 0 {
		panic("fake: Rand: no values, want at least one")
	}
	values = slices.Clone(values)
	for i, v := range values {
		if !(v >= 0 && v < 1) {
			panic(fmt.Sprintf("fake: Rand: value %d is %v, want 0 or more and less than 1", i+1, v))
		}
	}
	var mu sync.Mutex
	next := 0
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		v := values[next]
		next = min(next+1, len(values)-1)
		return v
	}
}

// Recorder keeps the events that it observes. The zero Recorder is empty and
// ready; it is safe for concurrent use.
type Recorder struct {
	mu     sync.Mutex
	events []policy.Event
}

// NewRecorder returns an empty recorder.
func NewRecorder() *Recorder { return &Recorder{} }

// Observe is a [policy.Observer].
func (r *Recorder) Observe(_ context.Context, e policy.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// Events returns a copy of the events observed so far, in order.
func (r *Recorder) Events() []policy.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Kinds returns the kinds of the events observed so far, in order. Most tests compare
// these; Events has the rest.
func (r *Recorder) Kinds() []policy.EventKind {
	r.mu.Lock()
	defer r.mu.Unlock()
	kinds := make([]policy.EventKind, len(r.events))
	for i, e := range r.events {
		kinds[i] = e.Kind
	}
	return kinds
}
