package observe_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

type grpcError struct{ code code }

type (
	code   int
	status struct{ code code }
)

func (code) String() string              { return "Unavailable" }
func (s *status) Code() code             { return s.code }
func (*grpcError) Error() string         { return "rpc error" }
func (e *grpcError) GRPCStatus() *status { return &status{e.code} }

// unlike has a method of that name, and is none of gRPC's.
type unlike struct{}

func (unlike) Error() string         { return "unlike" }
func (unlike) GRPCStatus(string) int { return 0 }

type named struct{}

func (*named) Error() string     { return "named" }
func (*named) ErrorType() string { return "503" }

func TestErrorTypeNamesTheCause(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{})
	circuit.Isolate("test")
	_, open := breaker.Do(t.Context(), circuit, func(context.Context) (int, error) { return 0, nil })
	_, timeout := policy.Timeout[int](time.Nanosecond).Execute(t.Context(), policy.CallOf(func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}))
	for want, err := range map[string]error{
		"":                        nil,
		"*errors.errorString":     errDown,
		"*net.OpError":            fmt.Errorf("a: %w", fmt.Errorf("b: %w", &net.OpError{Err: errDown})),
		"*url.Error":              errors.Join(&url.Error{Err: errDown}, errDown),
		"open":                    fmt.Errorf("stripe: %w", open),
		"timeout":                 timeout,
		"canceled":                fmt.Errorf("x: %w", context.Canceled),
		"full":                    &bulkhead.FullError{},
		"limit":                   &ratelimit.ExceededError{},
		"throttled":               &hedge.Error{Errs: []error{&throttle.ThrottledError{}, errDown}},
		"*hedge.Error":            &hedge.Error{},
		"panic":                   policy.ErrNoReturn,
		"503":                     &retry.Error{Reason: retry.ErrExhausted, Last: fmt.Errorf("x: %w", &named{})},
		"exhausted":               &retry.Error{Reason: retry.ErrExhausted},
		"Unavailable":             fmt.Errorf("x: %w", &grpcError{14}),
		"observe_test.unlike":     unlike{},
		"*observe_test.named":     (*named)(nil),
		"*observe_test.grpcError": (*grpcError)(nil),
	} {
		assert.Equal(t, want, observe.ErrorType(err))
		assert.Equal(t, want, observe.ErrorType(retry.Permanent(err)), "marks are passed over")
	}
	for want, sentinels := range map[string][]error{
		"timeout": {context.DeadlineExceeded}, "open": {breaker.ErrOpen}, "full": {bulkhead.ErrFull, adaptive.ErrLimited},
		"limit": {ratelimit.ErrExceeded}, "cost": {ratelimit.ErrCost}, "throttled": {throttle.ErrThrottled}, "rejected": {policy.ErrRejected},
	} {
		for _, err := range sentinels {
			assert.Equal(t, want, observe.ErrorType(err))
			assert.Equal(t, want, observe.ErrorType(fmt.Errorf("stripe: %w", err)))
		}
	}
	assert.Equal(t, "panic", observe.ErrorType(&policy.PanicError{}))
	assert.Equal(t, "full", observe.ErrorType(&adaptive.LimitedError{}))
	assert.Equal(t, "503", observe.ErrorType(&chaos.Error{Err: &named{}}), "an injected error is one of the dependency")
	assert.Equal(t, "*observe_test.named", observe.ErrorType(fmt.Errorf("%w", (*named)(nil))))
	assert.Equal(t, "*errors.errorString", observe.ErrorType(fmt.Errorf("%w and %w", errDown, &net.OpError{})), "the first of several")
}

// Errors of this module whose types are not exported have no type that a label should show.
func TestErrorTypeLooksBehindTypesThatAreNotExported(t *testing.T) {
	left, leave := context.WithCancelCause(t.Context())
	leave(errDown)
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1})
	_, cost := limiter.Reserve(2, 0)
	failed := func(err error) func(context.Context) (int, error) {
		return func(context.Context) (int, error) { return 0, err }
	}
	answer := func(err error) *policy.FallbackPolicy[int] {
		return policy.Fallback(func(context.Context, error) (int, error) { return 0, err })
	}
	_, both := answer(&net.OpError{Err: errDown}).Do(t.Context(), failed(errDown))
	_, half := answer(fmt.Errorf("mine: %w", policy.ErrRejected)).Do(t.Context(), failed(&url.Error{Err: errDown}))
	for want, err := range map[string]error{
		"canceled":     policy.Ended(left),
		"*net.OpError": both,
		"*url.Error":   half,
		"cost":         cost,
		"rejected":     coalesce.ErrCycle,
	} {
		assert.Equal(t, want, observe.ErrorType(err), "%T", err)
	}
	assert.Equal(t, "canceled", observe.ErrorType(limiter.Wait(left, 1)))
	assert.Equal(t, "rejected", observe.ErrorType(fmt.Errorf("mine: %w", policy.ErrRejected)))
}

