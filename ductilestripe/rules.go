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

// Retryable reports whether an SDK call that failed with err is worth another attempt with
// the same idempotency key. If Stripe-Should-Retry is present, it decides; otherwise 409,
// 429 and 5xx are retryable. An error without a response from Stripe, such as a broken
// connection or a timeout, is retryable unless it is [ductilehttp.IsFinal]. A stored
// failure (Idempotent-Replayed) is not: each further attempt would get it again. A
// *retry.Error is not: a retry further in has given up. Retryable fits the RetryIf of a
// retry.Config, but [Mark] also keeps the delay that Stripe asks for.
//
// The SDK drops the header of most API v2 errors, and of responses that are not JSON; then
// the status decides. For JSON without an error in it, the SDK also drops the status: such a
// response is treated like none. [Call] and [Pin] get both from the backends of
// [NewBackends], so that above the SDK, too, the header decides.
func Retryable(err error) bool {
	if _, ended := errors.AsType[*retry.Error](err); ended || !retry.Retryable(err) {
		return false
	}
	if a, ok := answerOf(err); ok {
		return a.retryable()
	}
	return !ductilehttp.IsFinal(err) && !misused(err)
}

// Mark returns err marked for a retry: permanent if it is not [Retryable], and otherwise
// with the delay of its Retry-After. A retry removes the mark from the error that it
// returns. Without a retry the mark stays, and errors.As finds the errors inside it. [Call]
// and [Pin] mark errors themselves. Mark(nil) returns nil.
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

// Classify returns what err says about Stripe's health. Use it as the Classify of a
// breaker.Config, for a breaker above the SDK or in a Transport's Pipeline below it. It
// returns policy.Success for nil, and policy.Failure for 429, 5xx, broken connections and
// timeouts. It returns policy.Ignored for every other response, including a 409, a 429 with
// the code lock_timeout, and a stored failure, for requests that cannot be sent, and for
// rejections by a policy.
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

// RetryResponse is [Retryable] below the SDK, for a response or an error of a round trip.
// [NewBackends] uses it as the RetryResponse of the Transport unless the Config has
// another.
func RetryResponse(resp *http.Response, err error) bool {
	if err != nil || resp == nil {
		return ductilehttp.RetryableResponse(resp, err)
	}
	return resp.StatusCode >= http.StatusBadRequest && (answer{status: resp.StatusCode, header: resp.Header}).retryable()
}

// exonerate marks errors that count as failures by their status alone, but say nothing
// about Stripe's health.
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
