package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/policy"
)

// promptly is embedded by policies that run the inner call at once.
type promptly = prompt.Mark

// kind is the Policy field of a limiter's events.
const kind = "ratelimit"

// RateLimit is a policy that takes tokens from a limiter for each call that returns T.
// Make one with [New]; the zero RateLimit is not usable. It is immutable and safe for
// concurrent use. Any number of RateLimits may share a limiter.
//
// If the tokens are not available, the call waits as [Config].MaxWait allows, or is
// refused. An attempt that is [policy.Speculative] never waits. Events: Queued when a
// call starts to wait, with the expected wait as Delay; Waited when it is admitted after
// that; Rejected with a Reason otherwise. The Reason is "limit" if the call does not
// wait, "max_wait" or "deadline" if the tokens would be too late, "speculative", "paused"
// or "cost", "canceled" or "deadline" if the context ended during the wait, and "clock" if
// the clock failed to wait.
type RateLimit[T any] struct {
	promptly
	limiter *Limiter
	pause   func(v T, err error) time.Duration
}

// New returns a policy that limits calls to the limiter's rate. It panics if l is nil or
// a zero Limiter.
func New[T any](l *Limiter) *RateLimit[T] {
	if !l.made() {
		panic("ratelimit: New: " + l.fault())
	}
	return &RateLimit[T]{promptly: promptly{Late: l.terms.Load().cost != nil}, limiter: l}
}

// WithPause returns a copy that calls pause with the result of each call that has run,
// and pauses the limiter for the returned duration. 0 or less means no pause. This way a
// server's Retry-After delays all callers, not only the one that received it. pause must
// be safe for concurrent use. WithPause panics if pause is nil.
func (p *RateLimit[T]) WithPause(pause func(v T, err error) time.Duration) *RateLimit[T] {
	if pause == nil {
		panic("ratelimit: RateLimit.WithPause: pause is nil, want a function")
	}
	w := *p
	w.pause, w.Late = pause, true
	return &w
}

// Do runs fn when l has tokens for it. It removes the outer marks of package retry and of
// breaker.Judge from the error. It panics if l is nil or a zero Limiter, or if fn is nil.
func Do[T any](ctx context.Context, l *Limiter, fn policy.Func[T]) (T, error) {
	if !l.made() {
		panic("ratelimit: Do: " + l.fault())
	}
	p := RateLimit[T]{limiter: l}
	return p.Do(ctx, fn)
}

// Do runs fn when the limiter has tokens for it. It removes the outer marks of package
// retry and of breaker.Judge from the error. It panics if fn is nil.
func (p *RateLimit[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("ratelimit: RateLimit.Do: fn is nil, want a function")
	}
	v, err := p.Execute(ctx, policy.CallOf(fn))
	return v, mark.Without(err)
}

// Limiter returns the limiter that p takes tokens from.
func (p *RateLimit[T]) Limiter() *Limiter { return p.limiter }

// Name returns the limiter's name.
func (p *RateLimit[T]) Name() string { return p.limiter.name }

// Clock returns the limiter's clock, or nil for real time.
func (p *RateLimit[T]) Clock() policy.Clock { return p.limiter.clock }

// Describe returns the kind, "ratelimit", the limiter's name, and its config with the
// current rate.
func (p *RateLimit[T]) Describe() policy.Description {
	cfg := p.limiter.Config()
	return policy.Description{Kind: kind, Name: cfg.Name, Detail: fmt.Sprintf("%d/%v", cfg.Limit, cfg.Per), Config: cfg}
}

// String returns "ratelimit(name, 100/1s)": the limiter's name, if any, and its current
// rate.
func (p *RateLimit[T]) String() string { return p.Describe().String() }

// Execute runs next when the limiter has tokens for it. The tokens stay taken even if
// next fails or panics.
func (p *RateLimit[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	terms := p.limiter.terms.Load()
	if p.pause != nil || terms.cost != nil {
		return p.custom(ctx, next, terms)
	}
	if p.limiter.take(1) {
		p.limiter.admitted.Inc()
	} else if err := p.wait(ctx, next, 1, terms.maxWait); err != nil {
		return v, err
	}
	return next.Do(ctx)
}

// custom is Execute for a limiter with a Cost or a policy with a pause function.
func (p *RateLimit[T]) custom(ctx context.Context, next policy.Call[T], terms *terms) (v T, err error) {
	n := terms.costOf(ctx)
	next.Delayed()
	if p.limiter.take(n) {
		p.limiter.admitted.Inc()
	} else if err := p.wait(ctx, next, n, terms.maxWait); err != nil {
		return v, err
	}
	v, err = next.Do(ctx)
	if p.pause != nil {
		p.limiter.Pause(p.pause(v, err))
	}
	return v, err
}

// wait waits for n tokens that are not available yet, or refuses the call.
func (p *RateLimit[T]) wait(ctx context.Context, next policy.Call[T], n int, maxWait time.Duration) error {
	l := p.limiter
	w, reason, refused := l.enter(ctx, n, maxWait)
	if refused != nil {
		l.rejected.Inc()
		p.reject(ctx, next, refused, reason)
		return refused
	}
	if w == nil { // the tokens became available meanwhile
		l.admitted.Inc()
		return nil
	}
	defer w.drop() // if an observer or the clock panics
	if next.Observed(policy.Queued) {
		next.Emit(ctx, policy.Event{Kind: policy.Queued, Policy: kind, Name: l.name, Delay: duration(w.delay)})
	}
	if err := w.end(ctx); err != nil {
		p.reject(ctx, next, err, w.why(ctx, err))
		return err
	}
	if next.Observed(policy.Waited) {
		next.Emit(ctx, policy.Event{Kind: policy.Waited, Policy: kind, Name: l.name, Delay: duration(w.took)})
	}
	next.Delayed()
	return nil
}

func (p *RateLimit[T]) reject(ctx context.Context, next policy.Call[T], err error, reason string) {
	if next.Observed(policy.Rejected) {
		if reason == "limit" && p.limiter.paused() > 0 {
			reason = "paused"
		}
		next.Emit(ctx, policy.Event{Kind: policy.Rejected, Policy: kind, Name: p.limiter.name, Reason: reason, Err: err})
	}
}

// Refusal returns the error that the limiter would return for a call made after the given
// delay, assuming that no other call takes or returns tokens until then. It returns nil
// if the call would be admitted or could wait. An outer retry uses it to avoid a sleep
// that ends in a refusal: the retry ends at once or, with retry.Config.RetryRejected,
// sleeps until the tokens are due. If MaxWait is negative, only a deadline causes a
// refusal. An attempt that is [policy.Speculative] cannot wait. Refusal takes no tokens and
// counts nothing.
func (p *RateLimit[T]) Refusal(ctx context.Context, after time.Duration) error {
	l := p.limiter
	terms := l.terms.Load()
	n := terms.costOf(ctx)
	if n <= 0 {
		return nil
	}
	if burst := l.bucket.Load().burst; n > burst {
		return &costError{l.name, n, burst}
	}
	most, _ := l.patience(ctx, terms.maxWait, after)
	if policy.Speculative(ctx) {
		most = 0
	}
	if due := l.due(n); due > after && ahead(due-after) > most {
		return l.refuse(n)
	}
	return nil
}

// costOf returns the number of tokens for a call.
func (t *terms) costOf(ctx context.Context) int {
	if t.cost == nil {
		return 1
	}
	return t.cost(ctx)
}
