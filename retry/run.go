package retry

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/refusal"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/internal/stopwatch"
	"github.com/ductile-go/ductile/policy"
)

// run is one call. It holds all state that changes between attempts, so that calls
// share none.
type run[T any] struct {
	*Retry[T]
	ctx     context.Context
	next    policy.Call[T]
	watch   stopwatch.Watch // started at the first reading of the clock
	timing  bool            // watch has been started
	late    bool            // watch was started after the first attempt
	began   time.Duration   // when the current attempt began, on watch
	delay   time.Duration   // the last delay
	server  bool            // a server's hint set delay
	ran     bool            // an attempt was not rejected
	last    error           // the last failure of an attempt that was not rejected, or if all were, the last rejection
	errs    []error         // the last errors, if KeepErrors is more than 1
	refusal error           // of the next attempt, if its hint is longer than MaxRetryAfter
	token   token           // of the budget, for the current attempt
	granted bool            // token is valid
	holds   bool            // with WithDiscard: the last value was neither discarded nor returned
}

// goOn takes the result of the first attempt and makes the further ones.
func (r *run[T]) goOn(v T, err error) (T, error) {
	if r.discard != nil {
		r.holds = true
		defer func() {
			if r.holds { // a user's function panicked, so no caller gets the value
				r.drop(v, err)
			}
		}()
	}
	for n := 1; ; n++ {
		f := failureOf(err)
		if f.refused {
			r.giveBack()
		}
		r.emitAttempted(n, f)
		again, ended := r.again(v, f)
		if err == nil && !again {
			r.recovered(n)
			return r.end(v, nil)
		}
		if !again && (!r.ran || !f.refused) {
			return r.end(v, f.plain())
		}
		r.keepError(f)
		if !r.timing {
			r.watch, r.timing, r.late = stopwatch.New(r.cfg.Clock), true, true
		}
		if !again {
			return r.end(v, r.giveUp(n, f.plain(), nil, f))
		}
		if ended != nil {
			return r.end(v, r.endedBy(n, ended, f))
		}
		if reason := r.stop(n, f); reason != nil {
			return r.end(v, r.giveUp(n, reason, nil, f))
		}
		left, failed := r.pause(n, v, f)
		if failed != nil {
			return r.end(left, r.interrupted(n, failed, f))
		}
		if r.next.Observed(policy.Attempted) {
			r.began = r.elapsed()
		}
		v, err = r.next.Again(withAttempt(r.ctx, n+1))
		r.holds = true
	}
}

// end returns the result of the retry.
func (r *run[T]) end(v T, err error) (T, error) {
	r.holds = false
	return v, err
}

// again reports whether to make another attempt after a result. ended is the context's
// error if its end is the reason to stop. The context is checked here, once per
// attempt: a second check could see an end that came later, and give it as the reason
// of a retry that ended by its own rules.
func (r *run[T]) again(v T, f failure) (again bool, ended error) {
	r.ran = r.ran || !f.refused
	if f.marked && mark.Permanent(f.err) {
		return false, nil
	}
	ended = r.ctx.Err()
	left := ended != nil && errors.Is(f.err, ended) // a policy with a queue also rejects a caller that left the queue
	switch {
	case left:
		return true, ended
	case f.refused:
		return r.cfg.RetryRejected && comesBack(f.err), ended
	case r.when != nil:
		return r.when(v, f.err), ended
	case f.err == nil:
		return false, nil
	case r.cfg.RetryIf != nil:
		return r.cfg.RetryIf(f.err), ended
	}
	return !f.matches(context.Canceled), ended // Retryable without what was checked above
}

// comesBack reports whether a rejection says when to come back, or said so when the call was
// refused: since then the time may have come.
func comesBack(rejection error) bool {
	_, hinted := policy.RetryAfter(rejection)
	return hinted || errors.Is(rejection, refusal.ErrPassing)
}

// keepError records the error of an attempt that is not the final result.
func (r *run[T]) keepError(f failure) {
	if !f.refused || !r.ran {
		r.last = f.plain()
	}
	if r.cfg.KeepErrors < 2 {
		return
	}
	if len(r.errs) == r.cfg.KeepErrors {
		copy(r.errs, r.errs[1:])
		r.errs = r.errs[:len(r.errs)-1]
	}
	r.errs = append(r.errs, f.plain()) // nil for a rejected value, which is an attempt too
}

