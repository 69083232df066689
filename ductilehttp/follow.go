package ductilehttp

import (
	"context"
	"errors"
	"sync/atomic"
)

// followed is the context of an attempt in a pipeline of the user's making. It
// ends as the attempt's own does, but for one case: once the attempt has a
// response, that its context is cancelled means no more than that the call has
// returned. It then lives on for the body, until released or until the caller's
// context ends. A timeout that knows Keep goes on covering the body; one that
// does not has covered the header.
type followed struct {
	context.Context
	cancel   context.CancelCauseFunc
	answered atomic.Bool
	stop     [2]func() bool
}

func follow(ctx, caller context.Context) *followed {
	f := &followed{}
	f.Context, f.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	f.stop[0] = context.AfterFunc(caller, func() { f.cancel(context.Cause(caller)) })
	f.stop[1] = context.AfterFunc(ctx, func() {
		cause := context.Cause(ctx)
		if !f.answered.Load() || !errors.Is(cause, context.Canceled) {
			f.cancel(cause)
		}
	})
	return f
}

// release ends the context and leaves nothing behind.
func (f *followed) release(cause error) {
	for _, stop := range f.stop {
		stop()
	}
	f.cancel(cause)
}
