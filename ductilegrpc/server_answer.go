package ductilegrpc

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/throttle"
)

// statusError is an error with a status of its own.
type statusError interface {
	error
	GRPCStatus() *status.Status
}

// answered is an error of a policy with the status that it leaves the server with.
type answered struct {
	error
	status *status.Status
}

func (e *answered) Unwrap() error              { return e.error }
func (e *answered) GRPCStatus() *status.Status { return e.status }

// answer returns the trailer of a call that failed, and the error that it returns to gRPC.
func answer(err error) (metadata.MD, error) {
	if _, ok := err.(*policy.TimeoutError); !ok { //nolint:errorlint // one that the handler has wrapped in a status is that status
		if own, ok := errors.AsType[statusError](err); ok && !refusedByClient(own) { // status.FromError would format other errors
			return nil, err
		}
	}
	code, ok := codeOf(err)
	if !ok {
		return nil, err
	}
	st, trailer := refusal(code, messageOf(err), waitOf(err, code))
	return trailer, &answered{err, st}
}

// refusedByClient reports whether err is a refusal by a policy of a client of ours that the
// handler called. Its status has the text of the policy's error, and no trailer.
func refusedByClient(err statusError) bool {
	_, ours := err.(*callError) // what has the status, not what it wraps
	return ours && errors.Is(err, policy.ErrRejected)
}

// waitOf returns how long the caller is to wait, or 0 if that is not known.
func waitOf(err error, code codes.Code) time.Duration {
	if code == codes.Canceled || code == codes.DeadlineExceeded {
		return 0
	}
	wait, _ := policy.RetryAfter(err)
	return wait
}

// messages are what callers read of a refusal. The text of the error stays in the server: it
// has names of policies, and that of an open circuit the failure that opened it.
var messages = []struct {
	sentinel error
	text     string
}{
	{ErrRemaining, "too little time remains until the deadline"},
	{context.Canceled, "canceled while waiting to be served"},
	{context.DeadlineExceeded, "deadline exceeded while waiting to be served"},
	{ratelimit.ErrCost, "the call costs more than the rate limit allows"},
	{ratelimit.ErrExceeded, "rate limit exceeded"},
	{bulkhead.ErrFull, "too many calls at a time"},
	{adaptive.ErrLimited, "too many calls at a time"},
	{throttle.ErrThrottled, "overloaded"},
	{breaker.ErrOpen, "a dependency is unavailable"},
}

func messageOf(err error) string {
	if !errors.Is(err, policy.ErrRejected) {
		if _, ok := errors.AsType[*policy.TimeoutError](err); ok {
			return "no result in time"
		}
		return err.Error() // the handler's own words, or those of a context
	}
	for _, m := range messages {
		if errors.Is(err, m.sentinel) {
			return m.text
		}
	}
	return "refused"
}
