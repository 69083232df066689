package ductilehttp

import (
	"crypto/rand"
	"net/http"
	"net/url"
)

// Option changes the request of one call of a [Client].
type Option func(*http.Request)

// Header sets a header, in place of the client's own of that name. "Host" is the
// name that the server is asked for, in place of BaseURL's.
func Header(name, value string) Option {
	if http.CanonicalHeaderKey(name) == "Host" { // where net/http looks for it
		return func(r *http.Request) { r.Host = value }
	}
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// Query adds a parameter to the URL's query.
func Query(name, value string) Option {
	return func(r *http.Request) {
		if r.URL.RawQuery != "" {
			r.URL.RawQuery += "&"
		}
		r.URL.RawQuery += url.QueryEscape(name) + "=" + url.QueryEscape(value)
	}
}

// Idempotent gives the call a random Idempotency-Key, the same for all its
// attempts and another for each call. The call may then be repeated, whatever its
// method; that it acts once is for a server to see to that knows the header. For
// a key of your own, which lets a later call go on where this one failed, use
// Header("Idempotency-Key", key).
func Idempotent() Option {
	return func(r *http.Request) { r.Header.Set("Idempotency-Key", rand.Text()) }
}
