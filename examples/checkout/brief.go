package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// brief describes an error in a few words: a stripe.Error prints as JSON.
func brief(err error) string {
	var (
		api    *stripe.Error
		ended  *retry.Error
		open   *breaker.OpenError
		expiry *policy.TimeoutError
		status *ductilehttp.StatusError
	)
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &ended):
		return fmt.Sprintf("%d attempts, the last: %s", ended.Attempts, brief(ended.Last))
	case errors.As(err, &open):
		return fmt.Sprintf("circuit %s is %s, retry after %v", open.Name, open.State, open.RetryAfter().Round(10*time.Millisecond))
	case errors.As(err, &expiry):
		return fmt.Sprintf("no answer within %v", expiry.After)
	case errors.As(err, &api):
		return fmt.Sprintf("%d %s", api.HTTPStatusCode, api.Type)
	case errors.As(err, &status):
		return fmt.Sprintf("%d %s", status.StatusCode, http.StatusText(status.StatusCode))
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err.Error()
}
