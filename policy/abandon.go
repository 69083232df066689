package policy

import (
	"context"
	"fmt"
	"log"
	"runtime"
	"runtime/debug"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/turn"
)

// abandon runs next on its own goroutine and returns at the limit, even if next does
// not.
func (t *TimeoutPolicy[T]) abandon(ctx context.Context, limited limitedCtx, release func(), next Call[T]) (T, error) {
	kept := false
	defer func() {
		if !kept {
			release()
		}
	}()
	run := &detached[T]{done: NewWaiter(t.cfg.Clock)}
	inside := turn.With(limited)
	Go(t.cfg.Clock, func() { run.do(inside, next, t) })
	defer run.state.CompareAndSwap(running, left) // if the clock panics in Wait, the result is late
	if run.done.Wait(limited) != nil {
		// The compare-and-swap decides whether the result or the limit came first. A
		// result that came first is used, and a success stays a success.
		//
		// A call that still waits in the queue of a policy inside returns at once, since its
		// context has ended, with an error that says that the function did not run. Wait for
		// that error: a timeout would count against the function. If a function runs, it may
		// be the one that waits, and may go on.
		if !inside.On() && run.state.CompareAndSwap(running, left) {
			var zero T
			if limited.expired() {
				return zero, t.timedOut(ctx, limited, next, nil)
			}
			if err := Ended(ctx); err != nil {
				return zero, err
			}
			return zero, Ended(limited) // the clock ended the context for a reason of its own
		}
		_ = run.done.Wait(context.WithoutCancel(ctx)) // the result is being stored
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
	returned       // the function ended first, and the caller takes its result
	left           // the caller left first, and the result is late
)

// detached is a function on its own goroutine. state changes once, by compare-and-swap:
// without it, a result that arrives while the caller leaves could be used twice or
// lost.
type detached[T any] struct {
	state    atomic.Int32
	done     Waiter // woken when the fields below may be read
	v        T
	err      error
	panicked *PanicError
	exited   bool
}

func (d *detached[T]) do(ctx *turn.Wait, next Call[T], t *TimeoutPolicy[T]) {
	exited := true
	defer func() {
		// This is the one place that recovers: no caller is above this frame to catch
		// the panic. If the caller still waits, it raises the panic again.
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
		if t.late != nil { // first, so that a panicking observer does not leave a body open
			t.late(d.v, d.err)
		}
		t.emitLate(ctx, next, d.err)
	}()
	d.v, d.err = next.countedIn(ctx).Do(ctx)
	exited = false
}

// countedIn returns c with a function that w counts while it runs.
func (c Call[T]) countedIn(w *turn.Wait) Call[T] {
	fn := c.fn
	c.fn = func(ctx context.Context) (T, error) {
		w.Started()
		defer w.Returned()
		return fn(ctx)
	}
	return c
}

// emitLate emits FinishedLate. A panic of an observer is logged, because no caller is
// above this goroutine to recover it and it would end the process.
func (t *TimeoutPolicy[T]) emitLate(ctx context.Context, next Call[T], err error) {
	defer func() {
		if r := recover(); r != nil {
			log.Printf("policy: an observer of %s panicked: %v\n%s", FinishedLate, r, debug.Stack())
		}
	}()
	next.Emit(ctx, Event{Kind: FinishedLate, Policy: "timeout", Name: t.cfg.Name, Err: err})
}

// PanicError is the late panic of an abandoned function, as WithOnLate's function gets
// it.
type PanicError struct {
	Value any    // the value of the panic
	Stack []byte // the stack of the goroutine that panicked
}

// Error returns the panic's value and stack.
func (e *PanicError) Error() string {
	if e == nil {
		return "<nil>"
	}
	return fmt.Sprintf("policy: panic: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the panic's value if it is an error, or else nil.
func (e *PanicError) Unwrap() error {
	if e == nil {
		return nil
	}
	err, _ := e.Value.(error)
	return err
}
