package observe

import (
	"context"
	"errors"
	"go/token"
	"reflect"
	"strings"
	"sync"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// outcome is how a call or an attempt ended.
type outcome uint8

const (
	success outcome = iota
	failure
	rejected
	timeout
	canceled
)

var outcomes = [...]string{
	success: "success", failure: "failure", rejected: "rejected", timeout: "timeout", canceled: "canceled",
}

// Outcome returns the value of the label outcome for a call or an attempt that ended with
// err under ctx, its caller's context:
//
//   - "success" if err is nil
//   - "rejected" if err matches [policy.ErrRejected]
//   - "canceled" if the caller's context was cancelled
//   - "timeout" if err matches [context.DeadlineExceeded]
//   - "failure" otherwise
func Outcome(ctx context.Context, err error) string { return outcomes[outcomeOf(ctx, err)] }

func outcomeOf(ctx context.Context, err error) outcome {
	switch {
	case err == nil:
		return success
	case errors.Is(err, policy.ErrRejected):
		return rejected
	case ending.Canceled(ctx, err):
		return canceled
	case errors.Is(err, context.DeadlineExceeded):
		return timeout
	}
	return failure
}

// ErrorType returns a value for the label error.type. It walks the chain of err, through the
// first error where several are joined, and takes the first of these that it finds:
//
//   - the result of a method ErrorType() string: "503" for a *ductilehttp.StatusError
//   - the code of an error with the method GRPCStatus of grpc-go, "Unavailable"
//   - a name for the errors of this module and for their sentinels: "open" for a circuit's,
//     "timeout" for a limit that has passed, "full" for a gate's or an adaptive limit's,
//     "limit" for a rate limiter's, "cost" for a call that asks for more than its Burst,
//     "throttled" for a throttle's, "panic" for a panic or a runtime.Goexit, "rejected" for
//     other rejections
//   - "timeout" and "canceled" for the errors of package context
//   - the error's type, "*net.OpError", if it is not one that says nothing about the error:
//     a type of packages errors and fmt that wraps another, or an unexported one of this
//     module
//
// A *[retry.Error] is passed over: the last failure's type is returned, or "exhausted" if
// there is none, because the last value was rejected. ErrorType returns "" for nil.
func ErrorType(err error) string {
	if err == nil {
		return ""
	}
	for err = mark.Without(err); ; {
		if name := named(err); name != "" {
			return name
		}
		inner := wrapped(err)
		switch {
		case inner != nil:
			err = inner
		case isOurs(err) && errors.Is(err, policy.ErrRejected):
			return "rejected"
		default:
			return reflect.TypeOf(err).String()
		}
	}
}

// named returns the name that an error has besides its type, or "".
func named(err error) string {
	switch e := err.(type) { //nolint:errorlint // the chain is walked by ErrorType
	case *retry.Error:
		if e != nil && e.Last == nil {
			return "exhausted"
		}
		return ""
	case *breaker.OpenError:
		return "open"
	case *bulkhead.FullError:
		return "full"
	case *adaptive.LimitedError:
		return "full"
	case *ratelimit.ExceededError:
		return "limit"
	case *throttle.ThrottledError:
		return "throttled"
	case *policy.TimeoutError:
		return "timeout"
	case *policy.PanicError:
		return "panic"
	case interface{ ErrorType() string }:
		if v := reflect.ValueOf(err); v.Kind() != reflect.Pointer || !v.IsNil() {
			return e.ErrorType()
		}
		return ""
	}
	switch err { //nolint:errorlint // as above
	case context.DeadlineExceeded:
		return "timeout"
	case context.Canceled:
		return "canceled"
	case policy.ErrNoReturn:
		return "panic"
	case breaker.ErrOpen:
		return "open"
	case bulkhead.ErrFull, adaptive.ErrLimited:
		return "full"
	case ratelimit.ErrExceeded:
		return "limit"
	case ratelimit.ErrCost:
		return "cost"
	case throttle.ErrThrottled:
		return "throttled"
	case policy.ErrRejected:
		return "rejected"
	}
	return grpcCode(err)
}

// fromStd are the packages whose wrapping types say nothing about the error.
var fromStd = map[string]bool{"fmt": true, "errors": true}

// wrapped returns the error inside err if the type of err says nothing, and nil otherwise.
func wrapped(err error) error {
	switch e := err.(type) { //nolint:errorlint // the chain is walked by ErrorType
	case *retry.Error:
		if e != nil {
			return e.Last
		}
	case *hedge.Error:
		if e != nil && len(e.Errs) > 0 {
			return e.Errs[0]
		}
	case *chaos.Error:
		if e != nil {
			return e.Err
		}
	}
	_, marked := err.(*mark.Mark) //nolint:errorlint // as above
	if !marked && !fromStd[typeOf(err).PkgPath()] && !isOurs(err) {
		return nil
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		return e.Unwrap()
	case interface{ Unwrap() []error }:
		if all := e.Unwrap(); len(all) > 0 {
			return all[0]
		}
	}
	return nil
}

// typeOf returns the type of err, or the type that it points to.
func typeOf(err error) reflect.Type {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// isOurs reports whether the type of err is an unexported one of this module: no reader of a
// label knows it.
func isOurs(err error) bool {
	t := typeOf(err)
	return strings.HasPrefix(t.PkgPath(), "github.com/ductile-go/ductile/") &&
		!strings.HasSuffix(t.PkgPath(), "_test") && !token.IsExported(t.Name())
}

// grpcTypes has, for each type of error that was seen, whether it has the method
// GRPCStatus. It grows with the types in the program.
var grpcTypes sync.Map // map[reflect.Type]bool

// grpcCode returns the code of a gRPC status, or "". It calls the method by reflection, so
// that this package does not import grpc-go.
func grpcCode(err error) string {
	t := reflect.TypeOf(err)
	has, known := grpcTypes.Load(t)
	if !known {
		m, ok := t.MethodByName("GRPCStatus")
		has = ok && m.Type.NumIn() == 1 && m.Type.NumOut() == 1
		grpcTypes.Store(t, has)
	}
	if has == false || t.Kind() == reflect.Pointer && reflect.ValueOf(err).IsNil() {
		return ""
	}
	status := reflect.ValueOf(err).MethodByName("GRPCStatus").Call(nil)[0]
	if status.Kind() == reflect.Pointer && status.IsNil() { // such an error has no status
		return ""
	}
	code := status.MethodByName("Code")
	if !code.IsValid() || code.Type().NumIn() != 0 || code.Type().NumOut() != 1 {
		return ""
	}
	if s, ok := code.Call(nil)[0].Interface().(interface{ String() string }); ok {
		return s.String()
	}
	return ""
}
