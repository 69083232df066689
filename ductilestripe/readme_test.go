package ductilestripe_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Code from the README's section on Stripe.
func pay(ctx context.Context, key string, params *stripe.PaymentIntentCreateParams) (*stripe.PaymentIntent, error) {
	client := stripe.NewClient(key, stripe.WithBackends(ductilestripe.NewBackends(ductilestripe.Config{})))
	intent, err := client.V1PaymentIntents.Create(ctx, params)
	return intent, err
}

// Code from docs/stripe.md.
func payAbove(
	ctx context.Context, key string, params *stripe.PaymentIntentCreateParams, circuit *breaker.Circuit,
	enqueue func(context.Context, error) (*stripe.PaymentIntent, error),
) (*stripe.PaymentIntent, error) {
	payments := pipeline.New(
		policy.Fallback(enqueue),
		retry.New[*stripe.PaymentIntent](retry.Config{}),
		breaker.New[*stripe.PaymentIntent](circuit),
		policy.Timeout[*stripe.PaymentIntent](20*time.Second),
	)
	once := stripe.WithBackends(ductilestripe.NewBackends(ductilestripe.Config{Once: true}))
	client := stripe.NewClient(key, once)
	return ductilestripe.Call(ctx, payments, params, client.V1PaymentIntents.Create)
}

func TestAPipelineAboveTheSDKQueuesWhatAnOpenCircuitRefuses(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{Classify: ductilestripe.Classify})
	circuit.Isolate("for the test")
	queued := &stripe.PaymentIntent{Status: "queued"}
	intent, err := payAbove(t.Context(), "sk_test_123", &stripe.PaymentIntentCreateParams{}, circuit,
		func(_ context.Context, err error) (*stripe.PaymentIntent, error) {
			require.ErrorIs(t, err, breaker.ErrOpen)
			return queued, nil
		})
	require.NoError(t, err)
	require.Same(t, queued, intent)
}

func TestTheReadmesStripeExampleWorks(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := pay(ctx, "sk_test_123", &stripe.PaymentIntentCreateParams{})
	require.ErrorIs(t, err, context.Canceled)
}
