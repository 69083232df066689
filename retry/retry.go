package retry

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Retry is the policy that tries again. Make one with [New]. It is immutable,
// keeps nothing between calls, and is safe for concurrent use.
type Retry[T any] struct {
	cfg     Config
	timed   bool // the clock is read before the first attempt
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
	return Retry[T]{
		cfg:   cfg.withDefaults(),
		timed: cfg.MaxElapsed > 0 || cfg.Clock != nil || cfg.OnRetry != nil,
	}
}

// Do runs fn, and again as cfg says. It is New(cfg).Do, and panics as New does.
func Do[T any](ctx context.Context, cfg Config, fn policy.Func[T]) (T, error) {
	r := made[T](cfg)
	return r.Execute(ctx, policy.CallOf(fn))
}

// Do runs fn, and again as r says.
func (r *Retry[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	return r.Execute(ctx, policy.CallOf(fn))
}

// When returns a copy that tries again after the results that match says true
// of, values with a nil error included. It is asked instead of RetryIf, and not
// about a [Permanent] error. When panics when match is nil.
func (r *Retry[T]) When(match func(v T, err error) bool) *Retry[T] {
	if match == nil {
		panic("retry: Retry.When: match is nil, want a function")
	}
	w := *r
	w.when = match
	return &w
}

// Discard returns a copy that hands fn each value that is given up for another
// attempt, just before that attempt, so that a body can be closed. A zero value
// beside an error is not handed over. Discard panics when fn is nil.
func (r *Retry[T]) Discard(fn func(v T)) *Retry[T] {
	if fn == nil {
		panic("retry: Retry.Discard: fn is nil, want a function")
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
	if r.timed || next.Observed() || r.cfg.Budget != nil {
		return r.executeTimed(ctx, next)
	}
	v, err := next.Do(withAttempt(ctx, 1))
	if err == nil && r.when == nil {
		return v, nil
	}
	run := run[T]{Retry: r, ctx: ctx, next: next}
	return run.goOn(v, err)
}

// executeTimed is Execute where somebody wants to know of the first attempt.
func (r *Retry[T]) executeTimed(ctx context.Context, next policy.Call[T]) (T, error) {
	run := run[T]{Retry: r, ctx: ctx, next: next}
	if r.timed || next.Observed() {
		run.start = policy.Now(r.cfg.Clock)
	}
	if r.cfg.Budget != nil {
		r.cfg.Budget.call()
	}
	v, err := next.Do(withAttempt(ctx, 1))
	if err == nil && r.when == nil {
		if next.Observed() {
			next.Emit(ctx, policy.Event{Kind: policy.Attempted, Policy: r.name(), Attempt: 1, Elapsed: run.elapsed()})
		}
		return v, nil
	}
	return run.goOn(v, err)
}

func (r *Retry[T]) name() string { return orDefault(r.cfg.Name, "retry") }

// run is one call's way through a retry. All that changes from attempt to
// attempt is in here, so that calls share nothing.
type run[T any] struct {
	*Retry[T]
	ctx   context.Context
	next  policy.Call[T]
	start time.Time     // zero until the clock is first read
	delay time.Duration // the last one
}

func (r *run[T]) elapsed() time.Duration {
	if r.start.IsZero() {
		return 0
	}
	return policy.Elapsed(r.cfg.Clock, r.start)
}

// goOn takes the first attempt's result and makes the rest of them.
func (r *run[T]) goOn(v T, err error) (T, error) {
	if r.start.IsZero() {
		r.start = policy.Now(r.cfg.Clock)
	}
	for n := 1; ; n++ {
		r.next.Emit(r.ctx, policy.Event{Kind: policy.Attempted, Policy: r.name(), Attempt: n, Elapsed: r.elapsed(), Err: err})
		if !r.again(v, err) {
			return v, unmark(err)
		}
		if reason := r.stop(n, err); reason != nil {
			return v, r.giveUp(n, reason, err)
		}
		retried := policy.Event{Kind: policy.Retried, Policy: r.name(), Attempt: n, Delay: r.delay, Elapsed: r.elapsed(), Err: unmark(err)}
		if r.cfg.OnRetry != nil {
			r.cfg.OnRetry(r.ctx, retried)
		}
		r.next.Emit(r.ctx, retried)
		if failed := policy.Sleep(r.ctx, r.cfg.Clock, r.delay); failed != nil {
			if r.ctx.Err() == nil { // a clock that cannot sleep
				return v, r.giveUp(n, failed, err)
			}
			return v, r.giveUp(n, context.Cause(r.ctx), err)
		}
		r.drop(v, err)
		v, err = r.next.Do(withAttempt(r.ctx, n+1))
	}
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
	err := &Error{Attempts: n, Elapsed: r.elapsed(), Reason: reason, Last: unmark(last)}
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
