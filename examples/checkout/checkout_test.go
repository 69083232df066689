package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/examples/internal/shop"
	"github.com/ductile-go/ductile/fake"
)

// api is a test server that records the idempotency keys of its requests.
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

// sdk returns a client with two retries of its own that do not sleep.
func sdk(url string) *stripe.Client {
	backends := stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(url), MaxNetworkRetries: stripe.Int64(2), LeveledLogger: &stripe.LeveledLogger{},
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	})
	backends.API.(*stripe.BackendImplementation).SetNetworkRetriesSleep(false)
	return stripe.NewClient("sk_test_123", stripe.WithBackends(backends))
}

// requests counts the requests that one SDK call sends.
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
			write(w, refusal(fault{status: status, kind: "api_error"}))
		})
		assert.Equal(t, 1, got, "status %d", status)
	}
}

func TestSDKDoesNotRetryAnErrorInJSONEvenIfStripeShouldRetryIsTrue(t *testing.T) {
	assert.Equal(t, 1, requests(t, func(w http.ResponseWriter, _ *http.Request) {
		write(w, refusal(fault{status: 503, kind: "api_error", header: [2]string{"Stripe-Should-Retry", "true"}}))
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

// brokenSecond answers one request, so that the connection is kept alive, and breaks the
// connection at the next one.
func brokenSecond() http.HandlerFunc {
	n := 0
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // net/http does not repeat what it could not write
		mu.Lock()
		n++
		second := n == 2
		mu.Unlock()
		if second {
			reset(w)
			return
		}
		succeed(w, r)
	}
}

func TestNetHTTPRepeatsRequestsUnlessPrevented(t *testing.T) {
	for name, test := range map[string]struct {
		backends func(url string, base *http.Transport) *stripe.Backends
		want     int
	}{
		"the SDK's own": {func(url string, base *http.Transport) *stripe.Backends {
			return stripe.NewBackendsWithConfig(&stripe.BackendConfig{
				URL: stripe.String(url), MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{},
				HTTPClient: &http.Client{Transport: base},
			})
		}, 3},
		"ductilestripe's": {func(url string, base *http.Transport) *stripe.Backends {
			return ductilestripe.NewBackends(ductilestripe.Config{
				Once: true, Transport: ductilehttp.Config{Base: base}, SDK: stripe.BackendConfig{URL: stripe.String(url)},
			})
		}, 2},
	} {
		a := serve(t, brokenSecond())
		// The second request waits for the connection of the first, which the pool gets back on another goroutine.
		client := stripe.NewClient("sk_test_123", stripe.WithBackends(test.backends(a.URL, &http.Transport{MaxConnsPerHost: 1})))
		_, err := client.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{})
		require.NoError(t, err, name)
		_, _ = client.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{})
		assert.Len(t, a.seen(), test.want, name)
	}
}

// shops runs test with each kind of checkout, in front of a proxy in front of a server that
// always succeeds.
func shops(t *testing.T, test func(t *testing.T, w way, store *shop.Checkout, p *proxy)) {
	t.Helper()
	for name, w := range map[string]way{"above": ways[0], "below": ways[1]} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(serve(t, succeed).URL)
			t.Cleanup(p.Close)
			test(t, w, w.open(p.URL, "sk_test_123", fake.NewRecorder().Observe, fake.NewClock(fake.AutoAdvance())), p)
		})
	}
}

func TestEveryAttemptOfAnOrderHasTheOrdersKey(t *testing.T) {
	shops(t, func(t *testing.T, _ way, store *shop.Checkout, p *proxy) {
		p.inject(unavailable, fault{reset: true})
		r, err := store.Pay(t.Context(), shop.Order{ID: "a", Amount: 100})
		require.NoError(t, err)
		assert.Equal(t, shop.Receipt{Payment: "pi_1"}, r)
		got := p.seen("order-a")
		assert.Equal(t, 3, got.Requests)
		assert.Equal(t, 1, got.Charges)
	})
}

