package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// api is a server of the test's that notes the idempotency keys it sees.
type api struct {
	*httptest.Server
	mu   sync.Mutex
	keys []string
}

func serve(t *testing.T, handle http.HandlerFunc) *api {
	t.Helper()
	a := &api{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.keys = append(a.keys, r.Header.Get("Idempotency-Key"))
		a.mu.Unlock()
		handle(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *api) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.keys...)
}

func succeed(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"id": "pi_1", "object": "payment_intent"}`)
}

// sdk returns a client with two retries of its own, which does not sleep.
func sdk(url string) *stripe.Client {
	backends := stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(url), MaxNetworkRetries: stripe.Int64(2), LeveledLogger: &stripe.LeveledLogger{},
		HTTPClient: &http.Client{Transport: oneRequest{&http.Transport{DisableKeepAlives: true}}},
	})
	backends.API.(*stripe.BackendImplementation).SetNetworkRetriesSleep(false)
	return stripe.NewClient("sk_test_123", stripe.WithBackends(backends))
}

// requests counts what one call of the SDK sends.
func requests(t *testing.T, handle http.HandlerFunc) int {
	t.Helper()
	a := serve(t, handle)
	_, err := sdk(a.URL).V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{})
	require.Error(t, err)
	return len(a.seen())
}

func TestSDKDoesNotRetryAnErrorInJSON(t *testing.T) {
	for _, status := range []int{409, 500, 502, 503} {
		got := requests(t, func(w http.ResponseWriter, _ *http.Request) {
			refusal(fault{status: status, kind: "api_error"}).write(w)
		})
		assert.Equal(t, 1, got, "status %d", status)
	}
}

func TestSDKDoesNotRetryAnErrorInJSONThatStripeSaysToRetry(t *testing.T) {
	assert.Equal(t, 1, requests(t, func(w http.ResponseWriter, _ *http.Request) {
		refusal(fault{status: 503, kind: "api_error", header: [2]string{"Stripe-Should-Retry", "true"}}).write(w)
	}))
}

func TestSDKRetriesABrokenConnection(t *testing.T) {
	assert.Equal(t, 3, requests(t, func(w http.ResponseWriter, _ *http.Request) { reset(w) }))
}

func TestSDKMakesANewKeyForEachCall(t *testing.T) {
	a := serve(t, succeed)
	client := sdk(a.URL)
	for range 2 {
		_, err := client.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{})
		require.NoError(t, err)
	}
	keys := a.seen()
	require.Len(t, keys, 2)
	assert.NotEmpty(t, keys[0])
	assert.NotEqual(t, keys[0], keys[1])
}

// brokenSecond answers one request, so that the connection is kept alive, and
// breaks the next.
func brokenSecond() http.HandlerFunc {
	n := 0
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		second := n == 2
		mu.Unlock()
		if second {
			reset(w)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		succeed(w, r)
	}
}

func TestNetHTTPRepeatsByItselfUnlessItIsKeptFromIt(t *testing.T) {
	for name, test := range map[string]struct {
		wrap func(*http.Transport) http.RoundTripper
		want int
	}{
		"bare":       {func(t *http.Transport) http.RoundTripper { return t }, 3},
		"oneRequest": {func(t *http.Transport) http.RoundTripper { return oneRequest{t} }, 2},
	} {
		a := serve(t, brokenSecond())
		client := stripe.NewClient("sk_test_123", stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
			URL: stripe.String(a.URL), MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{},
			HTTPClient: &http.Client{Transport: test.wrap(&http.Transport{})},
		})))
		_, err := client.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{})
		require.NoError(t, err, name)
		_, _ = client.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{})
		assert.Len(t, a.seen(), test.want, name)
	}
}

// newShop returns a checkout in front of a proxy in front of a server that
// always succeeds.
func newShop(t *testing.T) (*checkout, *proxy) {
	t.Helper()
	p := newProxy(serve(t, succeed).URL)
	t.Cleanup(p.Close)
	return newCheckout(p.URL, "sk_test_123", fake.NewRecorder().Observe, fake.NewClock(fake.AutoAdvance())), p
}

func TestEveryAttemptOfAnOrderHasItsKey(t *testing.T) {
	shop, p := newShop(t)
	p.inject(unavailable, fault{reset: true})
	r, err := shop.pay(t.Context(), order{"a", 100})
	require.NoError(t, err)
	assert.Equal(t, receipt{payment: "pi_1"}, r)
	got := p.seen("order-a")
	assert.Equal(t, 3, got.requests)
	assert.Equal(t, 1, got.charges)
}

func TestARepeatedOrderIsChargedOnce(t *testing.T) {
	shop, p := newShop(t)
	for range 3 {
		_, err := shop.pay(t.Context(), order{"a", 100})
		require.NoError(t, err)
	}
	got := p.seen("order-a")
	assert.Equal(t, 1, got.charges)
	assert.Equal(t, 2, got.replays)
}

func TestOneOrderPaidByManyAtOnceIsChargedOnce(t *testing.T) {
	shop, p := newShop(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { _, _ = shop.pay(t.Context(), order{"a", 100}) })
	}
	wg.Wait()
	assert.Equal(t, 1, p.seen("order-a").charges)
}

func TestTheCallersFaultsAreNeitherRetriedNorCounted(t *testing.T) {
	for _, status := range []int{400, 401, 402, 404} {
		shop, p := newShop(t)
		p.inject(fault{status: status, kind: "invalid_request_error"})
		_, err := shop.pay(t.Context(), order{"a", 100})
		var e *stripe.Error
		require.ErrorAs(t, err, &e, "status %d", status)
		assert.Equal(t, status, e.HTTPStatusCode)
		assert.Equal(t, 1, p.seen("order-a").requests, "status %d", status)
		counts := shop.circuit.Snapshot().Counts
		assert.Zero(t, counts.Failures, "status %d", status)
		assert.EqualValues(t, 1, counts.Ignored, "status %d", status)
		assert.Empty(t, shop.drain(), "status %d", status)
	}
}

func stripeError(status int, header ...string) error {
	e := &stripe.Error{HTTPStatusCode: status}
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	e.SetLastResponse(&stripe.APIResponse{Header: h})
	return fmt.Errorf("paying: %w", e)
}

func TestMarkAsksStripeFirst(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"402":                        {stripeError(402), false},
		"409":                        {stripeError(409), true},
		"429":                        {stripeError(429), true},
		"500":                        {stripeError(500), true},
		"500, but do not":            {stripeError(500, "Stripe-Should-Retry", "false"), false},
		"400, but do":                {stripeError(400, "Stripe-Should-Retry", "true"), true},
		"no response kept":           {&stripe.Error{HTTPStatusCode: 503}, true},
		"not an answer":              {io.ErrUnexpectedEOF, true},
		"the caller's own cancel":    {context.Canceled, false},
		"a header that says nothing": {stripeError(503, "Stripe-Should-Retry", "perhaps"), true},
	} {
		assert.Equal(t, test.want, retry.Retryable(mark(test.err)), name)
	}
}

func TestMarkKeepsRetryAfter(t *testing.T) {
	var hint interface{ RetryAfter() time.Duration }
	require.True(t, errors.As(mark(stripeError(429, "Retry-After", "7")), &hint))
	assert.Equal(t, 7*time.Second, hint.RetryAfter())
	assert.False(t, errors.As(mark(stripeError(429, "Retry-After", "-7")), &hint))
	assert.False(t, errors.As(mark(stripeError(429, "Retry-After", "soon")), &hint))
}

func TestClassify(t *testing.T) {
	for want, errs := range map[policy.Outcome][]error{
		policy.Success: {nil},
		policy.Ignored: {stripeError(400), stripeError(401), stripeError(402), stripeError(409)},
		policy.Failure: {stripeError(429), stripeError(500), stripeError(503), io.ErrUnexpectedEOF},
	} {
		for _, err := range errs {
			assert.Equal(t, want, classify(err), "%v", err)
		}
	}
}
