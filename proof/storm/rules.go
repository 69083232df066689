package storm

import (
	"context"
	"errors"
)

// The rules are written from what the packages promise, with nothing of theirs
// but names and types.

// endedBy reports whether err is what a context that has ended owes.
func endedBy(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err()) && errors.Is(err, context.Cause(ctx))
}

// endOf is the verdict on a context's having ended.
func endOf(ctx context.Context) verdict {
	if errors.Is(ctx.Err(), context.Canceled) {
		return cancelled
	}
	return failed
}

// gaveUp reports whether err says that the caller who passed ctx left.
func gaveUp(ctx context.Context, err error) bool {
	return err != nil && errors.Is(ctx.Err(), context.Canceled) &&
		(errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx)))
}

// outlasts returns the verdict on a failure of which how is a part.
func (how verdict) outlasts() verdict {
	if how == rejected || how == cancelled {
		return how
	}
	return failed
}

// same reports whether two errors are one.
func same(a, b error) bool { return a == b } //nolint:errorlint // the very same
