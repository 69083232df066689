// Package shop is the checkout of a shop that takes payments through the Stripe SDK. Two
// programs use it: examples/checkout and examples/rehearsal.
package shop

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

// Order is a customer's order to pay.
type Order struct {
	ID     string
	Amount int64 // in cents
}

// Key returns the order's idempotency key. It belongs to the order, not to the attempt:
// Stripe answers a known key with the stored response, so an attempt whose response was
// lost can be repeated without a second charge.
func (o Order) Key() string { return "order-" + o.ID }

func (o Order) params() *stripe.PaymentIntentCreateParams {
	params := &stripe.PaymentIntentCreateParams{
		Amount:        stripe.Int64(o.Amount),
		Currency:      stripe.String("usd"),
		PaymentMethod: stripe.String("pm_card_visa"),
		Confirm:       stripe.Bool(true),
	}
	if o.Amount == 0 {
		params.Amount = nil // a bug in the shop
	}
	params.AddMetadata("order", o.ID)
	params.SetIdempotencyKey(o.Key())
	return params
}

// Receipt is what the customer gets.
type Receipt struct {
	Payment string // the PaymentIntent; empty while the order is queued
	Queued  bool
}

// Checkout takes payments. It is safe for concurrent use.
type Checkout struct {
	stripe  *stripe.Client
	Circuit *breaker.Circuit
	Calls   *pipeline.Pipeline[Receipt]

	careless bool

	mu    sync.Mutex
	queue []Order
}

// Pay charges for an order, or queues it while Stripe cannot be reached.
func (c *Checkout) Pay(ctx context.Context, o Order) (Receipt, error) {
	ctx = context.WithValue(ctx, orderKey{}, o)
	create := ductilestripe.Pin(o.params(), c.stripe.V1PaymentIntents.Create)
	if c.careless {
		create = c.carelessly(o)
	}
	return c.Calls.Do(ctx, func(ctx context.Context) (Receipt, error) {
		intent, err := create(ctx)
		if err != nil {
			return Receipt{}, err
		}
		return Receipt{Payment: intent.ID}, nil
	})
}

// carelessly returns a function that charges with a new key each time it is called: an
// attempt whose answer was lost is then followed by a second charge.
func (c *Checkout) carelessly(o Order) policy.Func[*stripe.PaymentIntent] {
	return func(ctx context.Context) (*stripe.PaymentIntent, error) {
		params := o.params()
		params.IdempotencyKey = nil // the SDK makes one for each call
		return c.stripe.V1PaymentIntents.Create(ctx, params)
	}
}

// orderKey is the context key for the order of a call.
type orderKey struct{}

// enqueue is the fallback: it queues the order, and the payment follows later.
func (c *Checkout) enqueue(ctx context.Context, _ error) (Receipt, error) {
	o := ctx.Value(orderKey{}).(Order)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, o)
	return Receipt{Queued: true}, nil
}

// Drain removes and returns the orders in the queue.
func (c *Checkout) Drain() []Order {
	c.mu.Lock()
	defer c.mu.Unlock()
	orders := c.queue
	c.queue = nil
	return orders
}

// queueable reports whether an order that failed with err may succeed later: it was not
// refused for good, and the customer is still waiting.
func queueable(_ Receipt, err error) bool {
	_, spent := errors.AsType[*retry.Error](err)
	return !errors.Is(err, context.Canceled) &&
		(spent || ductilestripe.Retryable(err) || errors.Is(err, policy.ErrRejected))
}