func TestErrorTypeOfACallThatLeftAQueueIsWhyItLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 1, MaxQueue: 1})
		place, err := gate.Acquire(t.Context())
		require.NoError(t, err)
		defer place.Release()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = gate.Acquire(ctx)
		assert.Equal(t, "timeout", observe.ErrorType(err))
	})
}

// Metrics show no type that a user of the module cannot find in its documentation.
func TestErrorTypeLooksIntoTypesWithoutAName(t *testing.T) {
	unavailable := &named{}
	replaced := func(err error) func(context.Context, error) (int, error) {
		return func(context.Context, error) (int, error) { return 0, err }
	}
	failing := func(err error) policy.Func[int] {
		return func(context.Context) (int, error) { return 0, err }
	}
	left, leave := context.WithCancelCause(t.Context())
	leave(errDown)
	late, end := context.WithTimeout(t.Context(), 0)
	defer end()
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1})
	_, full := bulkhead.NewGate(bulkhead.Config{Limit: 1}).Acquire(late)
	_, both := pipeline.New(policy.Fallback(replaced(unavailable))).Do(t.Context(), failing(errDown))
	_, half := pipeline.New(policy.Fallback(replaced(unavailable))).Do(t.Context(), failing(policy.ErrRejected))
	_, costly := limiter.Reserve(2, 0)
	for name, one := range map[string]struct {
		err  error
		want string
	}{
		"a fallback behind a failure":  {both, "503"},
		"a fallback behind a refusal":  {half, "503"},
		"a context with a cause":       {policy.Ended(left), "canceled"},
		"a cost beyond the burst":      {costly, "cost"},
		"a deadline before a gate":     {full, "timeout"},
		"a caller that left a limiter": {limiter.Wait(left, 1), "canceled"},
	} {
		require.Error(t, one.err, name)
		assert.Equal(t, one.want, observe.ErrorType(one.err), name)
	}
}

// statusless has the method of a gRPC status for an error without one.
type statusless struct{}

func (statusless) Error() string       { return "no status" }
func (statusless) GRPCStatus() *status { return nil }

func TestErrorTypeOfAnErrorWithoutItsStatusIsTheType(t *testing.T) {
	assert.Equal(t, "observe_test.statusless", observe.ErrorType(statusless{}))
}

func TestOutcomeFollowsTheError(t *testing.T) {
	live := t.Context()
	left, leave := context.WithCancel(live)
	leave()
	late, end := context.WithTimeout(live, -1)
	defer end()
	for _, one := range []struct {
		ctx  context.Context
		err  error
		want string
	}{
		{live, nil, "success"},
		{left, nil, "success"},
		{live, errDown, "failure"},
		{live, fmt.Errorf("x: %w", policy.ErrRejected), "rejected"},
		{left, fmt.Errorf("x: %w", policy.ErrRejected), "rejected"},
		{left, errDown, "canceled"},
		{left, context.DeadlineExceeded, "canceled"},
		{live, context.Canceled, "failure"},
		{live, fmt.Errorf("x: %w", context.DeadlineExceeded), "timeout"},
		{late, errDown, "failure"},
		{live, &policy.TimeoutError{}, "timeout"},
	} {
		assert.Equal(t, one.want, observe.Outcome(one.ctx, one.err), "%v", one.err)
	}
}

func TestErrorTypeOfTheConfigComesFirst(t *testing.T) {
	s := observe.New(observe.Config{ErrorType: func(err error) string {
		if errors.Is(err, errDown) {
			return "down"
		}
		return ""
	}})
	observed(s, policy.Event{Kind: policy.Finished, Err: errDown}, policy.Event{Kind: policy.Finished, Err: &net.OpError{}})
	series(t, s, "ductile.call.duration", labels{"pipeline.name": "", "outcome": "failure", "error.type": "down"})
	series(t, s, "ductile.call.duration", labels{"pipeline.name": "", "outcome": "failure", "error.type": "*net.OpError"})
}
