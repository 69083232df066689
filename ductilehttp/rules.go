package ductilehttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/policy"
)

// RetryableRequest reports whether a request may be repeated: its method is
// GET, HEAD, OPTIONS, TRACE, PUT or DELETE, or it has an Idempotency-Key (or, as
// net/http knows it too, X-Idempotency-Key). Whether its body can be sent again
// is for the [Transport] to find out.
func RetryableRequest(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace,
		http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Header.Get("Idempotency-Key") != "" || r.Header.Get("X-Idempotency-Key") != ""
}

// RetryableResponse reports whether an outcome is worth another attempt: a
// status that [RetryableStatus] knows, or an error that is not [FinalError].
func RetryableResponse(resp *http.Response, err error) bool {
	if err != nil {
		return !FinalError(err)
	}
	return resp != nil && RetryableStatus(resp.StatusCode)
}

// RetryableStatus reports whether a status is 408, 425, 429, 500, 502, 503 or
// 504.
func RetryableStatus(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// FinalError reports whether another attempt would meet err again: it is a
// [CertificateError] or a [RequestError], was cancelled, or was refused by a
// policy.
func FinalError(err error) bool {
	return CertificateError(err) || RequestError(err) ||
		errors.Is(err, context.Canceled) || errors.Is(err, policy.ErrRejected)
}

// CertificateError reports whether err says that two ends do not trust each
// other or do not both speak TLS.
func CertificateError(err error) bool {
	return as[*tls.CertificateVerificationError](err) || as[tls.RecordHeaderError](err) || as[tls.AlertError](err) ||
		as[*tls.ECHRejectionError](err) ||
		as[x509.CertificateInvalidError](err) || as[x509.HostnameError](err) ||
		as[x509.UnknownAuthorityError](err) || as[x509.SystemRootsError](err) ||
		as[x509.ConstraintViolationError](err) || as[x509.InsecureAlgorithmError](err) ||
		as[x509.UnhandledCriticalExtension](err) || errors.Is(err, http.ErrSchemeMismatch) ||
		distrusted(err)
}

// alerts is how crypto/tls, in an error that has no type, says that the other
// end does not go on.
var alerts = []string{
	"certificate", "handshake failure", "access denied", "protocol version not supported",
	"insufficient security level", "unrecognized name", "no application protocol",
}

// distrusted reports whether the other end refused our certificate or our terms.
func distrusted(err error) bool {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return false
	}
	msg := op.Err.Error()
	return slices.ContainsFunc(alerts, func(alert string) bool { return strings.Contains(msg, alert) })
}

func as[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}

// requestFaults is how net/http, in errors that have no type, says that a
// request cannot be sent by anybody, that its redirects have no end, or that it
// was cancelled by the deprecated way.
var requestFaults = []string{
	"unsupported protocol scheme", "no Host in request URL", "nil Request.URL", "nil Request.Header",
	"net/http: invalid header", "net/http: invalid trailer", "net/http: invalid method", "invalid URL port", "can't write control character",
	"http2: invalid header", "http2: request body larger than specified content length", "http2: invalid Trailer", "http: Request.ContentLength=", "http: ContentLength=",
	"stopped after 10 redirects", "net/http: request canceled",
}

// RequestError reports whether err says that the fault is the request's own:
// an unsupported scheme, an invalid method or header, a length that is not the
// body's, a body that could not be read, redirects without end, its Cancel. Such an error
// says nothing of the server, and no circuit counts it.
func RequestError(err error) bool {
	if err == nil {
		return false
	}
	if as[*bodyError](err) {
		return true
	}
	msg := err.Error()
	for _, fault := range requestFaults {
		if strings.Contains(msg, fault) {
			return true
		}
	}
	return false
}
