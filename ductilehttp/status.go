package ductilehttp

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/ductile-go/ductile/retry"
)

// StatusError says that a server answered, and with which status instead of a success.
// A [Client] returns it; if attempts ended on it, it also matches the *retry.Error that
// says why, and its reason. Policies and observers of a [Transport] see it for the
// statuses that count as failures or are retried; the Transport itself returns the
// response.
type StatusError struct {
	Method     string
	URL        string // scheme, host and path alone: the rest may be secret
	StatusCode int
	Header     http.Header // the response's; do not change it
	// Body is the first 8 KiB of the response's, if a Client read it, and no more than
	// came in a second.
	Body     []byte
	Attempts int // how many requests were sent, this one included

	retryAfter time.Duration
	ended      *retry.Error // why there was no further attempt, if one was wanted
	hold       func()       // takes the request's body from the attempt
}

// Error names the request, the status and why there was no further attempt. It
// leaves the body out.
func (e *StatusError) Error() string {
	if e == nil {
		return "<nil>"
	}
	msg := fmt.Sprintf("ductilehttp: %s %s: status %d %s", e.Method, e.URL, e.StatusCode, http.StatusText(e.StatusCode))
	switch {
	case e.ended == nil:
		return msg
	case e.Attempts == 1:
		return fmt.Sprintf("%s after 1 attempt: %v", msg, e.ended.Reason)
	}
	return fmt.Sprintf("%s after %d attempts: %v", msg, e.Attempts, e.ended.Reason)
}

// Unwrap returns the *retry.Error that ended a [Client]'s call, or nil.
func (e *StatusError) Unwrap() error {
	if e == nil || e.ended == nil {
		return nil
	}
	return e.ended
}

// RetryAfter returns how long the response asked to wait when it came, or 0.
func (e *StatusError) RetryAfter() time.Duration {
	if e == nil {
		return 0
	}
	return e.retryAfter
}

func newStatusError(r *http.Request, resp *http.Response, attempts int, hint time.Duration) *StatusError {
	return &StatusError{
		Method: cmp.Or(r.Method, http.MethodGet), URL: publicURL(r.URL),
		StatusCode: resp.StatusCode, Header: resp.Header, Attempts: attempts, retryAfter: hint,
	}
}

// publicURL returns the parts of u that may be shown.
func publicURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
