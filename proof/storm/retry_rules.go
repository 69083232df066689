package storm

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

type retryRules struct {
	retry.Config
	when  func(v int, err error) bool
	pure  func(error) bool // RetryIf, without what it does to the caller
	drops bool             // there is no WithDiscard
	// inside are the names of the circuits that the retry can ask whether they would refuse its
	// next attempt.
	inside []string
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
	// A rejection after the function has run ends a retry.
	goesOn := t.again(last) || last.how == rejected && t.real(v) != nil
	// If other calls move the clock, the hint of a rejection may have passed.
	unsure := !v.exact() && last.how == rejected && t.RetryRejected && !passes(last.err)
	if !ended || same(v.own.err, unmarked(last.err)) {
		if goesOn && !unsure {
			v.fault("%v is not the end, and it came to %v", text(last.err), text(v.own.err))
		}
		return t.final(v, last)
	} else if !goesOn {
		v.fault("%v is final, and it came to %v", text(last.err), text(v.own.err))
	}
	return t.ended(v, last, own)
}

// real returns the last attempt that was not rejected, or nil.
func (t *retryRules) real(v *visit) *run {
	for _, r := range slices.Backward(v.runs) {
		if r.how != rejected {
			return r
		}
	}
	return nil
}

// givenUp reports a fault if there must be no attempt after r, if its value was not discarded,
// or if the delay after it is wrong.
func (t *retryRules) givenUp(v *visit, r, next *run) {
	if r.how.neverReturned() || r.ended != nil || !t.again(r) {
		v.fault("it tried again after %v, %d, %v, context %v", r.how, r.v, text(r.err), r.ended)
	}
	if t.heeds(r) > t.longestHint() {
		v.fault("it tried again after %v, which asks for %v, more than %v", text(r.err), t.heeds(r), t.longestHint())
	}
	if t.drops {
		v.s.ledger.enter(r.v, "dropped")
	} else if n := v.s.ledger.count(r.v, "discarded"); r.v >= numbered && n != 1 {
		v.fault("%d is given up, and was discarded %d times", r.v, n)
	}
	if !v.exact() {
		return
	}
	t.waited(v, r, next.from.Sub(r.to))
	var open *breaker.OpenError
	if next.how == rejected && errors.As(next.err, &open) && open.State == breaker.Open && v.s.alone && !t.RetryRejected &&
		slices.Contains(t.inside, open.Name) {
		v.fault("it tried again after %v, and circuit %s was open and still is", text(r.err), open.Name)
	}
}

// heeds returns the hint that sets a floor under the delay. If a rejection ended an inner retry,
// the hint is that of the rejection, and counts only if rejections are retried.
func (t *retryRules) heeds(r *run) time.Duration {
	var inner *retry.Error
	var open *breaker.OpenError
	var exceeded *ratelimit.ExceededError
	if !t.RetryRejected && !r.exactly && errors.As(r.err, &inner) && (inner.As(&open) || inner.As(&exceeded)) {
		return 0
	}
	return r.asks
}

// waited reports a fault if a delay does not follow from the config and the error. Hints are
// spread upwards unless they are exact.
func (t *retryRules) waited(v *visit, r *run, wait time.Duration) {
	if r.exactly {
		if wait != r.asks && !t.RetryRejected {
			v.fault("it waited %v after %v, want exactly %v", wait, text(r.err), r.asks)
		}
		return
	}
	longest := t.MaxDelay
	if t.Backoff != nil {
		longest = longestBackoff
	}
	spread := func(d time.Duration) time.Duration { return d + time.Duration(float64(d)*t.JitterFactor) + 1 }
	asked := t.heeds(r)
	most := max(longest, spread(asked))
	if t.RetryRejected { // the circuit's own hint may have set it
		most = max(most, spread(t.longestHint()))
	}
	if wait < asked || wait > most {
		v.fault("it waited %v after %v, want %v to %v", wait, text(r.err), asked, most)
	}
}

// again reports whether a result calls for another attempt.
func (t *retryRules) again(r *run) bool {
	switch {
	case r.final:
		return false
	case r.how == rejected: // final whatever the conditions say, unless it says when to come back
		return t.RetryRejected && (r.asks > 0 || passes(r.err)) || r.ended != nil && errors.Is(r.err, r.ended)
	case r.ended != nil && errors.Is(r.err, r.ended):
		return true
	case t.when != nil:
		return t.when(r.v, r.err)
	case r.err == nil:
		return false
	case t.pure != nil:
		return t.pure(r.err)
	}
	return !errors.Is(r.err, context.Canceled)
}

// final returns the verdict on a result that was returned unchanged, apart from marks.
func (t *retryRules) final(v *visit, last *run) verdict {
	m := marked(v.own.err)
	if v.own.v != last.v || !same(unmarked(v.own.err), unmarked(last.err)) || m != nil && (m.Permanent || m.Hinted) {
		v.fault("the last attempt came to %d, %v, and the retry to %d, %v", last.v, text(last.err), v.own.v, text(v.own.err))
	}
	return last.how
}

