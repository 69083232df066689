package main

import (
	"context"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// way is a place for the policies of a checkout.
type way struct {
	title   string
	backend string // what is below the SDK
	open    func(url, apiKey string, observe policy.Observer, clock policy.Clock) *checkout
	moves   int // state changes of the circuit that observers see
	// ignored is how a circuit counts a call that is the caller's fault: above the SDK not
	// at all, below it as a success.
	ignored int
	// idled is how many failures of the outage no circuit counts: below the SDK, the first
	// one is known to come from an idle connection.
	idled int
}

var ways = []way{
	{"every policy above the SDK", "each request once", above, 3, 1, 0},
	{"most policies below the SDK", "total(10s) > retry(3) > breaker(stripe) > timeout(1s)", below, 3, 0, 1},
}

// Short times for the demo. A service would use at least ten times as much.
const (
	attemptTimeout  = time.Second
	totalTimeout    = 10 * time.Second
	recoveryTimeout = 1500 * time.Millisecond
)

// retries returns the retry configuration, which is the same in both places.
func retries(clock policy.Clock) retry.Config {
	return retry.Config{
		BaseDelay:     100 * time.Millisecond,
		MaxDelay:      800 * time.Millisecond,
		MaxRetryAfter: 5 * time.Second,
		Clock:         clock,
	}
}

// above returns a checkout whose pipeline has all the policies. The SDK sends each request
// once. A nil clock means real time.
func above(url, apiKey string, observe policy.Observer, clock policy.Clock) *checkout {
	c := &checkout{
		stripe: newStripe(apiKey, ductilestripe.Config{Once: true}, url),
		circuit: breaker.NewCircuit(breaker.Config{
			Name:             "stripe",
			FailureThreshold: 5,
			RecoveryTimeout:  recoveryTimeout,
			Classify:         ductilestripe.Classify,
			Clock:            clock,
		}),
	}
	c.calls = pipeline.New(
		policy.Fallback(c.enqueue).WithCondition(queueable),
		retry.New[receipt](retries(clock)),
		breaker.New[receipt](c.circuit),
		policy.Timeout[receipt](attemptTimeout),
	).WithName("checkout").WithObserver(observe)
	return c
}

// below returns a checkout that has only the fallback: the other policies are in the SDK's
// backend and apply to every SDK call.
func below(url, apiKey string, observe policy.Observer, clock policy.Clock) *checkout {
	circuit := breaker.NewCircuit(breaker.Config{
		Name:             "stripe",
		FailureThreshold: 5,
		RecoveryTimeout:  recoveryTimeout,
		OnStateChange:    moved(observe),
		Clock:            clock,
	})
	cfg := ductilestripe.Config{Transport: ductilehttp.Config{
		Base:           sent{http.DefaultTransport, observe},
		Retry:          retries(clock),
		Circuit:        circuit,
		AttemptTimeout: attemptTimeout,
		TotalTimeout:   totalTimeout,
	}}
	cfg.Transport.Retry.OnRetry = observe
	c := &checkout{stripe: newStripe(apiKey, cfg, url), circuit: circuit}
	c.calls = pipeline.New(policy.Fallback(c.enqueue).WithCondition(queueable)).WithName("checkout").WithObserver(observe)
	return c
}

// newStripe returns an SDK client for the API at url.
func newStripe(apiKey string, cfg ductilestripe.Config, url string) *stripe.Client {
	cfg.SDK.URL = stripe.String(url)
	return stripe.NewClient(apiKey, stripe.WithBackends(ductilestripe.NewBackends(cfg)))
}

// moved returns a callback that passes a circuit's transitions to observe.
func moved(observe policy.Observer) func(breaker.Transition) {
	return func(t breaker.Transition) {
		observe(context.Background(), policy.Event{
			Kind: policy.StateChanged, Policy: "breaker", Name: t.Name, From: t.From.String(), To: t.To.String(),
		})
	}
}

// sent reports each request that is sent to observe.
type sent struct {
	base    http.RoundTripper
	observe policy.Observer
}

func (s sent) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.base.RoundTrip(r)
	e := policy.Event{Kind: policy.Attempted, Attempt: retry.Attempt(r.Context()), Err: err}
	switch {
	case err != nil && r.Context().Err() != nil:
		e.Err = context.Cause(r.Context())
	case err == nil && resp.StatusCode >= http.StatusBadRequest:
		e.Err = &ductilehttp.StatusError{StatusCode: resp.StatusCode}
	}
	s.observe(r.Context(), e)
	return resp, err
}
