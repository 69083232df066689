package ductilegrpc

import (
	"context"
	"errors"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

// pushbackKey is the trailer by which a server says when to retry: after that number of
// milliseconds, or never if it is negative. It is from gRFC A6, "gRPC Retry Design".
const pushbackKey = "grpc-retry-pushback-ms"

// codeOf returns the code of an error that has no status of its own: of a refusal by one of
// our policies, of a timeout, or of the end of a context. ok is false for other errors.
func codeOf(err error) (code codes.Code, ok bool) {
	switch {
	case err == nil:
		return codes.OK, false
	case errors.Is(err, context.Canceled): // also of a caller that left a queue
		return codes.Canceled, true
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded, true
	case errors.Is(err, ratelimit.ErrExceeded), errors.Is(err, ratelimit.ErrCost):
		return codes.ResourceExhausted, true
	case errors.Is(err, policy.ErrRejected): // a circuit, a gate, a throttle
		return codes.Unavailable, true
	}
	return codes.Unknown, false
}

// refusal returns a status with a message of our own, and the trailer that goes with it. If
// wait is known, both say so: RetryInfo among the status's details, and the pushback, which
// clients of gRPC's own retry obey. A wait of 0 or less is not known.
func refusal(code codes.Code, message string, wait time.Duration) (*status.Status, metadata.MD) {
	st := status.New(code, message)
	if wait <= 0 {
		return st, nil
	}
	detailed, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	if err != nil { // code is OK, which refuses nothing
		return st, nil
	}
	return detailed, metadata.Pairs(pushbackKey, strconv.FormatInt(milliseconds(wait), 10))
}

// milliseconds rounds up: a client must not return before the wait is over.
func milliseconds(d time.Duration) int64 {
	ms := d.Milliseconds()
	if d%time.Millisecond > 0 {
		ms++
	}
	return ms
}
