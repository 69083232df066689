// Package ductilestripe makes the Stripe SDK resilient on ductile's policies,
// and charges nobody twice for it.
//
// A client needs one line, below the SDK. Every call then goes through total
// timeout > retry > breaker > attempt timeout:
//
//	client := stripe.NewClient(key, stripe.WithBackends(ductilestripe.NewBackends(ductilestripe.Config{})))
//	intent, err := client.V1PaymentIntents.Create(ctx, params)
//
// Or a pipeline above the SDK decides, with a fallback that knows what was
// bought. [Call] pins the idempotency key, so that all attempts are one charge:
//
//	stripeCircuit := breaker.NewCircuit(breaker.Config{Name: "stripe", Classify: ductilestripe.Classify})
//	payments := pipeline.New(
//		policy.Fallback(enqueue),
//		retry.New[*stripe.PaymentIntent](retry.Config{}),
//		breaker.New[*stripe.PaymentIntent](stripeCircuit),
//		policy.Timeout[*stripe.PaymentIntent](20*time.Second),
//	)
//	once := stripe.WithBackends(ductilestripe.NewBackends(ductilestripe.Config{Once: true}))
//	client := stripe.NewClient(key, once)
//	intent, err := ductilestripe.Call(ctx, payments, params, client.V1PaymentIntents.Create)
//
// Retry in one of the two places. In both, attempts would multiply.
//
// # The rules
//
// Stripe-Should-Retry decides where it is present. Else 409, 429, 5xx and broken
// connections are worth another attempt ([Retryable], [RetryResponse]), and a
// Retry-After is waited for. A declined card (402), a wrong request (400), a bad
// key (401) and every other status are the caller's: they are not repeated, and
// a circuit does not hold them against Stripe ([Classify]).
//
// # A limit that passes is not an answer
//
// Stripe may have charged when a timeout ends an attempt, and may still be at it.
// The next attempt, having the same key, gets the stored answer, or a 409 as long
// as there is none. When attempts end on that, the charge may yet succeed: repeat
// the call later with the same key, or listen for the webhook.
package ductilestripe
