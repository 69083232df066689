package shop

import (
	"cmp"
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

// Config is what a checkout needs. URL and APIKey are required.
type Config struct {
	URL, APIKey string
	Observe     policy.Observer
	Inside      policy.Observer               // hears what happens below the SDK; nil means nothing
	Clock       policy.Clock                  // nil means real time
	Rand        func() float64                // spreads delays; nil means math/rand/v2
	Base        http.RoundTripper             // sends the requests; nil means http.DefaultTransport
	Chaos       policy.Policy[*http.Response] // what happens to the requests instead; nil means nothing
	Careless    bool                          // each attempt has a key of its own, a common mistake
}

// Short times for demos. A service would use at least ten times as much.
const (
	attemptTimeout  = time.Second
	totalTimeout    = 10 * time.Second
	recoveryTimeout = 1500 * time.Millisecond
)

// retries returns the retry configuration, which is the same in both places.
func (c Config) retries() retry.Config {
	return retry.Config{
		BaseDelay:     100 * time.Millisecond,
		MaxDelay:      800 * time.Millisecond,
		MaxRetryAfter: 5 * time.Second,
		Clock:         c.Clock,
		Rand:          c.Rand,
	}
}

// Above returns a checkout whose pipeline has all the policies. The SDK sends each request
// once.
func Above(cfg Config) *Checkout {
	c := &Checkout{
		careless: cfg.Careless,
		stripe:   cfg.newStripe(ductilestripe.Config{Once: true, Transport: ductilehttp.Config{Base: cfg.Base, Chaos: cfg.Chaos, Observer: cfg.Inside}}),
		Circuit: breaker.NewCircuit(breaker.Config{
			Name:             "stripe",
			FailureThreshold: 5,
			RecoveryTimeout:  recoveryTimeout,
			Classify:         ductilestripe.Classify,
			Clock:            cfg.Clock,
		}),
	}
	c.Calls = pipeline.New(
		policy.Fallback(c.enqueue).WithCondition(queueable),
		retry.New[Receipt](cfg.retries()),
		breaker.New[Receipt](c.Circuit),
		policy.NewTimeout[Receipt](policy.TimeoutConfig{After: attemptTimeout, Clock: cfg.Clock}),
	).WithName("checkout").WithObserver(cfg.Observe)
	return c
}

// Below returns a checkout that has only the fallback: the other policies are in the SDK's
// backend and apply to every SDK call.
func Below(cfg Config) *Checkout {
	circuit := breaker.NewCircuit(breaker.Config{
		Name:             "stripe",
		FailureThreshold: 5,
		RecoveryTimeout:  recoveryTimeout,
		OnStateChange:    moved(cfg.Observe),
		Clock:            cfg.Clock,
	})
	sdk := ductilestripe.Config{Transport: ductilehttp.Config{
		Base:           sent{cmp.Or(cfg.Base, http.DefaultTransport), cfg.Observe},
		Chaos:          cfg.Chaos,
		Observer:       cfg.Inside,
		Retry:          cfg.retries(),
		Circuit:        circuit,
		AttemptTimeout: attemptTimeout,
		TotalTimeout:   totalTimeout,
	}}
	sdk.Transport.Retry.OnRetry = cfg.Observe
	c := &Checkout{stripe: cfg.newStripe(sdk), Circuit: circuit, careless: cfg.Careless}
	c.Calls = pipeline.New(policy.Fallback(c.enqueue).WithCondition(queueable)).WithName("checkout").WithObserver(cfg.Observe)
	return c
}

// newStripe returns an SDK client.
func (c Config) newStripe(sdk ductilestripe.Config) *stripe.Client {
	sdk.SDK.URL = stripe.String(c.URL)
	return stripe.NewClient(c.APIKey, stripe.WithBackends(ductilestripe.NewBackends(sdk)))
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

// Below lets chaos policies act below it, so that it reports what they do.
func (s sent) Below(change func(http.RoundTripper) http.RoundTripper) http.RoundTripper {
	return sent{change(s.base), s.observe}
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
