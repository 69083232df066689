package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Retry is the policy that tries again. Make one with [New]; the zero Retry makes
// no attempt worth the name. It is immutable, keeps nothing between calls, and is
// safe for concurrent use.
type Retry[T any] struct {
	cfg     Config
	timed   bool // the clock is read before the first attempt
	watched bool // timed, or counted by a budget: the first attempt is not all there is to a success
	when    func(v T, err error) bool
	discard func(v T)
}

// New returns a policy that retries as cfg says. It panics with Validate's
// error.
func New[T any](cfg Config) *Retry[T] {
	r := made[T](cfg)
	return &r
}

func made[T any](cfg Config) Retry[T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	timed := cfg.MaxElapsed > 0 || cfg.Clock != nil || cfg.OnRetry != nil
	return Retry[T]{cfg: cfg.withDefaults(), timed: timed, watched: timed || cfg.Budget != nil}
}

// Do runs fn, and again as cfg says. It is New(cfg).Do, and panics as New does.
func Do[T any](ctx context.Context, cfg Config, fn policy.Func[T]) (T, error) {
	r := made[T](cfg)
	if fn == nil || r.watched || ctx.Err() != nil {
		return keep(r).Do(ctx, fn)
	}
	// As in Retry.Do, but r moves to the heap only where one attempt is not enough.
	v, err := fn(withAttempt(ctx, 1))
	if err == nil {
		return v, nil
	}
	return keep(r).goOn(ctx, policy.CallOf(fn), v, err)
}

func keep[T any](r Retry[T]) *Retry[T] { return &r }

// Do runs fn, and again as r says.
func (r *Retry[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("retry: Retry.Do: fn is nil, want a function")
	}
	if r.watched || ctx.Err() != nil {
		return r.Execute(ctx, policy.CallOf(fn))
	}
	// What Execute does, without the two calls on the way to fn.
	v, err := fn(withAttempt(ctx, 1))
	if err == nil && r.when == nil {
		return v, nil
	}
	return r.goOn(ctx, policy.CallOf(fn), v, err)
}

// WithCondition returns a copy that tries again after the results that match says true
// of, values with a nil error included. It is asked instead of RetryIf, and not
// about a [Permanent] error. match must be safe for concurrent use. WithCondition panics
// when match is nil.
func (r *Retry[T]) WithCondition(match func(v T, err error) bool) *Retry[T] {
	if match == nil {
		panic("retry: Retry.WithCondition: match is nil, want a function")
	}
	w := *r
	w.when = match
	return &w
}

// WithDiscard returns a copy that hands fn each value that is given up for another
// attempt, just before that attempt, so that a body can be closed. A zero value
// beside an error is not handed over. If the context ends meanwhile, there is no
// attempt, and the retry ends with a zero value. fn must be safe for concurrent
// use. WithDiscard panics when fn is nil.
func (r *Retry[T]) WithDiscard(fn func(v T)) *Retry[T] {
	if fn == nil {
		panic("retry: Retry.WithDiscard: fn is nil, want a function")
	}
	d := *r
	d.discard = fn
	return &d
}

// Clock returns the clock that the retry was given, or nil.
func (r *Retry[T]) Clock() policy.Clock { return r.cfg.Clock }

// String returns "retry(3)" or "retry(unlimited)".
func (r *Retry[T]) String() string {
	if r.cfg.MaxAttempts == Unlimited {
		return "retry(unlimited)"
	}
	return fmt.Sprintf("retry(%d)", r.cfg.MaxAttempts)
}

