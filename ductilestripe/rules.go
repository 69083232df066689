package ductilestripe

import (
	"errors"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Retryable reports whether a call of the SDK that failed with err is worth
// another attempt, with the same idempotency key: Stripe-Should-Retry says so or,
// where it is absent, the status is 409, 429 or 5xx. What is no answer of
// Stripe's, a broken connection or a timeout, is worth one unless it is
// [ductilehttp.IsFinal]. A stored failure (Idempotent-Replayed) is not: each further
// attempt would get it again. A *retry.Error is not: a retry further in has ended. It fits a retry.Config's RetryIf, though [Mark] also keeps what
// Stripe asks to wait.
//
// The SDK drops the header of most errors of API v2, and of what is no JSON;
// there the status decides. Of JSON that has no error in it the SDK drops the status
// too: to a pipeline above the SDK such an answer is as good as none.
func Retryable(err error) bool {
	if _, ended := errors.AsType[*retry.Error](err); ended || !retry.Retryable(err) {
		return false
	}
	if a, ok := answerOf(err); ok {
		return a.retryable()
	}
	return !ductilehttp.IsFinal(err) && !misused(err)
}

// Mark returns err as a retry is to see it: permanent if it is not [Retryable],
// and with the delay that its Retry-After asks for. The retry takes a mark off
// from what it ends with; without one it stays, and errors.As sees through it. [Call] and [Pin] do
// this by themselves. Mark(nil) is nil.
func Mark(err error) error {
	if err == nil {
		return nil
	}
	if !Retryable(err) {
		return retry.Permanent(err)
	}
	a, _ := answerOf(err)
	if d, ok := ductilehttp.RetryAfter(a.header, time.Now()); ok && d > 0 {
		return retry.After(err, d)
	}
	return err
}

// Classify tells a circuit what err says of Stripe's health, as the Classify of
// a breaker.Config above the SDK, or in a Transport's Pipeline below it. 429, 5xx, broken connections and timeouts are a
// policy.Failure. Every other answer is policy.Ignored, also a 409, a 429 whose code is
// lock_timeout, and a stored failure; so are requests that cannot be sent, and those that a
// policy refused.
func Classify(err error) policy.Outcome {
	if err == nil {
		return policy.Success
	}
	if errors.Is(err, policy.ErrRejected) {
		return policy.Ignored
	}
	a, answered := answerOf(err)
	switch {
	case answered && a.troubled():
		return policy.Failure
	case answered, ductilehttp.IsRequestError(err), misused(err):
		return policy.Ignored
	}
	return policy.Failure
}

// RetryResponse is [Retryable] for what is below the SDK: a response or an error
// of a round trip. It is the RetryResponse of the Transport that [NewBackends]
// makes, unless the Config has another.
func RetryResponse(resp *http.Response, err error) bool {
	if err != nil || resp == nil {
		return ductilehttp.RetryableResponse(resp, err)
	}
	return resp.StatusCode >= http.StatusBadRequest && (answer{status: resp.StatusCode, header: resp.Header}).retryable()
}

// exonerate marks what counts as a failure by its status alone, and says nothing about
// Stripe's health.
func exonerate(_ *http.Response, err error) error {
	status, ok := errors.AsType[*ductilehttp.StatusError](err)
	if !ok {
		return err
	}
	a := answer{status: status.StatusCode, header: status.Header}
	if a.replayed() || isLocked(a.header) {
		return breaker.Judge(err, policy.Ignored)
	}
	return err
}
