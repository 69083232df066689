package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// order is what a customer wants to pay for.
type order struct {
	id     string
	amount int64 // in cents
}

// key is the order's idempotency key. It belongs to the order and not to the
// attempt: Stripe answers a key that it knows with what it answered before, so
// that an attempt whose answer was lost can be repeated without a second charge.
func (o order) key() string { return "order-" + o.id }

// receipt is what the customer is told.
type receipt struct {
	payment string // the PaymentIntent; empty while the order is queued
	queued  bool
}

// checkout takes payments. It is safe for concurrent use.
type checkout struct {
	stripe  *stripe.Client
	circuit *breaker.Circuit
	calls   *pipeline.Pipeline[receipt]

	mu    sync.Mutex
	queue []order
}

// newCheckout returns a checkout that talks to the API at url. Its times are
// a tenth of what a service would use. A nil clock means real time.
func newCheckout(url, apiKey string, observe policy.Observer, clock policy.Clock) *checkout {
	c := &checkout{
		stripe: newStripe(url, apiKey, 0),
		circuit: breaker.NewCircuit(breaker.Config{
			Name:             "stripe",
			FailureThreshold: 5,
			RecoveryTimeout:  3 * time.Second,
			Classify:         classify,
			Clock:            clock,
		}),
	}
	c.calls = pipeline.New(
		policy.Fallback(c.enqueue).When(queueable),
		retry.New[receipt](retry.Config{
			BaseDelay:     100 * time.Millisecond,
			MaxDelay:      800 * time.Millisecond,
			MaxRetryAfter: 5 * time.Second,
			Clock:         clock,
		}),
		breaker.New[receipt](c.circuit),
		policy.Timeout[receipt](time.Second),
	).Named("checkout").Observe(observe)
	return c
}

// newStripe returns an SDK client for the API at url that makes up to
// sdkRetries retries of its own.
func newStripe(url, apiKey string, sdkRetries int64) *stripe.Client {
	return stripe.NewClient(apiKey, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL:               stripe.String(url),
		MaxNetworkRetries: stripe.Int64(sdkRetries),
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		HTTPClient:        &http.Client{Transport: oneRequest{&http.Transport{}}},
	})))
}

// oneRequest keeps net/http from repeating a request by itself. It does so where
// a kept-alive connection breaks under a request that has an Idempotency-Key and
// a body that it can get again: a retry that no policy decides and no one counts.
type oneRequest struct{ base http.RoundTripper }

func (t oneRequest) RoundTrip(r *http.Request) (*http.Response, error) {
	once := r.Clone(r.Context())
	once.GetBody = nil
	return t.base.RoundTrip(once)
}

// pay charges for an order, or queues it while Stripe cannot be reached.
func (c *checkout) pay(ctx context.Context, o order) (receipt, error) {
	ctx = context.WithValue(ctx, orderKey{}, o)
	return c.calls.Do(ctx, func(ctx context.Context) (receipt, error) {
		params := &stripe.PaymentIntentCreateParams{
			Amount:        stripe.Int64(o.amount),
			Currency:      stripe.String("usd"),
			PaymentMethod: stripe.String("pm_card_visa"),
			Confirm:       stripe.Bool(true),
		}
		if o.amount == 0 {
			params.Amount = nil // a bug of the shop's
		}
		params.SetIdempotencyKey(o.key()) // the same for every attempt
		intent, err := c.stripe.V1PaymentIntents.Create(ctx, params)
		if err != nil {
			return receipt{}, mark(err)
		}
		return receipt{payment: intent.ID}, nil
	})
}

// orderKey is the context's key for the order that a call is about.
type orderKey struct{}

// enqueue is the fallback: the customer is told that the payment will follow.
func (c *checkout) enqueue(ctx context.Context, _ error) (receipt, error) {
	o := ctx.Value(orderKey{}).(order)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, o)
	return receipt{queued: true}, nil
}

// drain takes the queue's orders out of it.
func (c *checkout) drain() []order {
	c.mu.Lock()
	defer c.mu.Unlock()
	orders := c.queue
	c.queue = nil
	return orders
}

// mark tells the retry what Stripe says of an error: Stripe-Should-Retry where
// it is there; else 409, 429 and 5xx are worth another attempt and every other
// status is final. Retry-After is a floor under the delay. What is not an answer
// of the API, a broken connection or a timeout, stays as it is.
func mark(err error) error {
	var e *stripe.Error
	if !errors.As(err, &e) {
		return err
	}
	again := e.HTTPStatusCode == http.StatusConflict ||
		e.HTTPStatusCode == http.StatusTooManyRequests ||
		e.HTTPStatusCode >= http.StatusInternalServerError
	var header http.Header
	if e.LastResponse != nil {
		header = e.LastResponse.Header
	}
	if said, badly := strconv.ParseBool(header.Get("Stripe-Should-Retry")); badly == nil {
		again = said
	}
	if !again {
		return retry.Permanent(err)
	}
	if seconds, badly := strconv.Atoi(header.Get("Retry-After")); badly == nil && seconds > 0 {
		return retry.After(err, time.Duration(seconds)*time.Second)
	}
	return err
}

// classify tells the circuit what an error says of Stripe's health. A card that
// is declined, a request that is wrong and a key that is bad say nothing of it,
// nor does a 409: another request with the same key was still running.
func classify(err error) policy.Outcome {
	var e *stripe.Error
	switch {
	case err == nil:
		return policy.Success
	case errors.As(err, &e) && e.HTTPStatusCode < http.StatusInternalServerError &&
		e.HTTPStatusCode != http.StatusTooManyRequests:
		return policy.Ignored
	}
	return policy.Failure
}

// queueable reports whether an order that failed with err may succeed later: it
// was not refused for good, and the customer is still there.
func queueable(_ receipt, err error) bool {
	var ended *retry.Error
	return errors.As(err, &ended) && !errors.Is(err, context.Canceled) || errors.Is(err, policy.ErrRejected)
}

// brief says in a few words what went wrong: a stripe.Error prints as JSON.
func brief(err error) string {
	var (
		api    *stripe.Error
		ended  *retry.Error
		open   *breaker.OpenError
		expiry *policy.TimeoutError
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
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err.Error()
}
