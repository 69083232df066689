package ductilestripe

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/ductilehttp"
)

// answer is a response in which Stripe did not fulfil a request.
type answer struct {
	status int
	header http.Header // nil if the SDK did not keep it
	locked bool        // another call held the object's lock
}

// lockTimeout is a header key, added to a response whose JSON has the code lock_timeout. It
// is not in canonical form, so no header from a server can have it.
const lockTimeout = "ductilestripe-lock-timeout"

// retryable reports whether Stripe would accept the request again.
func (a answer) retryable() bool {
	if a.replayed() {
		return false
	}
	switch a.header.Get("Stripe-Should-Retry") {
	case "true":
		return true
	case "false":
		return false
	}
	return a.status == http.StatusConflict || a.status == http.StatusTooManyRequests || a.status >= http.StatusInternalServerError
}

// replayed reports whether the response is a failure that Stripe has stored for the key.
// Every further attempt would get the same response.
func (a answer) replayed() bool {
	return a.status >= http.StatusInternalServerError && a.header.Get("Idempotent-Replayed") == "true"
}

// troubled reports whether the response says something about Stripe's health. A 409 and a
// lock timeout do not: another request with the same key, or for the same object, is
// running. A stored failure does not either.
func (a answer) troubled() bool {
	if a.locked || isLocked(a.header) || a.replayed() {
		return false
	}
	return a.status == http.StatusTooManyRequests || a.status >= http.StatusInternalServerError
}

// answerOf finds Stripe's response in err. The SDK has one error type for API v1, several
// for v2, and none for responses that are not JSON. A Transport has one type for all. A
// response that the SDK dropped is found if [Pin] has kept it.
func answerOf(err error) (answer, bool) {
	if e, ok := errors.AsType[*answeredError](err); ok {
		return e.answer, true
	}
	if e, ok := errors.AsType[*stripe.Error](err); ok {
		locked := e.HTTPStatusCode == http.StatusTooManyRequests && e.Code == stripe.ErrorCodeLockTimeout
		return answer{e.HTTPStatusCode, headerOf(e.LastResponse), locked}, true
	}
	if e, ok := errors.AsType[*stripe.V2RawError](err); ok {
		return answer{status: e.HTTPStatusCode}, true
	}
	if e, ok := errors.AsType[*stripe.RateLimitError](err); ok {
		return answerWith(e.LastResponse, http.StatusTooManyRequests), true
	}
	if e, ok := errors.AsType[*stripe.TemporarySessionExpiredError](err); ok {
		return answerWith(e.LastResponse, http.StatusBadRequest), true
	}
	if e, ok := errors.AsType[*ductilehttp.StatusError](err); ok {
		return answer{status: e.StatusCode, header: e.Header}, true
	}
	return undecoded(err)
}

// answerWith returns r as an answer, with the status otherwise if r was not kept.
func answerWith(r *stripe.APIResponse, otherwise int) answer {
	if r == nil || r.StatusCode == 0 {
		return answer{status: otherwise, header: headerOf(r)}
	}
	return answer{status: r.StatusCode, header: r.Header}
}

func headerOf(r *stripe.APIResponse) http.Header {
	if r == nil {
		return nil
	}
	return r.Header
}

// undecoded finds the status of a response that is not JSON, as sent by a load balancer.
// The SDK's error has it only in its text.
func undecoded(err error) (answer, bool) {
	_, after, _ := strings.Cut(err.Error(), "couldn't deserialize JSON (response status: ")
	code, _, found := strings.Cut(after, ",")
	status, nan := strconv.Atoi(code)
	if !found || nan != nil || status < http.StatusBadRequest {
		return answer{}, false // a garbled success counts as no response
	}
	return answer{status: status}, true
}

// misuse are prefixes of the SDK's errors for a wrong call, for which it sent nothing.
var misuse = []string{
	"cannot use an idempotency key longer than 255 characters",
	"unknown path prefix", "method must be POST, GET, or DELETE",
}

func misused(err error) bool {
	text := err.Error()
	for _, m := range misuse {
		if strings.HasPrefix(text, m) {
			return true
		}
	}
	return false
}

// isLocked reports whether setLocked has marked a header.
func isLocked(h map[string][]string) bool { return h[lockTimeout] != nil }

func setLocked(resp *http.Response) {
	if resp.Header == nil { // as test doubles leave it
		resp.Header = http.Header{}
	}
	resp.Header[lockTimeout] = []string{"true"}
}
