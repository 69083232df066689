package retry

import (
	"context"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/internal/random"
	"github.com/ductile-go/ductile/policy"
)

// promptly declares that the first attempt begins immediately.
type promptly = prompt.Mark

// emits are the events that need the time since the first attempt began.
var emits = []string{string(policy.Attempted), string(policy.Retried), string(policy.Recovered), string(policy.GaveUp)}

// Retry is a policy that calls again. Make one with [New]; the zero Retry is not
// usable. It is immutable, keeps no state between calls, and is safe for concurrent
// use.
type Retry[T any] struct {
	promptly
	cfg     Config
	timed   bool // the clock is read before the first attempt
	watched bool // timed, or with a budget: a success of the first attempt must be recorded
	when    func(v T, err error) bool
	discard func(v T)
}

// New returns a retry configured by cfg. It panics with the error of [Config.Validate].
func New[T any](cfg Config) *Retry[T] {
	r := made[T](cfg)
	return &r
}

func made[T any](cfg Config) Retry[T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	timed := cfg.MaxElapsed > 0 || cfg.Clock != nil || cfg.OnRetry != nil
	cfg.setDefaults()
	cfg.Rand = random.Clamped(cfg.Rand)
	return Retry[T]{promptly: promptly{Emits: emits}, cfg: cfg, timed: timed, watched: timed || cfg.Budget != nil}
}

// Do calls fn, and calls it again as cfg says. It is New(cfg).Do(ctx, fn), and panics
// as those do.
func Do[T any](ctx context.Context, cfg Config, fn policy.Func[T]) (T, error) {
	r := made[T](cfg)
	if fn == nil || r.watched || ctx.Err() != nil {
		return onHeap(r).Do(ctx, fn)
	}
	// This is the fast path of Retry.Do with the Retry on the stack. A call through a
	// pointer would allocate it for every call and take sixteen times as long.
	v, err := fn(withAttempt(ctx, 1))
	if err == nil {
		return v, nil
	}
	v, err = onHeap(r).goOn(ctx, policy.CallOf(fn), v, err)
	return v, mark.Without(err)
}

func onHeap[T any](r Retry[T]) *Retry[T] { return &r }

// Do calls fn, and calls it again as the config says. It panics if fn is nil.
func (r *Retry[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("retry: Retry.Do: fn is nil, want a function")
	}
	if r.watched || ctx.Err() != nil {
		v, err := r.Execute(ctx, policy.CallOf(fn))
		return v, mark.Without(err)
	}
	// This is the fast path of Execute without the two calls between it and fn, which
	// would make a successful first attempt 40 % slower.
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

// goOn continues after a first attempt that was neither timed nor counted.
func (r *Retry[T]) goOn(ctx context.Context, next policy.Call[T], v T, err error) (T, error) {
	run := run[T]{Retry: r, ctx: ctx, next: next}
	return run.goOn(v, err)
}

// executeWatched is Execute with a first attempt that is timed or counted.
func (r *Retry[T]) executeWatched(ctx context.Context, next policy.Call[T]) (T, error) {
	run := run[T]{Retry: r, ctx: ctx, next: next}
	if r.timed || observed(next) {
		run.watch, run.timing = next.Stopwatch(r.cfg.Clock), true
	}
	if r.cfg.Budget != nil {
		ctx = r.cfg.Budget.callIn(ctx)
		run.ctx = ctx
	}
	v, err := next.Do(withAttempt(ctx, 1))
	if err == nil && r.when == nil && r.discard == nil {
		run.emitAttempted(1, failure{})
		return v, nil
	}
	return run.goOn(v, err)
}

// observed reports whether an observer wants an event that needs the time since the
// first attempt began.
func observed[T any](next policy.Call[T]) bool {
	return next.Observed(policy.Attempted) || next.Observed(policy.Retried) ||
		next.Observed(policy.Recovered) || next.Observed(policy.GaveUp)
}

// WithCondition returns a copy that makes another attempt if match returns true for a
// result, also for a value with a nil error. match replaces RetryIf. It is not called
// for rejections and [Permanent] errors. It must be safe for concurrent use.
// WithCondition panics if match is nil.
func (r *Retry[T]) WithCondition(match func(v T, err error) bool) *Retry[T] {
	if match == nil {
		panic("retry: Retry.WithCondition: match is nil, want a function")
	}
	w := *r
	w.Late = true // match may take time
	w.when = match
	return &w
}

// WithDiscard returns a copy that passes fn each value that is dropped for another
// attempt, so that a body or rows can be closed. fn is called before the delay, so what
// it frees is free during the delay. It is not called for a zero value that comes with
// an error. If the retry ends during the delay, the caller gets a zero value, because
// fn has already had the last one. If a condition, another function of the config or an
// observer panics, fn gets the value that no caller gets then. fn must be safe for
// concurrent use. WithDiscard panics if fn is nil.
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

// Refusal returns nil, so that the inner policies are asked.
func (r *Retry[T]) Refusal(context.Context, time.Duration) error { return nil }

// Describe returns the kind, "retry", with the name and the effective config.
func (r *Retry[T]) Describe() policy.Description {
	attempts := "unlimited"
	if r.cfg.MaxAttempts != Unlimited {
		attempts = strconv.Itoa(r.cfg.MaxAttempts)
	}
	return policy.Description{Kind: "retry", Name: r.cfg.Name, Detail: attempts, Config: r.cfg}
}

// String returns "retry(3)", "retry(name, 3)" or "retry(unlimited)".
func (r *Retry[T]) String() string { return r.Describe().String() }
