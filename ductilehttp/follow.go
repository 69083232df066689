package ductilehttp

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// followed is the context of an attempt in a pipeline of the user's making. It
// ends as the attempt's own does, but for one case: once the attempt has a
// response, that its context is cancelled means no more than that the call has
// returned. It then lives on for the body, until released or until the caller's
// context ends. A timeout that knows Keep goes on covering the body; one that
// does not has covered the header.
type followed struct {
	context.Context
	attempt  context.Context
	cancel   context.CancelCauseFunc
	once     sync.Once
	err      error // set once, before the cancel
	answered atomic.Bool
	stop     [2]func() bool
}

func follow(ctx, caller context.Context) *followed {
	f := &followed{attempt: ctx}
	f.Context, f.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	f.stop[0] = context.AfterFunc(caller, func() { f.end(caller.Err(), context.Cause(caller)) })
	f.stop[1] = context.AfterFunc(ctx, func() {
		cause := context.Cause(ctx)
		if !f.answered.Load() || !errors.Is(cause, context.Canceled) {
			f.end(ctx.Err(), cause)
		}
	})
	return f
}

func (f *followed) end(err, cause error) {
	f.once.Do(func() {
		f.err = err
		f.cancel(cause)
	})
}

// release ends the context and leaves nothing behind.
func (f *followed) release(cause error) {
	for _, stop := range f.stop {
		stop()
	}
	f.end(context.Canceled, cause)
}

// Deadline returns the attempt's. It is what a response has to come by.
func (f *followed) Deadline() (time.Time, bool) { return f.attempt.Deadline() }

// Err tells a deadline from a cancel, as the attempt's own context does.
func (f *followed) Err() error {
	if f.Context.Err() == nil {
		return nil
	}
	return f.err
}

// explain returns what ended the attempt, where that was a deadline and err says
// that it was a cancel. So say contexts that the base derives from f, and no
// retry takes up what was cancelled.
func (f *followed) explain(err error) error {
	if errors.Is(err, context.Canceled) && errors.Is(f.attempt.Err(), context.DeadlineExceeded) {
		return context.Cause(f.attempt)
	}
	return err
}
