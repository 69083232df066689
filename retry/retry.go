package retry

import (
	"context"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/policy"
)

// promptly says that the first attempt begins at once.
type promptly = prompt.Mark

// emits are the events that have the time since the first attempt began.
var emits = []string{string(policy.Attempted), string(policy.Retried), string(policy.Recovered), string(policy.GaveUp)}

// Retry is the policy that tries again. Make one with [New]; the zero Retry is not
// usable. It is immutable, keeps nothing between calls, and is safe for concurrent
// use.
type Retry[T any] struct {
	promptly
	cfg     Config
	timed   bool // the clock is read before the first attempt
	watched bool // timed, or counted by a budget: the first attempt is not all there is to a success
	when    func(v T, err error) bool
	discard func(v T)
}

// New returns a policy that retries as cfg says. It panics with the error of
// [Config.Validate].
func New[T any](cfg Config) *Retry[T] {
	r := made[T](cfg)
	return &r
}

func made[T any](cfg Config) Retry[T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	timed := cfg.MaxElapsed > 0 || cfg.Clock != nil || cfg.OnRetry != nil
	return Retry[T]{
		promptly: promptly{Emits: emits}, cfg: cfg.effective(), timed: timed, watched: timed || cfg.Budget != nil,
	}
}

// Do runs fn, and again as cfg says. It is New(cfg).Do(ctx, fn), and panics as those do.
func Do[T any](ctx context.Context, cfg Config, fn policy.Func[T]) (T, error) {
	r := made[T](cfg)
	if fn == nil || r.watched || ctx.Err() != nil {
		return onHeap(r).Do(ctx, fn)
	}
	// This is the fast path of Retry.Do with the Retry on the stack: called by pointer, it
	// would be allocated for every call, which would take sixteen times as long.
	v, err := fn(withAttempt(ctx, 1))
	if err == nil {
		return v, nil
	}
	v, err = onHeap(r).goOn(ctx, policy.CallOf(fn), v, err)
	return v, mark.Without(err)
}

func onHeap[T any](r Retry[T]) *Retry[T] { return &r }

// Do runs fn, and again as r says.
func (r *Retry[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("retry: Retry.Do: fn is nil, want a function")
	}
	if r.watched || ctx.Err() != nil {
		v, err := r.Execute(ctx, policy.CallOf(fn))
		return v, mark.Without(err)
	}
	// This is Execute's fast path without the two calls between it and fn, which would
	// make a successful first attempt 40 % slower.
	v, err := fn(withAttempt(ctx, 1))
	if err == nil && r.when == nil {
		return v, nil
	}
	v, err = r.goOn(ctx, policy.CallOf(fn), v, err)
	return v, mark.Without(err)
}

// Execute runs next until it succeeds or the retry ends.
func (r *Retry[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	if r.watched || next.HasObservers() {
		return r.executeWatched(ctx, next)
	}
	v, err := next.Do(withAttempt(ctx, 1))
	if err == nil && r.when == nil {
		return v, nil
	}
	return r.goOn(ctx, next, v, err)
}

// goOn takes the result of a first attempt that was neither timed nor counted.
func (r *Retry[T]) goOn(ctx context.Context, next policy.Call[T], v T, err error) (T, error) {
	run := run[T]{Retry: r, ctx: ctx, next: next}
	return run.goOn(v, err)
}

// executeWatched is Execute for a first attempt that is timed or counted.
func (r *Retry[T]) executeWatched(ctx context.Context, next policy.Call[T]) (T, error) {
	run := run[T]{Retry: r, ctx: ctx, next: next}
	if r.timed || observed(next) {
		run.watch, run.timing = next.Stopwatch(r.cfg.Clock), true
	}
	if r.cfg.Budget != nil {
		r.cfg.Budget.Call()
	}
	v, err := next.Do(withAttempt(ctx, 1))
	if err == nil && r.when == nil {
		run.tellAttempt(1, failure{})
		return v, nil
	}
	return run.goOn(v, err)
}

// observed reports whether an observer wants an event that has the time since the first
// attempt began.
func observed[T any](next policy.Call[T]) bool {
	return next.Observed(policy.Attempted) || next.Observed(policy.Retried) ||
		next.Observed(policy.Recovered) || next.Observed(policy.GaveUp)
}

// WithCondition returns a copy that tries again after the results for which match
// returns true, including values with a nil error. match is called instead of RetryIf,
// and not for a rejection or a [Permanent] error. It must be safe for concurrent use.
// WithCondition panics if match is nil.
func (r *Retry[T]) WithCondition(match func(v T, err error) bool) *Retry[T] {
	if match == nil {
		panic("retry: Retry.WithCondition: match is nil, want a function")
	}
	w := *r
	w.Late = true // match may take its time
	w.when = match
	return &w
}

// WithDiscard returns a copy that hands fn each value that is given up for another
// attempt, so that a body or rows can be closed. fn is called before the delay: what it
// frees is free meanwhile. A zero value beside an error is not handed over. If the
// retry ends during the delay, it returns a zero value. fn must be safe for concurrent
// use. WithDiscard panics if fn is nil.
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

// Refusal returns nil: the policies inside are asked.
func (r *Retry[T]) Refusal(context.Context, time.Duration) error { return nil }

// Describe returns the kind, "retry", the name, and the effective config.
func (r *Retry[T]) Describe() policy.Description {
	attempts := "unlimited"
	if r.cfg.MaxAttempts != Unlimited {
		attempts = strconv.Itoa(r.cfg.MaxAttempts)
	}
	return policy.Description{Kind: "retry", Name: r.cfg.Name, Detail: attempts, Config: r.cfg}
}

// String returns "retry(3)", "retry(name, 3)" or "retry(unlimited)".
func (r *Retry[T]) String() string { return r.Describe().String() }
