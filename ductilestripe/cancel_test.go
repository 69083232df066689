package ductilestripe_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/fake"
)

// hang answers only after the caller has gone.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
}

func breakOff(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func unavailable(r *http.Request) (*http.Response, error) {
	const body = `{"error": {"type": "api_error"}}`
	return &http.Response{
		StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"20"}}, Request: r,
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// cancelled calls pay, cancels it while it waits, and reports whether it has returned once
// every goroutine has run and no time has passed.
func cancelled(t *testing.T, pay func(context.Context, *stripe.PaymentIntentCreateParams) (*stripe.PaymentIntent, error)) (bool, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	start := time.Now()
	returned := make(chan error, 1)
	go func() {
		_, err := pay(ctx, price(100))
		returned <- err
	}()
	synctest.Wait()
	require.Empty(t, returned, "pay waits")
	cancel()
	synctest.Wait()
	at := len(returned) == 1
	require.Zero(t, time.Since(start))
	return at, <-returned
}

func TestACancelledCallReturnsImmediately(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		for name, base := range map[string]tripper{
			"in an attempt": hang, "in a delay": breakOff, "in a delay that Stripe asked for": unavailable,
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					atOnce, err := cancelled(t, open("http://stripe.test", base, nil).pay)
					assert.True(t, atOnce)
					require.ErrorIs(t, err, context.Canceled)
				})
			})
		}
	})
}

func TestACancelledContextSendsNothing(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		a := serve(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
		_, err := s.pay(ctx, price(100))
		require.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, a.seen())
		assert.Zero(t, s.circuit.Snapshot().Counts.Failures)
	})
}

// TestTheSDKIgnoresACancelWhileItSleeps shows why the SDK's own retries are off.
func TestTheSDKIgnoresACancelWhileItSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := stripe.NewClient("sk_test_123", stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
			MaxNetworkRetries: stripe.Int64(2), LeveledLogger: &stripe.LeveledLogger{},
			HTTPClient: &http.Client{Transport: tripper(breakOff)},
		})))
		start := time.Now()
		atOnce, err := cancelled(t, client.V1PaymentIntents.Create)
		assert.False(t, atOnce)
		assert.GreaterOrEqual(t, time.Since(start), 500*time.Millisecond, "in the bubble's time")
		require.Error(t, err)
	})
}
