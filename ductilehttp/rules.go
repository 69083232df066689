package ductilehttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"reflect"
	"strings"

	"github.com/ductile-go/ductile/policy"
)

// RetryableRequest reports whether a request may be repeated: its method is GET, HEAD,
// OPTIONS, TRACE, PUT or DELETE, or it has a non-empty Idempotency-Key (or
// X-Idempotency-Key, which net/http accepts too). It does not consider the body: the
// [Transport] decides whether that can be sent again.
func RetryableRequest(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace,
		http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Header.Get("Idempotency-Key") != "" || r.Header.Get("X-Idempotency-Key") != ""
}

// RetryableResponse reports whether an outcome is worth another attempt: a
// [RetryableStatus], or an error that is not [IsFinal].
func RetryableResponse(resp *http.Response, err error) bool {
	if err != nil {
		return !IsFinal(err)
	}
	return resp != nil && RetryableStatus(resp.StatusCode)
}

// RetryableStatus reports whether a status is 408, 421, 425, 429, 500, 502, 503, 504, or
// one of 520 to 530, which proxies use for origins that they cannot reach.
func RetryableStatus(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return code >= 520 && code <= 530
}

// failedStatus reports whether a status counts against the server.
func failedStatus(code int) bool {
	return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests
}

// IsFinal reports whether another attempt would fail with err again: err is a certificate
// error ([IsCertificateError]), the request's own fault ([IsRequestError]), a cancellation,
// or a policy's rejection. It returns false for nil.
func IsFinal(err error) bool {
	return IsCertificateError(err) || IsRequestError(err) ||
		errors.Is(err, context.Canceled) || errors.Is(err, policy.ErrRejected)
}

// IsCertificateError reports whether err says that the two ends do not trust each other, or
// that one of them does not use TLS. It returns false for nil.
func IsCertificateError(err error) bool {
	return as[*tls.CertificateVerificationError](err) || as[tls.RecordHeaderError](err) || as[tls.AlertError](err) ||
		as[*tls.ECHRejectionError](err) ||
		as[x509.CertificateInvalidError](err) || as[x509.HostnameError](err) ||
		as[x509.UnknownAuthorityError](err) || as[x509.SystemRootsError](err) ||
		as[x509.ConstraintViolationError](err) || as[x509.InsecureAlgorithmError](err) ||
		as[x509.UnhandledCriticalExtension](err) || errors.Is(err, http.ErrSchemeMismatch) ||
		distrusted(err)
}

// alerts are the texts of crypto/tls errors, which have no type of their own, for a peer's
// alert that ends the handshake for good.
var alerts = map[string]bool{
	"tls: bad certificate": true, "tls: unsupported certificate": true, "tls: revoked certificate": true,
	"tls: expired certificate": true, "tls: unknown certificate": true, "tls: unknown certificate authority": true,
	"tls: bad certificate status response": true, "tls: bad certificate hash value": true, "tls: certificate required": true,
	"tls: certificate unobtainable": true,
	"tls: handshake failure":        true, "tls: access denied": true, "tls: protocol version not supported": true,
	"tls: insufficient security level": true, "tls: unrecognized name": true, "tls: no application protocol": true,
}

// distrusted reports whether the peer rejected our certificate or our TLS parameters.
func distrusted(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" && op.Err != nil && alerts[op.Err.Error()]
}

func as[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}

// requestFaults are prefixes of net/http's untyped errors for a request that it cannot
// send, for redirects that do not end, and for a cancellation by the deprecated
// Request.Cancel. Only the start of an error's own message is compared: the rest may be
// text that the server chose.
var requestFaults = [...]string{
	"unsupported protocol scheme", "invalid URL port", "stopped after ", "idna: ",
	"http: no Host in request URL", "http: nil Request.URL", "http: nil Request.Header", "http: Request.RequestURI can't be set",
	"http: Request.ContentLength=", "http: ContentLength=", "http: invalid Host header", "http: Request.Write on Request with no Host",
	"net/http: invalid header ", "net/http: invalid trailer ", "net/http: invalid method", "net/http: can't write control character",
	"net/http: request canceled",
	"invalid Trailer key", "invalid HTTP header ", "invalid HTTP trailer ", "invalid Host header",
	"invalid request :path", "invalid :protocol header", "invalid Upgrade request header", "invalid Transfer-Encoding request header",
	"invalid Connection request header",
	"request header list larger than peer's advertised limit",
	"http2: request header list larger", "http2: request body larger than specified content length",
	"http2: invalid Upgrade request header", "http2: invalid Transfer-Encoding request header", "http2: invalid Connection request header",
	"http2: invalid header field ", "http2: invalid Trailer key", "http2: invalid Host header", "http2: invalid request :path",
	"ductilehttp: nil Request.URL",
}

// IsRequestError reports whether err is the request's own fault: an unsupported scheme, an
// invalid method, header or trailer, a header larger than the server accepts, a length that
// does not match the body, a body that could not be read, endless redirects, or its
// deprecated Cancel. It also reports true if a proxy asks for credentials (407). Such an
// error says nothing about the server, and circuits ignore it. It returns false for nil.
func IsRequestError(err error) bool {
	return anyOf(err, func(err error) bool {
		switch err.(type) { //nolint:errorlint // anyOf unwraps
		case *bodyError, *proxyError:
			return true
		}
		if _, ok := err.(interface{ Unwrap() error }); ok {
			return false // its text is a prefix and the text of the wrapped error
		}
		return beginsWith(err.Error(), requestFaults[:])
	})
}

func beginsWith(text string, beginnings []string) bool {
	for _, b := range beginnings {
		if strings.HasPrefix(text, b) {
			return true
		}
	}
	return false
}

// anyOf reports whether match accepts err or an error that it wraps.
func anyOf(err error, match func(error) bool) bool {
	for err != nil && !isNil(err) {
		if match(err) {
			return true
		}
		switch e := err.(type) { //nolint:errorlint // this is what unwraps
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				if anyOf(inner, match) {
					return true
				}
			}
			return false
		default:
			return false
		}
	}
	return false
}

func isNil(err error) bool {
	v := reflect.ValueOf(err)
	return v.Kind() == reflect.Pointer && v.IsNil()
}
