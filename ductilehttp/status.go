package ductilehttp

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/retry"
)

// StatusError reports that a server answered with a status other than success. A [Client]
// returns it. If attempts ended with it, it also matches the *retry.Error with the reason,
// and the reason itself. Policies and observers of a [Transport] see it for statuses that
// count as failures or are retried; the Transport itself returns the response.
type StatusError struct {
	Method     string
	URL        string // only scheme, host and path: the rest may be secret
	StatusCode int
	Header     http.Header // of the response; do not change it
	// Body holds at most the first 8 KiB of the response body, and only what arrived within
	// a second. It is set if a Client read the response.
	Body     []byte
	Attempts int // number of requests sent, including this one

	retryAfter time.Duration
	ended      *retry.Error // why no further attempt was made, if one was wanted
	injected   bool         // by a chaos policy
	hold       func()       // takes the request body from the attempt
}

// Error returns a message with the request, the status, and why there was no further
// attempt. It omits the body.
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

// Is reports whether target is chaos.ErrInjected and a chaos policy made the response.
func (e *StatusError) Is(target error) bool {
	return e != nil && e.injected && target == chaos.ErrInjected
}

// RetryAfter returns how long the response asked the client to wait, or 0.
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

// publicURL returns the parts of u that are safe to show.
func publicURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
