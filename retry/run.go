package retry

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/stopwatch"
	"github.com/ductile-go/ductile/policy"
)

// run is one call's way through a retry. All that changes from attempt to attempt is
// in here, so that calls share nothing.
type run[T any] struct {
	*Retry[T]
	ctx     context.Context
	next    policy.Call[T]
	watch   stopwatch.Watch // started when the clock was first read
	timing  bool            // it was
	late    bool            // that was after the first attempt
	began   time.Duration   // when the current attempt began, on watch
	delay   time.Duration   // the last one
	server  bool            // a server's hint set it
	ran     bool            // an attempt was not rejected
	last    error           // the last failure of such an attempt
	errs    []error         // the last errors, if more than one is kept
	token   token           // of the budget, for the current attempt
	granted bool            // there is one
}

// goOn takes the first attempt's result and makes the further attempts.
func (r *run[T]) goOn(v T, err error) (T, error) {
	for n := 1; ; n++ {
		f := failureOf(err)
		if f.refused {
			r.giveBack()
		}
		r.tellAttempt(n, f)
		again, ended := r.again(v, f)
		if err == nil && !again {
			r.recovered(n)
			return v, nil
		}
		if !again && (!r.ran || !f.refused) {
			return v, f.plain()
		}
		r.keepError(f)
		if !r.timing {
			r.watch, r.timing, r.late = stopwatch.New(r.cfg.Clock), true, true
		}
		if !again {
			return v, r.giveUp(n, f.plain(), nil, f)
		}
		if ended != nil {
			return v, r.giveUp(n, context.Cause(r.ctx), ended, f)
		}
		if reason := r.stop(n, f); reason != nil {
			return v, r.giveUp(n, reason, nil, f)
		}
		left, failed := r.pause(n, v, f)
		if failed != nil {
			return left, r.interrupted(n, failed, f)
		}
		if r.next.Observed(policy.Attempted) {
			r.began = r.elapsed()
		}
		v, err = r.next.Again(withAttempt(r.ctx, n+1))
	}
}

// again reports whether a result is one to try again after, and with which error the
// context has ended, if that has to be the reason for the end. The context is looked
// at here, once for each attempt: a second look could find an end that came later, and
// give a retry that ended by its own rules a reason which is not its own.
func (r *run[T]) again(v T, f failure) (again bool, ended error) {
	r.ran = r.ran || !f.refused
	if f.marked && mark.Permanent(f.err) {
		return false, nil
	}
	ended = r.ctx.Err()
	left := ended != nil && f.err != nil && errors.Is(f.err, ended) // a queue that the caller left is refused as well
	switch {
	case left:
		return true, ended
	case f.refused:
		_, hinted := policy.RetryAfter(f.err)
		return r.cfg.RetryRejected && hinted, ended
	case r.when != nil:
		return r.when(v, f.err), ended
	case f.err == nil:
		return false, nil
	case r.cfg.RetryIf != nil:
		return r.cfg.RetryIf(f.err), ended
	}
	return !f.matches(context.Canceled), ended // Retryable, but for what was asked above
}

// keepError remembers the error of an attempt that is not the final result.
func (r *run[T]) keepError(f failure) {
	if !f.refused {
		r.last = f.plain()
	}
	if r.cfg.KeepErrors < 2 || f.err == nil {
		return
	}
	if len(r.errs) == r.cfg.KeepErrors {
		copy(r.errs, r.errs[1:])
		r.errs = r.errs[:len(r.errs)-1]
	}
	r.errs = append(r.errs, f.plain())
}

// stop returns why there is no attempt after the nth, or nil, and then the delay
// before it is in r.delay.
func (r *run[T]) stop(n int, f failure) error {
	if r.cfg.MaxAttempts != Unlimited && n >= r.cfg.MaxAttempts {
		return ErrExhausted
	}
	delay, reason := r.wait(n, f)
	if reason != nil {
		return reason
	}
	// Asked before a token is taken and a value discarded: an attempt that would be
	// refused is worth neither.
	if refusal := r.next.Refusal(r.ctx, delay); refusal != nil {
		after, hinted := policy.RetryAfter(refusal)
		switch {
		case !r.cfg.RetryRejected || !hinted:
			return refusal
		case after > r.cfg.MaxRetryAfter:
			return ErrRetryAfter
		}
		if after > delay {
			delay, r.server = r.cfg.spread(after), true
		}
	}
	if r.cfg.MaxElapsed > 0 && r.elapsed() > r.cfg.MaxElapsed-delay { // a sum could overflow
		return ErrElapsed
	}
	if deadline, ok := r.ctx.Deadline(); ok && !policy.Now(r.cfg.Clock).Add(delay).Before(deadline) {
		return ErrDeadline
	}
	r.delay = delay
	return nil
}

