package storm

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// The rules are written from the documentation of the packages. They use only their names and
// types.

// endedBy reports whether err is a correct error for a context that has ended.
func endedBy(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err()) && errors.Is(err, context.Cause(ctx))
}

// endOf returns the verdict on a call whose context has ended.
func endOf(ctx context.Context) verdict {
	if errors.Is(ctx.Err(), context.Canceled) {
		return cancelled
	}
	return failed
}

// gaveUp reports whether err, of whatever kind, is of a call that its caller has cancelled.
func gaveUp(ctx context.Context, err error) bool {
	return err != nil && errors.Is(ctx.Err(), context.Canceled)
}

// unsure reports whether the context ended between the end of a run and the end of the policy
// around it, because of an abandoned function. The policy may have seen that or not.
func (v *visit) unsure(r *run) bool {
	return r.ended == nil && v.ctx.Err() != nil && !r.how.neverReturned()
}

// outlasts returns the verdict on a failure that joins how with another error. It is not a
// rejection, since the other error is not one.
func (how verdict) outlasts() verdict {
	if how == cancelled {
		return how
	}
	return failed
}

// marked returns the mark on the outside of err, or nil.
func marked(err error) *mark.Mark {
	m, _ := err.(*mark.Mark) //nolint:errorlint // on its outside
	return m
}

// unmarked returns err without the marks on its outside.
func unmarked(err error) error {
	for m := marked(err); m != nil; m = marked(err) {
		err = m.Err
	}
	return err
}

// everyMark calls f for each mark in err's tree.
func everyMark(err error, f func(*mark.Mark)) {
	if m := marked(err); m != nil {
		f(m)
	}
	switch e := err.(type) { //nolint:errorlint // this is what unwraps
	case interface{ Unwrap() []error }:
		for _, in := range e.Unwrap() {
			everyMark(in, f)
		}
	case interface{ Unwrap() error }:
		if in := e.Unwrap(); in != nil {
			everyMark(in, f)
		}
	}
}

// isFinal reports whether err has the mark of retry.Permanent anywhere.
func isFinal(err error) (final bool) {
	everyMark(err, func(m *mark.Mark) { final = final || m.Permanent })
	return final
}

// judgedAs returns the outcome in the outermost mark of breaker.Judge in err.
func judgedAs(err error) (o policy.Outcome) {
	everyMark(err, func(m *mark.Mark) {
		if o == policy.Undecided {
			o = policy.Outcome(m.Judged)
		}
	})
	return o
}

// asks returns the delay that err asks for now, and whether it must be exact.
func asks(err error) (d time.Duration, exactly bool) {
	everyMark(err, func(m *mark.Mark) {
		if m.Exact && !exactly {
			d, exactly = m.Wait, true
		}
	})
	if exactly {
		return d, true
	}
	if h, ok := err.(interface{ RetryAfter() time.Duration }); ok {
		return max(0, h.RetryAfter()), false
	}
	switch e := err.(type) { //nolint:errorlint // this is what unwraps
	case interface{ Unwrap() []error }:
		for _, in := range e.Unwrap() {
			longest, _ := asks(in)
			d = max(d, longest)
		}
	case interface{ Unwrap() error }:
		if in := e.Unwrap(); in != nil {
			d, _ = asks(in)
		}
	}
	return d, false
}

// same reports whether two errors are the same value.
func same(a, b error) bool { return a == b } //nolint:errorlint // the very same
