package storm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

type retryRules struct {
	retry.Config
	when  func(v int, err error) bool
	drops bool // nobody is given what is discarded
}

func (t *retryRules) judge(v *visit) verdict {
	if v.turnedAway() {
		return endOf(v.ctx)
	}
	if len(v.runs) == 0 || t.MaxAttempts > 0 && len(v.runs) > t.MaxAttempts {
		v.fault("%d attempts, want 1 to %d", len(v.runs), t.MaxAttempts)
		return failed
	}
	last := v.runs[len(v.runs)-1]
	for i, r := range v.runs[:len(v.runs)-1] {
		t.givenUp(v, r, v.runs[i+1])
	}
	t.events(v, last)
	if last.how.neverReturned() {
		return last.how
	}
	own, ended := v.own.err.(*retry.Error) //nolint:errorlint // its own, and not one inside
	if again := t.again(last); !ended || same(v.own.err, last.err) {
		if again {
			v.fault("%v is worth another attempt, and it came to %v", text(last.err), text(v.own.err))
		}
		return t.final(v, last)
	} else if !again {
		v.fault("%v is final, and it came to %v", text(last.err), text(v.own.err))
	}
	return t.ended(v, last, own)
}

// givenUp complains of an attempt that is not one to try again after, or whose
// value nobody was given, or of a wrong delay after it.
func (t *retryRules) givenUp(v *visit, r, next *run) {
	if r.how.neverReturned() || r.ended != nil || !t.again(r) {
		v.fault("it tried again after %v, %d, %v, context %v", r.how, r.v, text(r.err), r.ended)
	}
	if r.asks > t.longestHint() {
		v.fault("it tried again after %v, which asks for %v, more than %v", text(r.err), r.asks, t.longestHint())
	}
	if t.drops {
		v.s.ledger.enter(r.v, "dropped")
	} else if n := v.s.ledger.count(r.v, "discarded"); r.v >= numbered && n != 1 {
		v.fault("%d is given up, and was discarded %d times", r.v, n)
	}
	longest := t.MaxDelay
	if t.Backoff != nil {
		longest = longestBackoff
	}
	if wait := next.from.Sub(r.to); v.exact() && (wait < r.asks || wait > max(longest, r.asks)) {
		v.fault("it waited %v after %v, want %v to %v", wait, text(r.err), r.asks, max(longest, r.asks))
	}
}

// again reports whether a result is worth another attempt, or one whose retry
// the end of the context has to be told of.
func (t *retryRules) again(r *run) bool {
	switch {
	case r.final:
		return false
	case r.ended != nil && errors.Is(r.err, r.ended):
		return true
	case t.when != nil:
		return t.when(r.v, r.err)
	case r.err == nil:
		return false
	case t.RetryIf != nil:
		return t.RetryIf(r.err)
	}
	return r.how != rejected && !errors.Is(r.err, context.Canceled)
}

// final is the verdict on a result that came back as it was, marks aside.
func (t *retryRules) final(v *visit, last *run) verdict {
	if v.own.v != last.v || !same(v.own.err, unmarked(last.err)) {
		v.fault("the last attempt came to %d, %v, and the retry to %d, %v", last.v, text(last.err), v.own.v, text(v.own.err))
	}
	return last.how
}

// ended is the verdict on a retry that ended without success.
func (t *retryRules) ended(v *visit, last *run, own *retry.Error) verdict {
	if v.own.v != last.v && v.s.ledger.count(last.v, "discarded") == 0 {
		v.fault("the last attempt came to %d, and the retry to %d", last.v, v.own.v)
	}
	if own.Attempts != len(v.runs) || !same(own.Last, unmarked(last.err)) {
		v.fault("%d attempts, the last with %v, and the error is %v", len(v.runs), text(last.err), text(v.own.err))
	}
	if !t.mayEnd(v, last, own.Reason) {
		v.fault("after %d attempts, the last with %v, the reason is %v", len(v.runs), text(last.err), own.Reason)
	}
	if last.how != rejected && endedBy(v.ctx, v.own.err) {
		return endOf(v.ctx)
	}
	return last.how.outlasts()
}

// mayEnd reports whether a retry could end after last for the reason given.
func (t *retryRules) mayEnd(v *visit, last *run, reason error) bool {
	if endedBy(v.ctx, reason) || same(reason, context.Cause(v.ctx)) && reason != nil {
		return true
	}
	if exhausted := t.MaxAttempts > 0 && len(v.runs) >= t.MaxAttempts; exhausted || same(reason, retry.ErrExhausted) {
		return exhausted && same(reason, retry.ErrExhausted)
	}
	_, bounded := v.ctx.Deadline()
	return same(reason, retry.ErrElapsed) && t.MaxElapsed > 0 ||
		same(reason, retry.ErrDeadline) && bounded ||
		same(reason, retry.ErrBudget) && t.Budget != nil ||
		same(reason, retry.ErrRetryAfter) && last.asks > t.longestHint()
}

func (t *retryRules) longestHint() time.Duration {
	if t.MaxRetryAfter == 0 {
		return retry.DefaultMaxRetryAfter
	}
	return t.MaxRetryAfter
}

// events complains unless every attempt was told of, and every retry once.
func (t *retryRules) events(v *visit, last *run) {
	returned := len(v.runs)
	if last.how.neverReturned() {
		returned--
	}
	v.told(policy.Attempted, returned)
	retried := []int{len(v.runs) - 1}
	if v.ctx.Err() != nil && !last.how.neverReturned() {
		retried = append(retried, len(v.runs)) // and the sleep was cut short
	}
	if t.OnRetry != nil && !slices.Contains(retried, v.asked) {
		v.fault("OnRetry was called %d times for %d attempts", v.asked, len(v.runs))
	}
	if v.unheard() {
		return
	}
	if n := v.heard[policy.Retried]; !slices.Contains(retried, n) || t.OnRetry != nil && n != v.asked {
		v.fault("%d retries were told, and %d to OnRetry, of %d attempts", n, v.asked, len(v.runs))
	}
}

// asks returns for how long err asks to be left alone, as of now.
func asks(err error) time.Duration {
	var h interface{ RetryAfter() time.Duration }
	if errors.As(err, &h) {
		return h.RetryAfter()
	}
	return 0
}

// The marks of package retry, whose types are its own.
const (
	permanentMark = "*retry.permanentError"
	afterMark     = "*retry.afterError"
)

// isFinal reports whether err has the mark of retry.Permanent anywhere.
func isFinal(err error) bool {
	if err == nil || fmt.Sprintf("%T", err) == permanentMark {
		return err != nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.ContainsFunc(many.Unwrap(), isFinal)
	}
	return isFinal(errors.Unwrap(err))
}

// unmarked returns err without the marks on its outside.
func unmarked(err error) error {
	for t := fmt.Sprintf("%T", err); t == permanentMark || t == afterMark; t = fmt.Sprintf("%T", err) {
		err = errors.Unwrap(err)
	}
	return err
}