func TestAnAttemptWhoseResponseIsLostIsRepeated(t *testing.T) {
	for name, f := range map[string]fault{"lost": {lost: true}, "cut": {cut: true}} {
		shops(t, func(t *testing.T, _ way, store *shop.Checkout, p *proxy) {
			p.inject(f)
			r, err := store.Pay(t.Context(), shop.Order{ID: "a", Amount: 100})
			require.NoError(t, err, name)
			assert.Equal(t, shop.Receipt{Payment: "pi_1"}, r, name)
			got := p.seen("order-a")
			assert.Equal(t, []int{2, 1, 1}, []int{got.Requests, got.Charges, got.Replays}, name)
		})
	}
}

func TestARepeatedOrderIsChargedOnce(t *testing.T) {
	shops(t, func(t *testing.T, _ way, store *shop.Checkout, p *proxy) {
		for range 3 {
			_, err := store.Pay(t.Context(), shop.Order{ID: "a", Amount: 100})
			require.NoError(t, err)
		}
		got := p.seen("order-a")
		assert.Equal(t, 1, got.Charges)
		assert.Equal(t, 2, got.Replays)
	})
}

func TestAnOrderPaidConcurrentlyIsChargedOnce(t *testing.T) {
	shops(t, func(t *testing.T, _ way, store *shop.Checkout, p *proxy) {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { _, _ = store.Pay(t.Context(), shop.Order{ID: "a", Amount: 100}) })
		}
		wg.Wait()
		assert.LessOrEqual(t, p.seen("order-a").Charges, 1) // their delays may use up each other's time
		// A request that its caller has given up may still be charging. Until it has, the server
		// refuses others with its key, and the order is queued again.
		for queued := true; queued; {
			store.Circuit.Reset()
			r, err := store.Pay(t.Context(), shop.Order{ID: "a", Amount: 100})
			require.NoError(t, err)
			queued = r.Queued
		}
		assert.Equal(t, 1, p.seen("order-a").Charges)
	})
}

func TestCallerFaultsAreNeitherRetriedNorCounted(t *testing.T) {
	for _, status := range []int{400, 401, 402, 404} {
		shops(t, func(t *testing.T, w way, store *shop.Checkout, p *proxy) {
			p.inject(fault{status: status, kind: "invalid_request_error"})
			_, err := store.Pay(t.Context(), shop.Order{ID: "a", Amount: 100})
			var e *stripe.Error
			require.ErrorAs(t, err, &e, "status %d", status)
			assert.Equal(t, status, e.HTTPStatusCode)
			assert.Equal(t, 1, p.seen("order-a").Requests, "status %d", status)
			counts := store.Circuit.Snapshot().Counts
			assert.Zero(t, counts.Failures, "status %d", status)
			assert.EqualValues(t, w.ignored, counts.Ignored, "status %d", status)
			assert.Empty(t, store.Drain(), "status %d", status)
		})
	}
}

func TestAnOrderIsQueuedWhenItMaySucceedLater(t *testing.T) {
	shops(t, func(t *testing.T, _ way, store *shop.Checkout, p *proxy) {
		for name, f := range map[string]fault{"503": unavailable, "reset": {reset: true}} {
			p.inject(f, f, f)
			r, err := store.Pay(t.Context(), shop.Order{ID: name, Amount: 100})
			require.NoError(t, err)
			assert.True(t, r.Queued)
			assert.Equal(t, []shop.Order{{ID: name, Amount: 100}}, store.Drain())
			store.Circuit.Reset()
		}
	})
}

func TestAnOrderIsNotQueuedAfterTheCustomerCancels(t *testing.T) {
	shops(t, func(t *testing.T, _ way, store *shop.Checkout, _ *proxy) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := store.Pay(ctx, shop.Order{ID: "a", Amount: 100})
		require.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, store.Drain())
	})
}
