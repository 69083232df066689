package ductilegrpc

import (
	"cmp"
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// callError is the error of a call that policies have ended or wrapped. Its status is that
// of the last attempt that has one, with its details. It matches everything that err does.
type callError struct {
	err error
	st  *status.Status
}

func (e *callError) Error() string              { return e.err.Error() }
func (e *callError) Unwrap() error              { return e.err }
func (e *callError) GRPCStatus() *status.Status { return e.st }

// unsent is the error of an attempt that is not sent. It has no status, so that of the attempt
// which was sent is the call's.
type unsent struct{ why string }

func (e *unsent) Error() string        { return "ductilegrpc: " + e.why }
func (e *unsent) Is(target error) bool { return target == policy.ErrRejected }

func notSent(why string) error {
	return retry.Permanent(breaker.Judge(&unsent{why}, policy.Ignored))
}

var (
	errOnce      = notSent("NoRetry allows no further attempt")
	errCommitted = notSent("the caller has the header of another attempt")
	errTaken     = notSent("the request was sent, and not kept to be sent again")
)

// joined is an error that also matches why its context ended. Statuses do not.
type joined struct{ err, ended error }

func (j *joined) Error() string   { return j.err.Error() }
func (j *joined) Unwrap() []error { return []error{j.err, j.ended} }

// outward returns the error for the caller, whose context is ctx, and the trailer that a
// refusal of ours has. An error that has a status is returned as it is, and so is one of a
// policy that is not known here.
func outward(ctx context.Context, clock policy.Clock, err error) (metadata.MD, error) {
	if err == nil {
		return nil, nil
	}
	st, trailer := statusOf(err)
	if st == nil {
		return nil, err
	}
	if ended := endOf(ctx, clock, st.Code()); ended != nil && endedBy(ended) == st.Code() && !errors.Is(err, ended) {
		err = &joined{err: err, ended: cmp.Or(policy.Ended(ctx), ended)}
	}
	if own, ok := err.(interface{ GRPCStatus() *status.Status }); ok && own.GRPCStatus() != nil { // wrapped, its text would be another
		return trailer, err
	}
	return trailer, &callError{err: err, st: st}
}

// endOf returns the error of ctx if that has ended, when a call has failed with a code. A server
// keeps the deadline too, and may end the call before the timer of ctx fires.
func endOf(ctx context.Context, clock policy.Clock, code codes.Code) error {
	ended := ctx.Err()
	if ended == nil && code == codes.DeadlineExceeded {
		if deadline, ok := ctx.Deadline(); ok && !deadline.After(policy.Now(clock)) {
			return context.DeadlineExceeded
		}
	}
	return ended
}

func endedBy(ended error) codes.Code {
	if errors.Is(ended, context.Canceled) {
		return codes.Canceled
	}
	return codes.DeadlineExceeded
}

// statusOf returns the status of the last attempt, or one for a refusal, a timeout or the
// end of a context. It returns nil for other errors.
func statusOf(err error) (*status.Status, metadata.MD) {
	last := err
	if ended, ok := errors.AsType[*retry.Error](err); ok && ended.Last != nil {
		last = ended.Last // before the reason, which may have a status too
	}
	if st := carried(last); st != nil {
		return st, nil
	}
	code, ok := codeOf(last)
	if !ok {
		code, ok = codeOf(err)
	}
	if !ok {
		return nil, nil
	}
	var wait time.Duration
	if code == codes.Unavailable || code == codes.ResourceExhausted {
		wait, _ = policy.RetryAfter(err)
	}
	return refusal(code, err.Error(), wait)
}

// carried returns the status in an error, with the text that it was made with.
func carried(err error) *status.Status {
	var own interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &own) {
		return nil
	}
	return own.GRPCStatus()
}
