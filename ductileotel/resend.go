package ductileotel

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/retry"
)

// ResendCount returns a transport that sets http.request.resend_count on the span in the
// context of each request that was sent before: 1 for the first repetition by a retry or a
// hedge around it. It stands inside otelhttp's transport, which makes a span for each
// request and does not know the number, and that one is the base of a ductilehttp
// transport:
//
//	ductilehttp.Config{Base: otelhttp.NewTransport(ductileotel.ResendCount(http.DefaultTransport))}
//
// Inside both a retry and a hedge, it counts the attempts of each that are known to be
// before this one. If base is nil, it is [http.DefaultTransport].
func ResendCount(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return resendCount{base}
}

type resendCount struct{ base http.RoundTripper }

// RoundTrip passes the request on as it is.
func (t resendCount) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if n := retry.Attempt(ctx) + hedge.Attempt(ctx) - 2; n > 0 {
		trace.SpanFromContext(ctx).SetAttributes(attribute.Int("http.request.resend_count", n))
	}
	return t.base.RoundTrip(r)
}

// CloseIdleConnections closes those of the base if it has a method for it.
func (t resendCount) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}
