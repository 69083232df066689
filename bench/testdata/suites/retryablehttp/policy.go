package retryablehttp

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/retry"
)

type (
	CheckRetry   func(ctx context.Context, resp *http.Response, err error) (bool, error)
	Backoff      func(low, high time.Duration, attempt int, resp *http.Response) time.Duration
	ErrorHandler func(resp *http.Response, err error, tries int) (*http.Response, error)
	PrepareRetry func(*http.Request) error
)

// What the tests of the library use beside its exported names.
var timeNow = time.Now

func parseRetryAfterHeader(values []string) (time.Duration, bool) {
	return ductilehttp.RetryAfter(http.Header{"Retry-After": values}, timeNow())
}

// DefaultRetryPolicy is the rule of ductilehttp.
func DefaultRetryPolicy(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return ductilehttp.RetryableResponse(resp, err), nil
}

func ErrorPropagatedRetryPolicy(ctx context.Context, resp *http.Response, err error) (bool, error) {
	again, final := DefaultRetryPolicy(ctx, resp, err)
	if final == nil && err == nil && again && resp.StatusCode != http.StatusTooManyRequests {
		final = fmt.Errorf("unexpected HTTP status %s", resp.Status)
	}
	return again, final
}

// DefaultBackoff is the exponential delay of package retry, or what the response asks for.
func DefaultBackoff(low, high time.Duration, attempt int, resp *http.Response) time.Duration {
	if wait, ok := hint(resp); ok {
		return wait
	}
	return retry.Exponential(low, high, 2)(retry.Step{Attempt: attempt + 1})
}

func hint(resp *http.Response) (time.Duration, bool) {
	if resp == nil {
		return 0, false
	}
	return ductilehttp.RetryAfter(resp.Header, timeNow())
}

// LinearJitterBackoff is the linear delay of package retry from a random base.
func LinearJitterBackoff(low, high time.Duration, attempt int, _ *http.Response) time.Duration {
	base := low + time.Duration(rand.Float64()*float64(max(0, high-low)))
	return retry.Linear(base, 24*time.Hour)(retry.Step{Attempt: attempt + 1})
}

func RateLimitLinearJitterBackoff(low, high time.Duration, attempt int, resp *http.Response) time.Duration {
	if wait, ok := hint(resp); ok {
		return wait
	}
	return LinearJitterBackoff(low, high, attempt, resp)
}

func PassthroughErrorHandler(resp *http.Response, err error, _ int) (*http.Response, error) {
	return resp, err
}
