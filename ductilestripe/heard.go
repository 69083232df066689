package ductilestripe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
)

// heard keeps the last refusal that an attempt of [Pin] got from below the SDK. The SDK drops
// the header of a response that is not in its format, such as the page of a load balancer,
// and with it the Retry-After.
type heard struct {
	// last is nil if the last round trip brought no refusal. It is atomic because attempts
	// of a hedge in the Transport store it side by side, also while the call returns.
	last atomic.Pointer[answer]
}

// heardKey is the key under which [whole] finds the heard of its request.
type heardKey struct{}

func listen(ctx context.Context) (context.Context, *heard) {
	h := new(heard)
	return context.WithValue(ctx, heardKey{}, h), h
}

// hear stores the refusal in resp, or that there is none.
func hear(ctx context.Context, resp *http.Response, err error) {
	h, ok := ctx.Value(heardKey{}).(*heard)
	switch {
	case !ok:
	case err != nil || resp == nil || resp.StatusCode < http.StatusBadRequest:
		h.last.Store(nil)
	default:
		h.last.Store(&answer{status: resp.StatusCode, header: resp.Header})
	}
}

// complete returns the SDK's error err, with the response that the SDK dropped.
func (h *heard) complete(err error) error {
	last := h.last.Load()
	if err == nil || last == nil {
		return err
	}
	if _, unanswered := errors.AsType[*url.Error](err); unanswered {
		return err
	}
	if a, ok := answerOf(err); ok && (a.header != nil || a.status != last.status) {
		return err
	}
	return &answeredError{err, *last}
}

// answeredError is an error of the SDK with the response that it is about.
type answeredError struct {
	error
	answer answer
}

func (e *answeredError) Unwrap() error { return e.error }
