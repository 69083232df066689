package ductilegrpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/ductile-go/ductile/policy"
)

// UnaryServer returns an interceptor that runs the handlers of unary calls inside the
// policies of cfg. A call that they refuse leaves as a status:
//
//   - a limiter: ResourceExhausted
//   - a gate, an adaptive limit, a throttle: Unavailable
//   - MinRemaining, MaxTimeout, and a deadline that ended a wait in a queue: DeadlineExceeded
//   - a caller that left a queue: Canceled
//
// So do errors of policies further in that the handler returns, such as the Unavailable of
// an open circuit. Where the wait is known, of a limiter and of a circuit, the status has
// RetryInfo, and the trailer gRPC's retry pushback, which clients of all languages obey. The
// text of a refusal's error is not sent. Errors with a status of their own, and all others,
// pass unchanged. The error that the interceptor returns still matches the policy's error,
// for interceptors outside of it.
//
// A panic of a handler passes through and gives its places back. UnaryServer panics with the
// error of Validate if cfg is invalid.
func UnaryServer(cfg ServerConfig) grpc.UnaryServerInterceptor {
	cfg.checked()
	calls := newAdmission[any](cfg, cfg.MaxTimeout)
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		reply, err := calls.do(ctx, info.FullMethod, func(ctx context.Context) (any, error) { return handler(ctx, req) })
		if err != nil {
			var trailer metadata.MD
			if trailer, err = answer(err); trailer != nil {
				_ = grpc.SetTrailer(ctx, trailer) // fails only without a server around
			}
		}
		return reply, err
	}
}

// methodKey is the context key of a call's method where grpc.Method does not know it: in a
// tap, and where an interceptor is called without a server.
type methodKey struct{}

// withMethod returns ctx, from which methodOf returns method.
func withMethod(ctx context.Context, method string) context.Context {
	if _, ok := grpc.Method(ctx); ok {
		return ctx
	}
	return context.WithValue(ctx, methodKey{}, method)
}

// methodOf returns the full method of the call of ctx.
func methodOf(ctx context.Context) string {
	if method, ok := grpc.Method(ctx); ok {
		return method
	}
	method, _ := ctx.Value(methodKey{}).(string)
	return method
}

// labelled returns an observer that passes events with the method of their call to o.
func labelled(o policy.Observer) policy.Observer {
	return func(ctx context.Context, e policy.Event) { o(ctx, label(e, methodOf(ctx))) }
}

func label(e policy.Event, method string) policy.Event {
	e.Pipeline = method
	if e.Key == "" {
		e.Key = method
	}
	return e
}
