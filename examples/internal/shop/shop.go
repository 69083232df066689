package main

import (
	"context"
	"errors"
	"sync"

	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// order is a customer's order to pay.
type order struct {
	id     string
	amount int64 // in cents
}

// key returns the order's idempotency key. It belongs to the order, not to the attempt:
// Stripe answers a known key with the stored response, so an attempt whose response was
// lost can be repeated without a second charge.
func (o order) key() string { return "order-" + o.id }

func (o order) params() *stripe.PaymentIntentCreateParams {
	params := &stripe.PaymentIntentCreateParams{
		Amount:        stripe.Int64(o.amount),
		Currency:      stripe.String("usd"),
		PaymentMethod: stripe.String("pm_card_visa"),
		Confirm:       stripe.Bool(true),
	}
	if o.amount == 0 {
		params.Amount = nil // a bug in the shop
	}
	params.SetIdempotencyKey(o.key())
	return params
}

// receipt is what the customer gets.
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

// pay charges for an order, or queues it while Stripe cannot be reached.
func (c *checkout) pay(ctx context.Context, o order) (receipt, error) {
	ctx = context.WithValue(ctx, orderKey{}, o)
	create := ductilestripe.Pin(o.params(), c.stripe.V1PaymentIntents.Create)
	return c.calls.Do(ctx, func(ctx context.Context) (receipt, error) {
		intent, err := create(ctx)
		if err != nil {
			return receipt{}, err
		}
		return receipt{payment: intent.ID}, nil
	})
}

// orderKey is the context key for the order of a call.
type orderKey struct{}

// enqueue is the fallback: it queues the order, and the payment follows later.
func (c *checkout) enqueue(ctx context.Context, _ error) (receipt, error) {
	o := ctx.Value(orderKey{}).(order)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, o)
	return receipt{queued: true}, nil
}

// drain removes and returns the orders in the queue.
func (c *checkout) drain() []order {
	c.mu.Lock()
	defer c.mu.Unlock()
	orders := c.queue
	c.queue = nil
	return orders
}

// queueable reports whether an order that failed with err may succeed later: it was not
// refused for good, and the customer is still waiting.
func queueable(_ receipt, err error) bool {
	_, spent := errors.AsType[*retry.Error](err)
	return !errors.Is(err, context.Canceled) &&
		(spent || ductilestripe.Retryable(err) || errors.Is(err, policy.ErrRejected))
}
