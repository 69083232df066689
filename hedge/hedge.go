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

// promptly says that the first attempt begins at once.
type promptly = prompt.Mark

// emits are the events for which the clock is read before the first attempt.
var emits = []string{string(policy.Hedged), string(policy.Recovered), string(policy.FinishedLate)}

// Hedge is the policy that makes another attempt beside a slow one. Make one with [New];
// the zero Hedge is not usable. It is immutable but for what it learns, and safe for
// concurrent use. Copies made by the methods that begin with With share the budget and what
// is learned.
type Hedge[T any] struct {
	promptly
	cfg       Config
	budget    *retry.Budget // nil for none
	counted   any           // the key under which contexts say that budget has the call; nil if it is not shared
	learned   *learned      // nil if the delay is given
	initial   *state[T]     // of every call
	onFailure bool
	when      func(v T, err error) bool
	discard   func(v T)
	late      func(err error)
	keep      func(ctx context.Context, v T, release func()) T
}

// New returns a policy that hedges as cfg says. It panics with the error of
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
	if cfg.Delay == 0 {
		h.learned = newLearned(h.cfg)
	}
	return h
}

// WithCondition returns a copy whose attempts win if wins returns true for their result,
// instead of if their error is nil. A result that does not win counts as a failure; if
// none wins, the last one is returned. wins is called on the goroutine of the attempt and
// must be safe for concurrent use. WithCondition panics if wins is nil.
func (h *Hedge[T]) WithCondition(wins func(v T, err error) bool) *Hedge[T] {
	if wins == nil {
		panic("hedge: Hedge.WithCondition: wins is nil, want a function")
	}
	w := *h
	w.Late = true // wins may take its time
	w.when = wins
	return &w
}

// WithDiscard returns a copy that hands fn each value that the caller does not get, once,
// so that a body or rows can be closed: of attempts that lost, and of failed attempts that
// another result has replaced. A zero value beside an error is not handed over. fn may run
// on the goroutine of an attempt, after the call has returned, so it must be safe for
// concurrent use. A panic in it is logged. WithDiscard panics if fn is nil.
func (h *Hedge[T]) WithDiscard(fn func(v T)) *Hedge[T] {
	if fn == nil {
		panic("hedge: Hedge.WithDiscard: fn is nil, want a function")
	}
	w := *h
	w.discard = fn
	return &w
}

// WithOnLate returns a copy that hands fn the error of each attempt that failed after the
// call had been decided: its own; a *[policy.PanicError] if it panicked, and the panic ends
// there; [policy.ErrNoReturn] if it called runtime.Goexit. An attempt that has lost usually
// comes to the error of its context. fn may run on the goroutine of the attempt, after the
// call has returned, and before observers are told. It must be safe for concurrent use. A
// panic in it is logged. WithOnLate panics if fn is nil.
func (h *Hedge[T]) WithOnLate(fn func(err error)) *Hedge[T] {
	if fn == nil {
		panic("hedge: Hedge.WithOnLate: fn is nil, want a function")
	}
	w := *h
	w.late = fn
	return &w
}

// WithKeep returns a copy for results that outlive the call and still need its context, as
// the body of an HTTP response, the rows of a query or a stream do.
//
// hold is given the winner's value if its error is nil, the context that it was made with,
// and the function that ends that context. It returns the value to pass on, which calls
// release when it is no longer used: a body does so in its Close, say. release may be called
// more than once and from any goroutine. Until then the context ends only with the
// caller's own. Without WithKeep it ends when the call returns.
//
// hold runs on the caller's goroutine. If it panics, the context ends. WithKeep panics if
// hold is nil.
func (h *Hedge[T]) WithKeep(hold func(ctx context.Context, v T, release func()) T) *Hedge[T] {
	if hold == nil {
		panic("hedge: Hedge.WithKeep: hold is nil, want a function")
	}
	w := *h
	w.Late = true // hold may take its time
	w.keep = hold
	return &w
}

// Name returns the name that the config gives.
func (h *Hedge[T]) Name() string { return h.cfg.Name }

// Clock returns the clock that the hedge was given, or nil.
func (h *Hedge[T]) Clock() policy.Clock { return h.cfg.Clock }

// Refusal returns nil: the policies inside are asked.
func (h *Hedge[T]) Refusal(context.Context, time.Duration) error { return nil }

// Describe returns the kind, "hedge", the name, and the effective config, with the hedge's
// own budget if it was given none.
func (h *Hedge[T]) Describe() policy.Description {
	detail := h.cfg.Delay.String()
	switch h.cfg.Delay {
	case AtOnce:
		detail = "at once"
	case 0:
		detail = "p" + strconv.FormatFloat(100*h.cfg.Quantile, 'f', -1, 64)
	}
	return policy.Description{Kind: "hedge", Name: h.cfg.Name, Detail: detail, Config: h.cfg}
}

// String returns "hedge(100ms)", "hedge(name, p95)" or "hedge(at once)".
func (h *Hedge[T]) String() string { return h.Describe().String() }

// Do runs fn, and again beside itself as h says.
func (h *Hedge[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	v, err := h.Execute(ctx, policy.CallOf(fn))
	return v, mark.Without(err)
}

// Execute runs next, and again beside itself as h says.
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
		if c.alone() { // as nearly always
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

// worth reports whether a failed result brings the next attempt forward.
func (h *Hedge[T]) worth(err error) bool {
	switch {
	case !h.onFailure:
		return false
	case err == nil: // a refused value
		return true
	case h.cfg.HedgeIf == nil:
		return retry.Retryable(err)
	}
	return !rejected(err) && !mark.Permanent(err) && h.cfg.HedgeIf(err)
}

func rejected(err error) bool { return err != nil && errors.Is(err, policy.ErrRejected) }

// delay returns the time to the next attempt, or 0 if there is to be none for the sake of
// time.
func (h *Hedge[T]) delay() time.Duration {
	if h.learned != nil {
		return h.learned.delay()
	}
	return max(0, h.cfg.Delay)
}

// take asks the budget for an extra attempt.
func (h *Hedge[T]) take() bool { return h.budget == nil || h.budget.Take() }

// giveBack gives back what take granted, for an attempt that did not run the function.
func (h *Hedge[T]) giveBack() {
	if h.budget != nil {
		h.budget.GiveBack()
	}
}