// Execute runs next until it succeeds or the retry ends.
func (r *Retry[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	if r.watched || next.Observed() {
		return r.executeWatched(ctx, next)
	}
	v, err := next.Do(withAttempt(ctx, 1))
	if err == nil && r.when == nil {
		return v, nil
	}
	return r.goOn(ctx, next, v, err)
}

func (r *Retry[T]) goOn(ctx context.Context, next policy.Call[T], v T, err error) (T, error) {
	run := run[T]{Retry: r, ctx: ctx, next: next}
	return run.goOn(v, err)
}

// executeWatched is Execute where somebody wants to know of the first attempt.
func (r *Retry[T]) executeWatched(ctx context.Context, next policy.Call[T]) (T, error) {
	run := run[T]{Retry: r, ctx: ctx, next: next}
	if r.timed || next.Observed() {
		run.start, run.timing = policy.Now(r.cfg.Clock), true
	}
	if r.cfg.Budget != nil {
		r.cfg.Budget.call()
	}
	v, err := next.Do(withAttempt(ctx, 1))
	if err == nil && r.when == nil {
		run.tellAttempt(1, nil)
		return v, nil
	}
	return run.goOn(v, err)
}

func (r *Retry[T]) name() string { return cmp.Or(r.cfg.Name, "retry") }

// run is one call's way through a retry. All that changes from attempt to
// attempt is in here, so that calls share nothing.
type run[T any] struct {
	*Retry[T]
	ctx    context.Context
	next   policy.Call[T]
	start  time.Time     // when the clock was first read
	timing bool          // it was
	late   bool          // that was after the first attempt
	delay  time.Duration // the last one
}

// elapsed is asked only once the clock has been read. On one that was set back to
// before the start, nothing has elapsed.
func (r *run[T]) elapsed() time.Duration {
	return max(0, policy.Elapsed(r.cfg.Clock, r.start))
}

// goOn takes the first attempt's result and makes the rest of them.
func (r *run[T]) goOn(v T, err error) (T, error) {
	for n := 1; ; n++ {
		r.tellAttempt(n, err)
		if !r.again(v, err) {
			return v, unmark(err)
		}
		if !r.timing {
			r.start, r.timing, r.late = policy.Now(r.cfg.Clock), true, true
		}
		if reason := r.stop(n, err); reason != nil {
			return v, r.giveUp(n, reason, err)
		}
		r.tellRetry(n, err)
		if failed := policy.Sleep(r.ctx, r.cfg.Clock, r.delay); failed != nil {
			if r.ctx.Err() != nil { // else it is a clock that cannot sleep
				failed = context.Cause(r.ctx)
			}
			return v, r.giveUp(n, failed, err)
		}
		r.drop(v, err)
		if r.ctx.Err() != nil { // Discard may have taken its time, or ended the context itself
			var dropped T
			return dropped, r.giveUp(n, context.Cause(r.ctx), err)
		}
		v, err = r.next.Do(withAttempt(r.ctx, n+1))
	}
}

// tellAttempt says how an attempt ended. The clock is read only where somebody
// listens; so in tellRetry.
func (r *run[T]) tellAttempt(n int, err error) {
	if r.next.Observed() {
		r.next.Emit(r.ctx, policy.Event{Kind: policy.Attempted, Policy: r.name(), Attempt: n, Elapsed: r.elapsed(), Err: unmark(err)})
	}
}

// tellRetry says that an attempt is given up for another.
func (r *run[T]) tellRetry(n int, err error) {
	if r.cfg.OnRetry == nil && !r.next.Observed() {
		return
	}
	retried := policy.Event{Kind: policy.Retried, Policy: r.name(), Attempt: n, Delay: r.delay, Elapsed: r.elapsed(), Err: unmark(err)}
	if r.cfg.OnRetry != nil {
		r.cfg.OnRetry(r.ctx, retried)
	}
	r.next.Emit(r.ctx, retried)
}

// again reports whether a result is one to try again after, or whose retry the
// end of the context has to be told of.
func (r *run[T]) again(v T, err error) bool {
	if err != nil && isPermanent(err) {
		return false
	}
	if ended := r.ctx.Err(); ended != nil && err != nil && errors.Is(err, ended) {
		return true
	}
	switch {
	case r.when != nil:
		return r.when(v, err)
	case err == nil:
		return false
	case r.cfg.RetryIf != nil:
		return r.cfg.RetryIf(err)
	}
	return Retryable(err)
}

// stop returns why there is no attempt after the nth, or nil, and then the
// delay before it is in r.delay.
func (r *run[T]) stop(n int, err error) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if r.cfg.MaxAttempts != Unlimited && n >= r.cfg.MaxAttempts {
		return ErrExhausted
	}
	delay := r.cfg.delay(Step{Attempt: n, Previous: r.delay, Err: err})
	if asked := hint(err); asked > r.cfg.MaxRetryAfter {
		return ErrRetryAfter
	} else if asked > delay {
		delay = asked
	}
	if r.cfg.MaxElapsed > 0 && r.elapsed() > r.cfg.MaxElapsed-delay { // a sum could overflow
		return ErrElapsed
	}
	if deadline, ok := r.ctx.Deadline(); ok && !policy.Now(r.cfg.Clock).Add(delay).Before(deadline) {
		return ErrDeadline
	}
	if r.cfg.Budget != nil && !r.cfg.Budget.take() {
		return ErrBudget
	}
	r.delay = delay
	return nil
}

func (r *run[T]) giveUp(n int, reason, last error) error {
	err := &Error{Attempts: n, Elapsed: r.elapsed(), Reason: reason, Last: unmark(last), late: r.late, asked: hint(last)}
	if ended := r.ctx.Err(); ended != nil && !errors.Is(reason, ended) {
		err.ended = ended
	}
	r.next.Emit(r.ctx, policy.Event{Kind: policy.GaveUp, Policy: r.name(), Attempt: n, Elapsed: err.Elapsed, Err: err})
	return err
}

// drop hands a value that is given up to Discard.
func (r *run[T]) drop(v T, err error) {
	if r.discard == nil || err != nil && reflect.ValueOf(&v).Elem().IsZero() {
		return
	}
	r.discard(v)
}
