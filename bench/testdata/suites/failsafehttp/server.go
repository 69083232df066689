package failsafehttp

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/internal/util"
	"github.com/failsafe-go/failsafe-go/priority"
	"github.com/failsafe-go/failsafe-go/ratelimiter"
	"github.com/failsafe-go/failsafe-go/timeout"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

func NewHandler(next http.Handler, policies ...failsafe.Policy[*http.Response]) http.Handler {
	return NewHandlerWithExecutor(next, failsafe.With(policies...))
}

// NewHandlerWithExecutor runs next inside the executor, in a Handler that answers its errors.
func NewHandlerWithExecutor(next http.Handler, executor failsafe.Executor[*http.Response]) http.Handler {
	return ductilehttp.Handler(func(w http.ResponseWriter, r *http.Request) error {
		err := executor.RunWithExecution(func(exec failsafe.Execution[*http.Response]) error {
			ctx, cancel := util.MergeContexts(r.Context(), exec.Context())
			defer cancel(nil)
			next.ServeHTTP(w, r.WithContext(ctx))
			return nil
		})
		return ours(err)
	}, ductilehttp.HandlerConfig{})
}

// ours adds to an error of the library's policies that of ours which means the same.
func ours(err error) error {
	for theirs, means := range map[error]error{
		bulkhead.ErrFull:        policy.ErrRejected,
		circuitbreaker.ErrOpen:  breaker.ErrOpen,
		ratelimiter.ErrExceeded: ratelimit.ErrExceeded,
		timeout.ErrExceeded:     &policy.TimeoutError{Name: "handler"},
	} {
		if errors.Is(err, theirs) {
			return fmt.Errorf("%w: %w", means, err)
		}
	}
	return err
}

// NewHandlerWithLevel puts the library's priorities into the context.
func NewHandlerWithLevel(next http.Handler, ensureLevel bool) http.Handler {
	return ductilehttp.Handler(func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		level, noLevel := strconv.Atoi(r.Header.Get(levelHeaderKey))
		p, noPriority := strconv.Atoi(r.Header.Get(priorityHeaderKey))
		switch {
		case noLevel == nil:
			ctx = priority.ContextWithLevel(ctx, level)
		case noPriority == nil && ensureLevel:
			ctx = priority.ContextWithLevel(ctx, priority.Priority(p).RandomLevel())
		case noPriority == nil:
			ctx = priority.Priority(p).AddTo(ctx)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
		return nil
	}, ductilehttp.HandlerConfig{})
}
