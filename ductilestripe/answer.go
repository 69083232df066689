package ductilestripe

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/ductilehttp"
)

// answer is what Stripe said to a request that it did not fulfil.
type answer struct {
	status int
	header http.Header // nil if the SDK did not keep it
	locked bool        // another call had the object locked
}

// lockTimeout is the key under which an answer's header says that its JSON has the code
// lock_timeout. It is not in the form that names have which come from a server.
const lockTimeout = "ductilestripe-lock-timeout"

// retryable reports whether Stripe would take the request again.
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

// replayed reports whether the answer is a failure that Stripe has stored for the key: it
// would be the answer to every further attempt.
func (a answer) replayed() bool {
	return a.status >= http.StatusInternalServerError && a.header.Get("Idempotent-Replayed") == "true"
}

// troubled reports whether the answer says something about Stripe's own health. A 409 and
// a lock timeout do not: another request with the same key, or for the same object, is
// running. Nor does a stored failure.
func (a answer) troubled() bool {
	if a.locked || isLocked(a.header) || a.replayed() {
		return false
	}
	return a.status == http.StatusTooManyRequests || a.status >= http.StatusInternalServerError
}

// answerOf finds Stripe's answer in err. The SDK has a type for errors of API
// v1, several for those of v2, and none for what is not JSON; a Transport has one
// for all.
func answerOf(err error) (answer, bool) {
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

// answerWith is the answer that r is, with a status where r was not kept.
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

// undecoded finds the status of an answer that is no JSON, as a load balancer
// gives. It is in the text of the SDK's error alone.
func undecoded(err error) (answer, bool) {
	_, after, _ := strings.Cut(err.Error(), "couldn't deserialize JSON (response status: ")
	code, _, found := strings.Cut(after, ",")
	status, nan := strconv.Atoi(code)
	if !found || nan != nil || status < http.StatusBadRequest {
		return answer{}, false // a success that was garbled is as good as none
	}
	return answer{status: status}, true
}

// misuse is how the SDK says that it sent nothing, because a call was wrong.
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

// isLocked reports whether a header has what setLocked put there.
func isLocked(h map[string][]string) bool { return h[lockTimeout] != nil }

func setLocked(h map[string][]string) { h[lockTimeout] = []string{"true"} }
