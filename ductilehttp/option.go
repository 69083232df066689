package ductilehttp

import (
	"crypto/rand"
	"net/http"
	"net/url"
)

// Option changes the request of one [Client] call.
type Option func(*http.Request)

// Header sets a header and replaces the client's own header of that name. "Host" sets the
// host name that the server is asked for, instead of BaseURL's.
func Header(name, value string) Option {
	if http.CanonicalHeaderKey(name) == "Host" { // net/http takes it from the Host field
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

// Idempotent gives the call a random Idempotency-Key: all attempts of the call share it,
// and each call gets a new one. The call may then be repeated, whatever its method. That it
// acts once is up to the server, which must support the header. To repeat a failed call
// later under the same key, choose your own with Header("Idempotency-Key", key).
func Idempotent() Option {
	return func(r *http.Request) { r.Header.Set("Idempotency-Key", rand.Text()) }
}
