// Package ductilestripe makes the Stripe SDK resilient with ductile's policies, without
// double charges.
//
// A client needs one line, below the SDK. Every call then runs through total timeout >
// retry > breaker > attempt timeout:
//
//	client := stripe.NewClient(key, stripe.WithBackends(ductilestripe.NewBackends(ductilestripe.Config{})))
//	intent, err := client.V1PaymentIntents.Create(ctx, params)
//
// Alternatively, run a pipeline above the SDK, with a fallback that knows what was bought.
// [Call] pins the idempotency key, so that all attempts are one charge:
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
// Retry in only one of the two places. If both retry, attempts multiply.
//
// # The rules
//
// Stripe-Should-Retry decides if it is present. Otherwise 409, 429, 5xx and broken
// connections are retried ([Retryable], [RetryResponse]), after the delay of a Retry-After.
// A declined card (402), an invalid request (400), an invalid key (401) and every other
// status are the caller's faults: they are not retried, and a circuit does not count them
// against Stripe ([Classify]).
//
// # A timeout is not a response
//
// Stripe may have charged when a timeout ends an attempt, or may still be processing the
// request. The next attempt has the same key, so it gets the stored response, or a 409
// while there is none yet. If the attempts end with that, the charge may still succeed:
// repeat the call later with the same key, or listen for the webhook.
package ductilestripe
