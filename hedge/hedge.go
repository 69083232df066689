package hedge

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/internal/budgets"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// promptly marks that the first attempt starts at once.
type promptly = prompt.Mark

// emits lists the events that need a clock reading before the first attempt.
var emits = []string{string(policy.Hedged), string(policy.Recovered), string(policy.FinishedLate)}

// Hedge is a policy that starts extra attempts at slow calls. Make one with [New]; the
// zero Hedge is not usable. It is safe for concurrent use, and immutable except for the
// learned delay. Copies made by the With methods share the budget and the learned delay.
type Hedge[T any] struct {
	promptly
	cfg       Config
	budget    *retry.Budget // nil with NoBudget
	ownBudget bool          // no budget was configured
	counted   any           // context key that marks a call as counted in budget; nil if it is not shared
	learned   *learned      // nil if Delay is set
	initial   *state[T]     // state at the start of every call
	onFailure bool
	when      func(v T, err error) bool
	discard   func(v T)
	late      func(err error)
	keep      func(ctx context.Context, v T, release func()) T
}

// New returns a policy that hedges calls as configured. It panics with the error of
// [Config.Validate].
func New[T any](cfg Config) *Hedge[T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	h := &Hedge[T]{
		promptly: promptly{Late: cfg.Abandon, Emits: emits}, onFailure: cfg.OnFailure && cfg.Delay != AtOnce,
		initial: &state[T]{begun: 1, running: 1, turn: &firstTurn},
	}
	if cfg.Budget != nil && cfg.Budget != NoBudget {
		budgets.Share(cfg.Budget)
		h.counted = budgets.Key(cfg.Budget)
	}
	h.cfg = cfg.withDefaults()
	if h.cfg.Budget != NoBudget {
		h.budget = h.cfg.Budget
	}
	h.ownBudget = cfg.Budget == nil
	if cfg.Delay == 0 {
		h.learned = newLearned(h.cfg)
	}
	return h
}

// WithCondition returns a copy in which an attempt wins if wins returns true for its
// result, instead of if its error is nil. Any other result counts as a failure; if no
// attempt wins, the call returns the last result. wins is called on the attempt's
// goroutine and must be safe for concurrent use. WithCondition panics if wins is nil.
func (h *Hedge[T]) WithCondition(wins func(v T, err error) bool) *Hedge[T] {
	if wins == nil {
		panic("hedge: Hedge.WithCondition: wins is nil, want a function")
	}
	w := *h
	w.Late = true // wins may take long
	w.when = wins
	return &w
}

// WithDiscard returns a copy that calls fn once with each value that the caller does not
// get, so that a body or rows can be closed: values of attempts that lost, and of failed
// attempts that another result has replaced. It skips a zero value with an error. fn may
// run on an attempt's goroutine, after the call has returned, so it must be safe for
// concurrent use. A panic in fn is logged. WithDiscard panics if fn is nil.
func (h *Hedge[T]) WithDiscard(fn func(v T)) *Hedge[T] {
	if fn == nil {
		panic("hedge: Hedge.WithDiscard: fn is nil, want a function")
	}
	w := *h
	w.discard = fn
	return &w
}

// WithOnLate returns a copy that calls fn with the error of each attempt that failed
// after the call was decided. That is the attempt's own error; a *[policy.PanicError] if
// it panicked, and the panic goes no further; or [policy.ErrNoReturn] if it called
// runtime.Goexit. An attempt that lost usually returns its context's error. fn may run on
// the attempt's goroutine, after the call has returned, and runs before the FinishedLate
// event. It must be safe for concurrent use. A panic in fn is logged. WithOnLate panics
// if fn is nil.
func (h *Hedge[T]) WithOnLate(fn func(err error)) *Hedge[T] {
	if fn == nil {
		panic("hedge: Hedge.WithOnLate: fn is nil, want a function")
	}
	w := *h
	w.late = fn
	return &w
}

