// Package failsafehttp gives the API of failsafe-go's failsafehttp on top of ductilehttp, so
// that the tests of that library can be run against this one. Its files take the place of
// the library's in a copy of the package; see suite_test.go.
//
// The policies are failsafe-go's own: they are a policy of ductile's, in the Pipeline of a
// Transport.
package failsafehttp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/internal/util"
	"github.com/failsafe-go/failsafe-go/priority"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

const (
	priorityHeaderKey = "X-Failsafe-Priority"
	levelHeaderKey    = "X-Failsafe-Level"
)

func NewRoundTripper(base http.RoundTripper, policies ...failsafe.Policy[*http.Response]) http.RoundTripper {
	return NewRoundTripperWithExecutor(base, failsafe.With(policies...))
}

func NewRoundTripperWithExecutor(base http.RoundTripper, executor failsafe.Executor[*http.Response]) http.RoundTripper {
	return ductilehttp.NewTransport(ductilehttp.Config{
		Base: base, Pipeline: pipeline.New[*http.Response](executing{executor}),
	})
}

// executing is an executor as a policy.
type executing struct {
	executor failsafe.Executor[*http.Response]
}

func (e executing) Execute(ctx context.Context, next policy.Call[*http.Response]) (*http.Response, error) {
	ctx, cancel := util.MergeContexts(ctx, e.executor.Context())
	defer cancel(nil)
	return e.executor.WithContext(ctx).GetWithExecution(func(exec failsafe.Execution[*http.Response]) (*http.Response, error) {
		return next.Do(exec.Context())
	})
}

// NewRoundTripperWithLevel sets the headers of the library's priorities on each attempt.
func NewRoundTripperWithLevel(base http.RoundTripper) http.RoundTripper {
	return ductilehttp.NewTransport(ductilehttp.Config{
		Base: base, NoCircuit: true, Retry: retry.Config{MaxAttempts: 1},
		Prepare: func(r *http.Request, _ int) error {
			if level, ok := r.Context().Value(priority.LevelKey).(int); ok {
				r.Header.Set(levelHeaderKey, strconv.Itoa(level))
			} else if p, ok := r.Context().Value(priority.PriorityKey).(priority.Priority); ok {
				r.Header.Set(priorityHeaderKey, strconv.Itoa(int(p)))
			}
			return nil
		},
	})
}

type Request struct {
	request *http.Request
	sent    http.RoundTripper
}

func NewRequest(r *http.Request, client *http.Client, policies ...failsafe.Policy[*http.Response]) *Request {
	return NewRequestWithExecutor(r, client, failsafe.With(policies...))
}

func NewRequestWithExecutor(r *http.Request, client *http.Client, executor failsafe.Executor[*http.Response]) *Request {
	return &Request{request: r, sent: NewRoundTripperWithExecutor(doing{client}, executor)}
}

func (r *Request) Do() (*http.Response, error) { return r.sent.RoundTrip(r.request) }

// doing is a client as a base: it follows redirects within an attempt.
type doing struct{ client *http.Client }

func (d doing) RoundTrip(r *http.Request) (*http.Response, error) { return d.client.Do(r) }

// bodyReader is a function that the tests call and that has no counterpart: a Transport
// keeps a request's body itself.
func bodyReader(body any) (func() (io.Reader, error), error) {
	if body == nil {
		return nil, nil
	}
	return nil, fmt.Errorf("ductilehttp has no function for a body of %T", body)
}
