package fake

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Func is a scripted function. Each call of Do runs the next step of the script; the last
// step repeats. With an empty script, as in the zero Func, Do returns the zero value and
// nil. Write the script before the first Do; Do is then safe for concurrent use.
type Func[T any] struct {
	mu      sync.Mutex
	steps   []policy.Func[T]
	delay   func(ctx context.Context) error // of the step that will be added next
	pending time.Duration                   // the duration of that delay
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

// Fail adds one step for each of errs, which returns the zero value and that error. Fail
// panics if errs is empty.
func (f *Func[T]) Fail(errs ...error) *Func[T] {
	if len(errs) == 0 {
		panic("fake: Func.Fail: errs is empty, want at least one error: for a success, use Return")
	}
	for _, err := range errs {
		f.step(func(context.Context) (v T, _ error) { return v, err })
	}
	return f
}

// Return adds a step that returns v and nil.
func (f *Func[T]) Return(v T) *Func[T] {
	return f.step(func(context.Context) (T, error) { return v, nil })
}

// Panic adds a step that panics with v.
func (f *Func[T]) Panic(v any) *Func[T] {
	return f.step(func(context.Context) (T, error) { panic(v) })
}

// Block adds a step that waits until its context ends and returns policy.Ended(ctx). If
// the deadline of the context is on an [AutoAdvance] clock, the step moves time to it.
// Otherwise another goroutine must end the context, by cancel or by Advance.
func (f *Func[T]) Block() *Func[T] {
	return f.step(func(ctx context.Context) (v T, _ error) {
		runOut(ctx)
		<-ctx.Done()
		return v, policy.Ended(ctx)
	})
}

// Delay makes the next step that is added sleep for d on clk first. If the context ends
// during the sleep, the step returns the error of Sleep. Delay panics if clk is nil or if
// the step has a delay already. Do panics if no step was added after Delay.
func (f *Func[T]) Delay(clk *Clock, d time.Duration) *Func[T] {
	if clk == nil {
		panic("fake: Func.Delay: clk is nil, want one made by NewClock")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.delay != nil {
		panic(fmt.Sprintf("fake: Func.Delay: %v is the second delay of one step, want at most one: add a step between them", d))
	}
	f.pending = d
	f.delay = func(ctx context.Context) error { return clk.Sleep(ctx, d) }
	return f
}

// Do runs the next step. It is a policy.Func.
func (f *Func[T]) Do(ctx context.Context) (T, error) {
	do := f.next()
	if do == nil {
		var zero T
		return zero, nil
	}
	return do(ctx)
}

// next returns the next step, or nil if the script is empty.
func (f *Func[T]) next() policy.Func[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.delay != nil {
		panic(fmt.Sprintf("fake: Func.Do: the script ends with a Delay of %v, want a step after it: add Return, for example", f.pending))
	}
	n := f.calls
	f.calls++
	if len(f.steps) == 0 {
		return nil
	}
	return f.steps[min(n, len(f.steps)-1)]
}

// Calls returns the number of calls of Do.
func (f *Func[T]) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Rand returns a function for the Rand field of a Config. It returns the values in order
// and then repeats the last one. It is safe for concurrent use. Rand panics if there are
// no values, or if one is not in [0,1).
func Rand(values ...float64) func() float64 {
	if len(values) == 0 {
		panic("fake: Rand: values is empty, want at least one value in [0,1)")
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

// Recorder records events. The zero Recorder is empty and ready to use. A Recorder is
// safe for concurrent use.
type Recorder struct {
	mu     sync.Mutex
	events []policy.Event
}

// NewRecorder returns an empty recorder.
func NewRecorder() *Recorder { return &Recorder{} }

// Observe records e. It is a [policy.Observer].
func (r *Recorder) Observe(_ context.Context, e policy.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// Events returns a copy of the recorded events, in order.
func (r *Recorder) Events() []policy.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Kinds returns the kinds of the recorded events, in order. For most tests it is enough
// to compare these.
func (r *Recorder) Kinds() []policy.EventKind {
	r.mu.Lock()
	defer r.mu.Unlock()
	kinds := make([]policy.EventKind, len(r.events))
	for i, e := range r.events {
		kinds[i] = e.Kind
	}
	return kinds
}