// WithKeep returns a copy for results that need their context after the call, such as the
// body of an HTTP response, the rows of a query or a stream.
//
// If the winner's error is nil, hold is called with the winner's context, its value, and
// a release function that ends the context. hold returns the value for the caller,
// usually a wrapper that calls release when it is closed. release may be called more than
// once and from any goroutine. Until then the context ends only if the caller's context
// ends. Without WithKeep it ends when the call returns.
//
// hold runs on the caller's goroutine. If it panics, the context ends. WithKeep panics if
// hold is nil.
func (h *Hedge[T]) WithKeep(hold func(ctx context.Context, v T, release func()) T) *Hedge[T] {
	if hold == nil {
		panic("hedge: Hedge.WithKeep: hold is nil, want a function")
	}
	w := *h
	w.Late = true // hold may take long
	w.keep = hold
	return &w
}

// Name returns the configured name.
func (h *Hedge[T]) Name() string { return h.cfg.Name }

// Clock returns the configured clock, or nil for real time.
func (h *Hedge[T]) Clock() policy.Clock { return h.cfg.Clock }

// Refusal returns nil, so the policies inside are asked next.
func (h *Hedge[T]) Refusal(context.Context, time.Duration) error { return nil }

// Describe returns the kind, "hedge", the name, and the effective config, including the
// hedge's own budget if none was configured.
func (h *Hedge[T]) Describe() policy.Description {
	detail := h.cfg.Delay.String()
	switch h.cfg.Delay {
	case AtOnce:
		detail = "at once"
	case 0:
		detail = "p" + strconv.FormatFloat(100*h.cfg.Quantile, 'g', 15, 64) // 100 x 0.55 is a little more than 55
	}
	return policy.Description{Kind: "hedge", Name: h.cfg.Name, Detail: detail, Config: h.cfg}
}

// String returns "hedge(100ms)", "hedge(name, p95)" or "hedge(at once)".
func (h *Hedge[T]) String() string { return h.Describe().String() }

// Do runs fn, and starts extra attempts as configured. It removes the outer marks of
// packages breaker and retry from the error.
func (h *Hedge[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	v, err := h.Execute(ctx, policy.CallOf(fn))
	return v, mark.Without(err)
}

// Execute runs next, and starts extra attempts as configured.
func (h *Hedge[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	if h.budget != nil && (h.counted == nil || ctx.Value(h.counted) == nil) {
		h.budget.Call()
	}
	c := &call[T]{Context: ctx, hedge: h, next: next}
	defer c.close()
	c.start()
	if h.cfg.Abandon {
		a := &attempt[T]{n: 1}
		policy.Go(h.cfg.Clock, func() { c.runAll(a) })
		return c.settle(nil)
	}
	v, err := next.Do(c)
	won := c.wins(v, err)
	if won && h.keep == nil || !won && !h.onFailure {
		if c.alone() { // the usual case
			if won {
				c.learn()
			}
			c.settled = true
			return v, err
		}
	}
	a := &attempt[T]{n: 1, v: v, err: err, returned: true}
	c.judge(a, won)
	return c.settle(a)
}

// worth reports whether a failed result starts the next attempt early.
func (h *Hedge[T]) worth(err error) bool {
	switch {
	case !h.onFailure:
		return false
	case err == nil: // a value that WithCondition rejected
		return true
	case h.cfg.HedgeIf == nil:
		return retry.Retryable(err)
	}
	return !rejected(err) && !mark.Permanent(err) && h.cfg.HedgeIf(err)
}

func rejected(err error) bool { return err != nil && errors.Is(err, policy.ErrRejected) }

// delay returns the time until the next attempt, or 0 if no attempt starts by time.
func (h *Hedge[T]) delay() time.Duration {
	if h.learned != nil {
		return h.learned.delay()
	}
	return max(0, h.cfg.Delay)
}

// take takes an extra attempt from the budget, and reports whether it was granted.
func (h *Hedge[T]) take() bool { return h.budget == nil || h.budget.Take() }

// giveBack returns the token of an attempt that did not run the function.
func (h *Hedge[T]) giveBack() {
	if h.budget != nil {
		h.budget.GiveBack()
	}
}
