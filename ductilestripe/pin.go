package ductilestripe

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Runner runs a function through policies: a *pipeline.Pipeline[T], or a single policy such
// as *retry.Retry[T].
type Runner[T any] interface {
	Do(ctx context.Context, fn policy.Func[T]) (T, error)
}

// params is a pointer to one of the SDK's params structs, P.
type params[P any] interface {
	*P
	stripe.ParamsContainer
}

// Call makes one logical SDK call through policies: it is r.Do of the function that [Pin]
// returns. do is a method of a stripe.Client, or a function around a method that takes more
// than params:
//
//	intent, err := ductilestripe.Call(ctx, payments, params, client.V1PaymentIntents.Create)
//
// Nothing below Call may retry; see Once of [Config]. Each Call has its own key, unless p
// has one.
func Call[T, P any, PP params[P]](
	ctx context.Context, r Runner[T], p PP, do func(context.Context, PP) (T, error),
) (T, error) {
	return r.Do(ctx, Pin(p, do))
}

// Pin returns do with p as a function that is one logical call, however often it runs: all
// its attempts have the same Idempotency-Key, so that Stripe executes the request once. The
// SDK by itself makes a new key for each attempt. The key is the key of p, or a random one
// if p has none. Errors are marked by [Mark].
//
// The function may run again an hour later, for example from a queue: Stripe remembers a
// key for at least a day. Stripe may also have stored a refusal for the key: charging
// another card is another call, with another key.
//
// p may be nil. It is copied and never written to, so calls may share it. What it points
// to, except the key, must not change while a call runs. do gets a new copy for each
// attempt, so the returned function may run concurrently, as it does with a hedge or with a
// timeout that abandons attempts.
//
// The first attempt reads a reader in p, such as the FileReader of a file upload, to its
// end into memory, as the SDK also does, and every attempt sends all of the data. If the
// reader fails, every run fails. A reader is used up by one Pin.
func Pin[T, P any, PP params[P]](p PP, do func(context.Context, PP) (T, error)) policy.Func[T] {
	var pinned P
	if p != nil {
		pinned = *p
	}
	setKey(PP(&pinned).GetParams())
	streams := streamsOf(&pinned)
	return func(ctx context.Context) (v T, err error) {
		attempt := pinned // the SDK writes its context into the params
		if err := streams.refill(&attempt); err != nil {
			return v, retry.Permanent(err)
		}
		ctx, last := listen(ctx)
		v, err = do(ctx, &attempt)
		return v, Mark(last.complete(err))
	}
}

// setKey gives p its own copy of its key, which the caller cannot change, or a new key. A
// blank key counts as none: the SDK would send it unchanged, and Stripe would charge for
// each attempt.
func setKey(p *stripe.Params) {
	key := stripe.StringValue(p.IdempotencyKey)
	if strings.TrimSpace(key) == "" {
		key = rand.Text()
	}
	p.SetIdempotencyKey(key)
}
