package retry

import (
	"context"
	"errors"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
)

// emitAttempted emits Attempted. Like emitRetried, it reads the clock only for an
// observer.
func (r *run[T]) emitAttempted(n int, f failure) {
	if !r.next.Observed(policy.Attempted) {
		return
	}
	// WithCondition's function may take time after this, so its reading must not be shared.
	elapsed := r.next.Lap(r.watch, n == 1 && f.err == nil && r.when == nil)
	r.next.Emit(r.ctx, policy.Event{
		Kind: policy.Attempted, Policy: "retry", Name: r.cfg.Name, Attempt: n,
		Took: max(0, elapsed-r.began), Elapsed: elapsed, Err: mark.Without(f.err),
	})
}

// emitRetried calls OnRetry and emits Retried.
func (r *run[T]) emitRetried(n int, f failure) {
	if r.cfg.OnRetry == nil && !r.next.Observed(policy.Retried) {
		return
	}
	retried := r.next.Label(policy.Event{
		Kind: policy.Retried, Policy: "retry", Name: r.cfg.Name, Attempt: n, Delay: r.delay,
		Elapsed: r.elapsed(), Reason: r.source(), Err: mark.Without(f.err),
	})
	if r.cfg.OnRetry != nil {
		r.cfg.OnRetry(r.ctx, retried)
	}
	r.next.Emit(r.ctx, retried)
}

// source returns the Reason of a Retried event: what set the delay.
func (r *run[T]) source() string {
	if r.server {
		return "server"
	}
	return "backoff"
}

// recovered emits Recovered if the nth attempt is not the first.
func (r *run[T]) recovered(n int) {
	if n == 1 || !r.next.Observed(policy.Recovered) && !r.next.Observed(policy.Finished) {
		return
	}
	e := policy.Event{Kind: policy.Recovered, Policy: "retry", Name: r.cfg.Name, Attempt: n, Err: r.last}
	if r.next.Observed(policy.Recovered) {
		e.Elapsed = r.elapsed()
	}
	r.next.Emit(r.ctx, e)
}

// why returns the Reason of a GaveUp event.
func (r *run[T]) why(reason, ended error) string {
	switch {
	case errors.Is(ended, context.Canceled):
		return "canceled"
	case ended != nil:
		return "deadline"
	case reasonOf(reason) != "":
		return reasonOf(reason)
	case rejected(reason):
		return "rejected"
	}
	return "clock"
}
