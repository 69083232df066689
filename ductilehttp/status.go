package ductilehttp

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// StatusError says that a server answered, and with what status instead of a
// success. A [Client] returns it. Policies and observers of a [Transport] see it
// for the statuses that count as failures; the Transport itself returns the
// response.
type StatusError struct {
	Method string
	URL    string // scheme, host and path alone: what else there is may be secret
	Status int
	Header http.Header // the response's; do not change it
	// Body is the first 8 KiB of the response's, where a Client read it.
	Body     []byte
	Attempts int // how many were made, this one included

	retryAfter time.Duration
}

// Error names the request and the status. It leaves the body out.
func (e *StatusError) Error() string {
	if e == nil {
		return "<nil>"
	}
	return fmt.Sprintf("ductilehttp: %s %s: status %d %s", e.Method, e.URL, e.Status, http.StatusText(e.Status))
}

// RetryAfter returns what the response's Retry-After asked for when it came, or
// 0.
func (e *StatusError) RetryAfter() time.Duration {
	if e == nil {
		return 0
	}
	return e.retryAfter
}

func newStatusError(r *http.Request, resp *http.Response, attempts int, now time.Time) *StatusError {
	after, _ := RetryAfter(resp.Header, now)
	return &StatusError{
		Method: cmp.Or(r.Method, http.MethodGet), URL: publicURL(r.URL),
		Status: resp.StatusCode, Header: resp.Header, Attempts: attempts, retryAfter: after,
	}
}

// publicURL returns the parts of u that may be shown.
func publicURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
