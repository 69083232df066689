package ratelimit

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Wait takes n tokens, and waits for them as long as ctx lasts, whatever Config.MaxWait
// says. Callers are served in the order in which they came. An n of 0 or less takes none
// and does not wait.
//
// If ctx has a deadline before the tokens are there, Wait refuses at once with an
// *[ExceededError]. If ctx is [policy.Speculative], it refuses unless they are there now.
// If ctx ends while it waits, the error matches [policy.ErrRejected] and what
// [policy.Ended] returns for ctx. If n is more than Burst, the error matches [ErrCost].
// In each of these cases no tokens are taken.
func (l *Limiter) Wait(ctx context.Context, n int) error {
	if ended := policy.Ended(ctx); ended != nil {
		return &leftError{ended}
	}
	if l.take(n) {
		l.admitted.Inc()
		return nil
	}
	w, _, refused := l.enter(ctx, n, -1)
	switch {
	case refused != nil:
		l.rejected.Inc()
		return refused
	case w == nil:
		l.admitted.Inc()
		return nil
	}
	defer w.drop() // if the clock panics
	return w.end(ctx)
}

// enter books n tokens that were not there, and returns a waiter if the call has to wait
// for them, or why it is refused.
func (l *Limiter) enter(ctx context.Context, n int, maxWait time.Duration) (w *waiter, reason string, refused error) {
	b := l.bucket.Load()
	if n > b.burst {
		return nil, "cost", &costError{l.name, n, b.burst}
	}
	if maxWait == 0 {
		return nil, "limit", l.refuse(n)
	}
	if policy.Speculative(ctx) {
		return nil, "speculative", l.refuse(n)
	}
	most, bound := l.patience(ctx, maxWait)
	if ahead(l.due(n)) > most { // asked before the lock is taken: refusals are cheap
		return nil, bound, l.refuse(n)
	}
	w, refused = l.join(n, most, bound)
	if errors.Is(refused, ErrCost) { // SetRate came in between
		bound = "cost"
	}
	return w, bound, refused
}

// patience returns how long a call may wait, in ticks, and what bounds that.
func (l *Limiter) patience(ctx context.Context, maxWait time.Duration) (most int64, bound string) {
	most, bound = ahead(maxWait), "limit"
	if maxWait > 0 {
		bound = "max_wait"
	}
	if deadline, ok := ctx.Deadline(); ok {
		// A context that ends when the tokens come has ended.
		if left := max(0, deadline.Sub(policy.Now(l.clock))); ahead(left)-1 < most {
			return ahead(left) - 1, "deadline"
		}
	}
	return most, bound
}

// end waits, and counts how that ended.
func (w *waiter) end(ctx context.Context) error {
	err := w.wait(ctx)
	w.over = true
	switch {
	case err == nil:
		w.limiter.admitted.Inc()
	case errors.Is(err, ErrExceeded) || errors.Is(err, ErrCost):
		w.limiter.rejected.Inc()
	}
	return err
}

// drop takes a waiter out of the line that did not come to the end of its wait.
func (w *waiter) drop() {
	if !w.over {
		_ = w.leave(context.Background(), nil)
	}
}

// why returns the Reason of an event about a wait that ended with err.
func (w *waiter) why(err error) string {
	switch {
	case errors.Is(err, ErrCost):
		return "cost"
	case errors.Is(err, ErrExceeded):
		return w.bound
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	}
	return "clock"
}
