package ratelimit

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Wait takes n tokens, and waits for them until ctx ends; it ignores Config.MaxWait.
// Callers are served in the order of arrival. An n of 0 or less takes no tokens and does
// not wait.
//
// If ctx has a deadline before the tokens are due, Wait refuses at once with an
// *[ExceededError]. If ctx is [policy.Speculative], it refuses unless the tokens are
// available now. If ctx ends during the wait, the error matches [policy.ErrRejected] and
// the error that [policy.Ended] returns for ctx. If n is more than Burst, the error
// matches [ErrCost]. In all these cases Wait takes no tokens.
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

// enter books n tokens that were not available. It returns a waiter if the call has to
// wait for them, or the reason why it is refused.
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
	most, bound := l.patience(ctx, maxWait, 0)
	if ahead(l.due(n)) > most { // checked before the lock, to keep refusals cheap
		return nil, bound, l.refuse(n)
	}
	w, refused = l.join(n, most, bound)
	if errors.Is(refused, ErrCost) { // SetRate ran in between
		bound = "cost"
	}
	return w, bound, refused
}

// patience returns how long a call made after a delay may wait, in ticks, and the Reason of
// a refusal after that.
func (l *Limiter) patience(ctx context.Context, maxWait, after time.Duration) (most int64, bound string) {
	most, bound = ahead(maxWait), "limit"
	if maxWait > 0 {
		bound = "max_wait"
	}
	if deadline, ok := ctx.Deadline(); ok {
		// A context that ends at the moment the tokens are due counts as ended. Timers take
		// whole nanoseconds, so tokens due in the last one come too late as well.
		rest := max(0, deadline.Sub(policy.Now(l.clock)))
		if after < rest { // otherwise the call is not made
			rest -= after
		}
		left := ahead(rest) - perNano
		if left < most {
			return left, "deadline"
		}
	}
	return most, bound
}

// end waits, and counts the outcome.
func (w *waiter) end(ctx context.Context) error {
	err := w.wait(ctx)
	w.over = true
	switch err {
	case nil:
		w.limiter.admitted.Inc()
	case w.refused: //nolint:errorlint // the cause of a context may match ErrExceeded, too
		w.limiter.rejected.Inc()
	}
	return err
}

// drop removes a waiter from the line if its wait did not complete. If the clock panics
// again, it uses the last reading: a waiter that stayed would hold up all behind it.
func (w *waiter) drop() {
	if w.over {
		return
	}
	left := false
	defer func() {
		if !left {
			w.limiter.mu.Lock()
			defer w.line.unlock(&w.limiter.mu)
			w.quit(w.line.seen.Load())
		}
	}()
	_ = w.leave(context.Background(), nil)
	left = true
}

// why returns the Reason of the event for a wait that ended with err. It does not ask what
// err matches where ctx has ended: a cause may match anything.
func (w *waiter) why(ctx context.Context, err error) string {
	if _, left := err.(*leftError); left { //nolint:errorlint // made by leave
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "deadline"
		}
		return "canceled"
	}
	switch {
	case errors.Is(err, ErrCost):
		return "cost"
	case errors.Is(err, ErrExceeded):
		return w.bound
	}
	return "clock"
}
