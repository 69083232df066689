package ductilestripe

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Runner runs a function through policies: a *pipeline.Pipeline[T], or one policy
// alone, as *retry.Retry[T].
type Runner[T any] interface {
	Do(ctx context.Context, fn policy.Func[T]) (T, error)
}

// params is a pointer to one of the SDK's params structs, P.
type params[P any] interface {
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
// of its own, unless p has one.
func Call[T, P any, PP params[P]](
	ctx context.Context, r Runner[T], p PP, do func(context.Context, PP) (T, error),
) (T, error) {
	return r.Do(ctx, Pin(p, do))
}

// Pin returns do with p as a function that is one logical call, however often it runs:
// all its attempts have the same Idempotency-Key, so that Stripe does once what is asked
// of it. The SDK by itself makes a new key each time. The key is that of p, or a random
// one if p has none. Errors are marked, see [Mark].
//
// It may run again an hour later, from a queue; Stripe remembers a key for at
// least a day. What Stripe remembers may be a refusal: to charge another card is
// another call, with another key.
//
// p, which may be nil, is copied and never written to, so that it may be shared by calls;
// what it points to, the key excepted, must not change while one runs. do gets a copy for
// each attempt, so the function returned may be run concurrently, as by a hedge or a
// timeout that abandons attempts.
//
// A reader in p, such as the FileReader of a file upload, is read to its end by the first
// attempt, into memory, as the SDK does too, and every attempt sends all of it. If the
// reader fails, so does each run, for good. A reader is used up by one Pin.
func Pin[T, P any, PP params[P]](p PP, do func(context.Context, PP) (T, error)) policy.Func[T] {
	var pinned P
	if p != nil {
		pinned = *p
	}
	setKey(PP(&pinned).GetParams())
	streams := streamsOf(&pinned)
	return func(ctx context.Context) (v T, err error) {
		attempt := pinned // the SDK writes its context to what it is given
		if err := streams.refill(&attempt); err != nil {
			return v, retry.Permanent(err)
		}
		v, err = do(ctx, &attempt)
		return v, Mark(err)
	}
}

// setKey gives p a key of its own, which the caller cannot change: the one that it has,
// or a new one. A blank one is none: the SDK would send it as it is, and Stripe would
// charge for each attempt.
func setKey(p *stripe.Params) {
	key := stripe.StringValue(p.IdempotencyKey)
	if strings.TrimSpace(key) == "" {
		key = rand.Text()
	}
	p.SetIdempotencyKey(key)
}
