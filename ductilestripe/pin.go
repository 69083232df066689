package ductilestripe

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/policy"
)

// Runner runs a function through policies: a *pipeline.Pipeline[T], or one policy
// alone, as *retry.Retry[T].
type Runner[T any] interface {
	Do(ctx context.Context, fn policy.Func[T]) (T, error)
}

// Params is a pointer to one of the SDK's params structs, P.
type Params[P any] interface {
	*P
	stripe.ParamsContainer
}

// Call makes one logical call of the SDK through policies: r.Do of what [Pin]
// returns. do is a method of a stripe.Client, or a function around one that takes
// more than params:
//
//	intent, err := ductilestripe.Call(ctx, payments, params, client.V1PaymentIntents.Create)
//
// Below it, nothing else is to retry; see Once of [Config]. Each Call has a key
// of its own, unless params has one.
func Call[T, P any, PP Params[P]](
	ctx context.Context, r Runner[T], params PP, do func(context.Context, PP) (T, error),
) (T, error) {
	return r.Do(ctx, Pin(params, do))
}

// Pin returns do with params as a function that is one logical call, however
// often it runs: all its attempts have the same Idempotency-Key, so that Stripe
// does once what is asked of it. The SDK by itself makes a new key each time. The
// key is that of params, or a random one if params has none. Errors are marked,
// see [Mark].
//
// It may run again an hour later, from a queue; Stripe remembers a key for at
// least a day. What Stripe remembers may be a refusal: to charge another card is
// another call, with another key.
//
// params, which may be nil, is copied and never written to, so that it may be
// shared by calls; what it points to must not change while one runs. do gets a
// copy for each attempt, and so may the function returned be run concurrently,
// as by a hedge or a timeout that abandons attempts.
func Pin[T, P any, PP Params[P]](params PP, do func(context.Context, PP) (T, error)) policy.Func[T] {
	var pinned P
	if params != nil {
		pinned = *params
	}
	setKey(PP(&pinned).GetParams())
	return func(ctx context.Context) (T, error) {
		attempt := pinned // the SDK writes its context to what it is given
		v, err := do(ctx, &attempt)
		return v, Mark(err)
	}
}

// setKey gives p a key unless it has one. A blank one is none: the SDK would
// send it so, and Stripe would charge for each attempt.
func setKey(p *stripe.Params) {
	if strings.TrimSpace(stripe.StringValue(p.IdempotencyKey)) == "" {
		p.SetIdempotencyKey(rand.Text())
	}
}
