package policy

import (
	"context"
	"fmt"
	"log"
	"runtime"
	"runtime/debug"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// abandon runs next on its own goroutine and returns at the limit, whatever
// next does.
func (t *TimeoutPolicy[T]) abandon(ctx context.Context, limited limitedCtx, release func(), next Call[T]) (T, error) {
	kept := false
	defer func() {
		if !kept {
			release()
		}
	}()
	run := &detached[T]{done: NewWaiter(t.cfg.Clock)}
	Go(t.cfg.Clock, func() { run.do(limited, next, t) })
	if run.done.Wait(limited) != nil {
		// The caller leaves with the first state that both sides agree on. A
		// result that got there before the swap is taken: a success is a success.
		if run.state.CompareAndSwap(running, left) {
			var zero T
			if limited.expired() {
				return zero, t.timedOut(ctx, limited, next, nil)
			}
			if err := Ended(ctx); err != nil {
				return zero, err
			}
			return zero, Ended(limited) // of a clock that ends contexts for reasons of its own
		}
		_ = run.done.Wait(context.WithoutCancel(ctx)) // the result is being handed over
	}
	switch {
	case run.panicked != nil:
		panic(run.panicked.Value)
	case run.exited:
		runtime.Goexit()
	}
	if run.err != nil && limited.expired() {
		return run.v, t.timedOut(ctx, limited, next, run.err)
	}
	if run.err == nil && t.keep != nil {
		v := t.keep(limited, run.v, release)
		kept = true
		return v, nil
	}
	return run.v, run.err
}

const (
	running  int32 = iota
	returned       // the function ended first; the caller takes its result
	left           // the caller left first; the result is late
)

// detached is a function on a goroutine of its own. state decides, by one
// compare-and-swap, who came first: without it a result that arrives while the
// caller is leaving would go to both, or be lost.
type detached[T any] struct {
	state    atomic.Int32
	done     Waiter // woken when the fields below may be read
	v        T
	err      error
	panicked *PanicError
	exited   bool
}

func (d *detached[T]) do(ctx context.Context, next Call[T], t *TimeoutPolicy[T]) {
	exited := true
	defer func() {
		// A recover is right here, and only here: nothing above this frame could
		// catch the panic, and the caller raises it again if it still waits.
		if r := recover(); r != nil {
			d.panicked = &PanicError{Value: r, Stack: debug.Stack()}
			d.err = d.panicked
		} else if exited {
			d.exited = true
			d.err = ErrNoReturn
		}
		early := d.state.CompareAndSwap(running, returned)
		d.done.Wake()
		if early {
			return
		}
		if t.late != nil { // first: an observer that panics must not keep a body open
			t.late(d.v, d.err)
		}
		t.tellLate(ctx, next, d.err)
	}()
	d.v, d.err = next.Do(ctx)
	exited = false
}

// tellLate emits FinishedLate. No caller is above this goroutine to see an observer's
// panic, which would end the process: it is logged.
func (t *TimeoutPolicy[T]) tellLate(ctx context.Context, next Call[T], err error) {
	defer func() {
		if r := recover(); r != nil {
			log.Printf("policy: an observer of %s panicked: %v\n%s", FinishedLate, r, debug.Stack())
		}
	}()
	next.Emit(ctx, Event{Kind: FinishedLate, Policy: "timeout", Name: t.cfg.Name, Err: err})
}

// PanicError is a panic of an abandoned function, given to the function of WithOnLate.
type PanicError struct {
	Value any    // what the function panicked with
	Stack []byte // the stack of its goroutine
}

// Error returns the panic's value and its stack.
func (e *PanicError) Error() string {
	if e == nil {
		return "<nil>"
	}
	return fmt.Sprintf("policy: panic: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the panic's value if it is an error.
func (e *PanicError) Unwrap() error {
	if e == nil {
		return nil
	}
	err, _ := e.Value.(error)
	return err
}