// ended returns the verdict on a retry that ended without success.
func (t *retryRules) ended(v *visit, last *run, own *retry.Error) verdict {
	gone := last.v < numbered && v.own.v == 0 || v.s.ledger.count(last.v, "discarded") > 0
	if v.own.v != last.v && !gone { // the ledger has no fallback's values
		v.fault("the last attempt came to %d, and the retry to %d", last.v, v.own.v)
	}
	met := t.real(v) // what the function met
	if met == nil {
		met = last
	}
	if own.Attempts != len(v.runs) || !same(unmarked(own.Last), unmarked(met.err)) {
		v.fault("%d attempts, the last with %v, and the error is %v", len(v.runs), text(met.err), text(v.own.err))
	}
	if !errors.Is(own, retry.ErrGaveUp) || met.how != rejected && errors.Is(own, policy.ErrRejected) {
		v.fault("the function ran %d times, and the error is %v", len(v.runs), text(own))
	}
	t.kept(v, own)
	if !t.mayEnd(v, last, own.Reason) {
		v.fault("after %d attempts, the last %v with %v, the reason is %v", len(v.runs), last.how, text(last.err), own.Reason)
	}
	if t.real(v) == nil {
		return rejected
	}
	if last.how != rejected && endedBy(v.ctx, own.Reason) {
		return endOf(v.ctx)
	}
	if last.how == cancelled || last.how != rejected && same(own.Reason, context.Cause(v.ctx)) && v.ctx.Err() != nil {
		return endOf(v.ctx)
	}
	return failed
}

// kept reports a fault unless the error has as many errors of the last attempts as the config
// says.
func (t *retryRules) kept(v *visit, own *retry.Error) {
	var want []error
	for _, r := range v.runs {
		if r.err != nil {
			want = append(want, r.err)
		}
	}
	if n := max(1, t.KeepErrors); len(want) > n {
		want = want[len(want)-n:]
	}
	if t.KeepErrors < 2 && v.runs[len(v.runs)-1].err == nil {
		want = nil
	}
	if !slices.EqualFunc(own.Errs, want, func(a, b error) bool { return same(unmarked(a), unmarked(b)) }) {
		v.fault("it keeps %d errors of %d attempts, want %d", len(own.Errs), len(v.runs), len(want))
	}
}

// mayEnd reports whether a retry may end after last for the given reason.
func (t *retryRules) mayEnd(v *visit, last *run, reason error) bool {
	if endedBy(v.ctx, reason) || same(reason, context.Cause(v.ctx)) && reason != nil {
		return true
	}
	if last.how == rejected && same(reason, unmarked(last.err)) {
		return true
	}
	if last.ended != nil && t.again(last) {
		return false // the context is looked at after every attempt, and before anything else
	}
	if exhausted := t.MaxAttempts > 0 && len(v.runs) >= t.MaxAttempts; exhausted || same(reason, retry.ErrExhausted) {
		return exhausted && same(reason, retry.ErrExhausted)
	}
	var open *breaker.OpenError
	if errors.As(reason, &open) {
		return t.RetryRejected && open.RetryAfter() == 0 || v.s.wouldRefuse(open)
	}
	if v.s.limited && errors.Is(reason, ratelimit.ErrExceeded) { // it asked the limiter inside
		return true
	}
	_, bounded := v.ctx.Deadline()
	return same(reason, retry.ErrElapsed) && t.MaxElapsed > 0 ||
		same(reason, retry.ErrDeadline) && bounded ||
		same(reason, retry.ErrBudget) && t.Budget != nil ||
		same(reason, retry.ErrRetryAfter) && (t.heeds(last) > t.longestHint() || t.RetryRejected)
}

// passes reports whether a rejection ends at a time, which may have come.
func passes(err error) bool {
	var open *breaker.OpenError
	var exceeded *ratelimit.ExceededError
	return errors.As(err, &exceeded) || errors.As(err, &open) && open.State == breaker.Open
}

func (t *retryRules) longestHint() time.Duration {
	if t.MaxRetryAfter == 0 {
		return retry.DefaultMaxRetryAfter
	}
	return t.MaxRetryAfter
}

// events reports a fault unless each attempt and each retry has one event.
func (t *retryRules) events(v *visit, last *run) {
	recovered := 0
	if v.own.over && v.own.err == nil && len(v.runs) > 1 {
		recovered = 1
	}
	v.told(policy.Recovered, recovered)
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
	if v.unheard(policy.Retried) {
		return
	}
	if n := v.heard[policy.Retried]; !slices.Contains(retried, n) || t.OnRetry != nil && n != v.asked {
		v.fault("%d retries were told, and %d to OnRetry, of %d attempts", n, v.asked, len(v.runs))
	}
}