// kept returns the errors of the last attempts.
func (r *run[T]) kept() []error {
	errs := slices.DeleteFunc(r.errs, func(err error) bool { return err == nil })
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// stop returns why there is no attempt after the nth. If there is one, it returns nil
// and sets r.delay.
func (r *run[T]) stop(n int, f failure) error {
	if r.cfg.MaxAttempts != Unlimited && n >= r.cfg.MaxAttempts {
		return ErrExhausted
	}
	delay, reason := r.wait(n, f)
	if reason != nil {
		return reason
	}
	// Ask before taking a token and discarding a value: neither should be spent on an
	// attempt that would be refused.
	if refused := r.next.Refusal(r.ctx, delay); refused != nil {
		if !r.cfg.RetryRejected || !comesBack(refused) {
			return refused
		}
		after, _ := policy.RetryAfter(refused)
		if after > r.cfg.MaxRetryAfter {
			r.refusal = refused
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

// wait returns the delay after the nth attempt, by the backoff and by the hint in the
// error, or why there is no further attempt.
func (r *run[T]) wait(n int, f failure) (time.Duration, error) {
	step := Step{Attempt: n, Previous: r.delay, Err: mark.Without(f.err)}
	if r.cfg.Backoff != nil && (!r.late || n > 1) { // otherwise the clock has just been read for the first time
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

// asked returns the hint that sets the minimum of the delay. If an inner retry ended by
// a rejection, the hint belongs to the rejection and is followed only with
// RetryRejected.
func (r *run[T]) asked(f failure) time.Duration {
	if inner, ok := errors.AsType[*Error](f.err); ok && inner.rejected() && !r.cfg.RetryRejected {
		return 0
	}
	d, _ := policy.RetryAfter(f.err)
	return d
}

// pause takes a token if there is a budget, discards v and sleeps. If the retry must
// end here, it returns the reason as failed, and the value for the caller as left.
func (r *run[T]) pause(n int, v T, f failure) (left T, failed error) {
	if r.cfg.Budget == nil {
		return r.sleep(n, v, f)
	}
	if r.token, r.granted = r.cfg.Budget.take(); !r.granted {
		return v, ErrBudget
	}
	failed = errInterrupted
	defer func() {
		if failed != nil { // also when a callback panics
			r.giveBack()
		}
	}()
	left, failed = r.sleep(n, v, f)
	return left, failed
}

// giveBack returns the token of an attempt that did not run the function.
func (r *run[T]) giveBack() {
	if r.granted {
		r.token.giveBack()
		r.granted = false
	}
}

func (r *run[T]) sleep(n int, v T, f failure) (left T, failed error) {
	r.emitRetried(n, f)
	if !r.drop(v, f.err) {
		left = v
	}
	return left, policy.Sleep(r.ctx, r.cfg.Clock, r.delay)
}

// errInterrupted stands for a pause that a panic ended.
var errInterrupted = errors.New("retry: interrupted")

// interrupted ends the retry after a failed pause: the budget is spent, the context has
// ended, or the clock cannot sleep.
func (r *run[T]) interrupted(n int, failed error, f failure) error {
	if ended := r.ctx.Err(); ended != nil && errors.Is(failed, ended) {
		return r.endedBy(n, ended, f)
	}
	return r.giveUp(n, failed, nil, f)
}

// endedBy returns the error of a retry that ended because its context did, with ended.
func (r *run[T]) endedBy(n int, ended error, f failure) error {
	cause := context.Cause(r.ctx)
	if same.Nil(cause) { // the methods of a nil pointer may panic
		cause = ended
	}
	return r.giveUp(n, cause, ended, f)
}

// giveUp returns the error of a retry that ended for reason after its nth attempt
// failed with f.
func (r *run[T]) giveUp(n int, reason, ended error, f failure) error {
	e := &Error{
		Attempts: n, Elapsed: r.elapsed(), Reason: reason, Last: r.last, Errs: r.kept(),
		ended: ended, ran: r.ran, late: r.late,
	}
	if f.refused && r.ran {
		e.refused = f.err
	}
	if e.Errs == nil && f.err != nil {
		e.one[0] = f.plain()
		e.Errs = e.one[:]
	}
	if !f.refused {
		e.refused = r.refusal
	}
	e.asked, _ = policy.RetryAfter(f.err)
	if d, ok := policy.RetryAfter(cmp.Or(r.refusal, reason)); ok {
		e.asked = d
	}
	if r.next.Observed(policy.GaveUp) {
		r.next.Emit(r.ctx, policy.Event{
			Kind: policy.GaveUp, Policy: "retry", Name: r.cfg.Name, Attempt: n, Elapsed: e.Elapsed, Reason: r.why(reason, ended), Err: e,
		})
	}
	return e
}

// elapsed may be called only after the clock has been read.
func (r *run[T]) elapsed() time.Duration { return r.watch.Elapsed() }

// drop passes v, which no caller will get, to the function of WithDiscard, and reports
// whether it did.
func (r *run[T]) drop(v T, err error) bool {
	if r.discard == nil || err != nil && same.Zero(v) {
		return false
	}
	r.holds = false // first: the function has the value even if it panics
	r.discard(v)
	return true
}
