package ductilestripe_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

// A response that chaos cuts or loses is one that broke off on the way: the next attempt has
// the same key, and the card is charged once.
func TestAnOrderIsChargedOnceThoughChaosCutsOrLosesTheAnswer(t *testing.T) {
	twice := func() chaos.Config {
		return chaos.Config{Rate: 0.5, Enabled: true, Rand: fake.Rand(0, 0, 0.9)}
	}
	for name, p := range map[string]*chaos.Injector[*http.Response]{
		"cut": ductilehttp.ChaosCutBody(twice(), 5), "lost": ductilehttp.ChaosLostAnswer(twice()), //nolint:bodyclose // policies, not responses
	} {
		a := serve(t)
		client := stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(ductilestripe.Config{
			Transport: ductilehttp.Config{
				Base: a.base, Chaos: p, Retry: retry.Config{Clock: fake.NewClock(fake.AutoAdvance())},
			},
			SDK: stripe.BackendConfig{URL: stripe.String(a.URL)},
		})))
		intent, err := client.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{})
		require.NoError(t, err, name)
		assert.NotEmpty(t, intent.ID, name)
		assert.Len(t, a.seen(), 3, name)
		for _, n := range a.charged() {
			assert.Equal(t, 1, n, name)
		}
		assert.Len(t, a.charged(), 1, name)
	}
}
