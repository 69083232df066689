package ductilestripe_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/ductilestripe"
)

// What the README shows of Stripe.
func pay(ctx context.Context, key string, params *stripe.PaymentIntentCreateParams) (*stripe.PaymentIntent, error) {
	client := stripe.NewClient(key, stripe.WithBackends(ductilestripe.NewBackends(ductilestripe.Config{})))
	intent, err := client.V1PaymentIntents.Create(ctx, params)
	return intent, err
}

func TestTheReadmesStripe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := pay(ctx, "sk_test_123", &stripe.PaymentIntentCreateParams{})
	require.ErrorIs(t, err, context.Canceled)
}