// wait returns the delay after the nth attempt by the backoff and by what the error
// asks for, or why there is none.
func (r *run[T]) wait(n int, f failure) (time.Duration, error) {
	step := Step{Attempt: n, Previous: r.delay, Err: mark.Without(f.err)}
	if r.cfg.Backoff != nil && (!r.late || n > 1) { // else the clock has just been read for the first time
		step.Elapsed = r.elapsed()
	}
	r.server = false
	delay := r.cfg.delay(step)
	if delay == Stop {
		return 0, ErrExhausted
	}
	if exact, ok := f.exactly(); ok {
		if exact > r.cfg.MaxRetryAfter {
			return 0, ErrRetryAfter
		}
		r.server = true
		return exact, nil
	}
	asked := r.asked(f)
	if asked > r.cfg.MaxRetryAfter {
		return 0, ErrRetryAfter
	}
	if asked > delay {
		delay, r.server = r.cfg.spread(asked), true
	}
	return delay, nil
}

// asked returns the hint that sets a floor under the delay. That of an inner retry which
// ended by a rejection is the rejection's: it is followed if rejections are.
func (r *run[T]) asked(f failure) time.Duration {
	if inner, ok := errors.AsType[*Error](f.err); ok && inner.rejected() && !r.cfg.RetryRejected {
		return 0
	}
	d, _ := policy.RetryAfter(f.err)
	return d
}

// pause takes a token of the budget, if there is one, discards v and sleeps. It returns
// the value that is left, and why there is no further attempt, if there is none.
func (r *run[T]) pause(n int, v T, f failure) (left T, failed error) {
	if r.cfg.Budget == nil {
		return r.sleep(n, v, f)
	}
	if r.token, r.granted = r.cfg.Budget.take(); !r.granted {
		return v, ErrBudget
	}
	failed = errInterrupted
	defer func() {
		if failed != nil { // also if a callback panics
			r.giveBack()
		}
	}()
	left, failed = r.sleep(n, v, f)
	return left, failed
}

// giveBack gives back the token of an attempt that did not run the function.
func (r *run[T]) giveBack() {
	if r.granted {
		r.token.giveBack()
		r.granted = false
	}
}

func (r *run[T]) sleep(n int, v T, f failure) (left T, failed error) {
	r.tellRetry(n, f)
	if !r.drop(v, f.err) {
		left = v
	}
	return left, policy.Sleep(r.ctx, r.cfg.Clock, r.delay)
}

// errInterrupted stands for a pause that has not come to its end.
var errInterrupted = errors.New("retry: interrupted")

// interrupted ends the retry because its pause failed: by the budget, by the context,
// or by a clock that cannot sleep.
func (r *run[T]) interrupted(n int, failed error, f failure) error {
	if failed == ErrBudget { //nolint:errorlint // our own, and never wrapped
		return r.giveUp(n, ErrBudget, nil, f)
	}
	if ended := r.ctx.Err(); ended != nil && errors.Is(failed, ended) {
		return r.giveUp(n, context.Cause(r.ctx), ended, f)
	}
	return r.giveUp(n, failed, nil, f)
}

// giveUp makes the error of a retry that ended for reason after its nth attempt, which
// had failed with f.
func (r *run[T]) giveUp(n int, reason, ended error, f failure) error {
	e := &Error{
		Attempts: n, Elapsed: r.elapsed(), Reason: reason, Last: r.last, Errs: r.errs,
		ran: r.ran, late: r.late,
	}
	if ended != nil && !errors.Is(reason, ended) {
		e.ended = ended
	}
	if f.refused && r.ran {
		e.refused = f.err
	} else if f.refused {
		e.Last = f.plain()
	}
	if e.Errs == nil && f.err != nil {
		e.one[0] = f.plain()
		e.Errs = e.one[:]
	}
	e.asked, _ = policy.RetryAfter(f.err)
	if d, ok := policy.RetryAfter(reason); ok {
		e.asked = d
	}
	if r.next.Observed(policy.GaveUp) {
		r.next.Emit(r.ctx, policy.Event{
			Kind: policy.GaveUp, Policy: "retry", Name: r.cfg.Name, Attempt: n, Elapsed: e.Elapsed, Reason: r.why(reason, ended), Err: e,
		})
	}
	return e
}

// elapsed is called only once the clock has been read.
func (r *run[T]) elapsed() time.Duration { return r.watch.Elapsed() }

// drop hands a value that is given up to the function of WithDiscard, and reports
// whether it did.
func (r *run[T]) drop(v T, err error) bool {
	if r.discard == nil || err != nil && isZero(reflect.ValueOf(&v).Elem()) {
		return false
	}
	r.discard(v)
	return true
}

// isZero reports whether v is a zero value, or an interface that holds one.
func isZero(v reflect.Value) bool {
	return v.IsZero() || v.Kind() == reflect.Interface && v.Elem().IsZero()
}
