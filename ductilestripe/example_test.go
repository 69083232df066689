package ductilestripe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// flaky returns a server that answers its first request with status, and a
// count of all.
func flaky(status int, kind string) (*httptest.Server, *atomic.Int64) {
	var n atomic.Int64
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"error": {"type": %q, "message": "no"}}`, kind)
			return
		}
		_, _ = fmt.Fprint(w, `{"id": "pi_1", "status": "succeeded"}`)
	})), &n
}

func ExampleNewBackends() {
	server, requests := flaky(503, "api_error")
	defer server.Close()

	client := stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(ductilestripe.Config{
		Transport: ductilehttp.Config{Retry: retry.Config{BaseDelay: time.Millisecond}},
		SDK:       stripe.BackendConfig{URL: stripe.String(server.URL)}, // nil means Stripe's own
	})))
	intent, err := client.V1PaymentIntents.Create(context.Background(), &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(450), Currency: stripe.String("usd"),
	})
	fmt.Println(intent.Status, err, requests.Load())
	// Output: succeeded <nil> 2
}

func ExampleCall() {
	server, requests := flaky(503, "api_error")
	defer server.Close()

	payments := pipeline.New(
		policy.FallbackValue(&stripe.PaymentIntent{Status: "queued"}).WithCondition(func(_ *stripe.PaymentIntent, err error) bool {
			return ductilestripe.Classify(err) == policy.Failure || errors.Is(err, policy.ErrRejected)
		}),
		retry.New[*stripe.PaymentIntent](retry.Config{BaseDelay: time.Millisecond}),
		breaker.New[*stripe.PaymentIntent](breaker.NewCircuit(breaker.Config{
			Name: "stripe", Classify: ductilestripe.Classify,
		})),
		policy.Timeout[*stripe.PaymentIntent](20*time.Second),
	)
	client := stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(ductilestripe.Config{
		Once: true, SDK: stripe.BackendConfig{URL: stripe.String(server.URL)},
	})))
	params := &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(450), Currency: stripe.String("usd")}
	params.SetIdempotencyKey("order-7") // without a key, Call makes one

	intent, err := ductilestripe.Call(context.Background(), payments, params, client.V1PaymentIntents.Create)
	fmt.Println(intent.Status, err, requests.Load())
	// Output: succeeded <nil> 2
}

func ExamplePin() {
	server, _ := flaky(503, "api_error")
	defer server.Close()
	client := stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(ductilestripe.Config{
		Once: true, SDK: stripe.BackendConfig{URL: stripe.String(server.URL)},
	})))

	refund := ductilestripe.Pin(&stripe.RefundCreateParams{PaymentIntent: stripe.String("pi_1")}, client.V1Refunds.Create)
	_, err := refund(context.Background())
	fmt.Println(ductilestripe.Retryable(err))
	_, err = refund(context.Background()) // much later: still the same refund
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

func ExampleMark() {
	// A function that does more with the result than Call would.
	pay := func(attempt context.Context) (string, error) {
		_, declined := attempt, &stripe.Error{HTTPStatusCode: 402, Type: stripe.ErrorTypeCard, Msg: "Your card was declined."}
		return "", ductilestripe.Mark(declined)
	}
	_, err := retry.Do(context.Background(), retry.Config{}, pay)
	var refused *stripe.Error
	fmt.Println(errors.As(err, &refused), refused.Msg)
	// Output: true Your card was declined.
}

func ExampleClassify() {
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 2, Classify: ductilestripe.Classify})
	for _, status := range []int{402, 402, 402, 503, 503} {
		_, _ = breaker.Do(context.Background(), circuit, func(context.Context) (string, error) {
			return "", &stripe.Error{HTTPStatusCode: status}
		})
		fmt.Println(status, circuit.State())
	}
	// Output:
	// 402 closed
	// 402 closed
	// 402 closed
	// 503 closed
	// 503 open
}
