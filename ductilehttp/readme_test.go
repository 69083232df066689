package ductilehttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Code from the README's section on HTTP.

func signUp(ctx context.Context, key string, in student) (out student, failed error) {
	client := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://api.example.com"})
	err := client.Post(ctx, "/student/signup", in, &out, ductilehttp.Header("X-API-Key", key), ductilehttp.Idempotent())

	var status *ductilehttp.StatusError
	switch {
	case errors.Is(err, breaker.ErrOpen):
		return out, fmt.Errorf("try again later: %w", err) // the circuit refused the last attempt
	case errors.As(err, &status):
		return out, fmt.Errorf("%d after %d attempts: %s", status.StatusCode, status.Attempts, status.Body)
	}
	return out, err
}

func anySDK() *http.Client {
	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{})}
	return client
}

func serves(mux *http.ServeMux, pay ductilehttp.HandlerFunc) {
	mux.Handle("/pay", ductilehttp.Handler(pay, ductilehttp.HandlerConfig{}))
}

func TestTheReadmesHTTPExampleWorks(t *testing.T) {
	_, err := signUp(cancelled(t), "k", student{})
	require.ErrorIs(t, err, context.Canceled)
	assert.NotNil(t, anySDK().Transport)
	mux := http.NewServeMux()
	serves(mux, failingWith(breaker.ErrOpen))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/pay", nil))
	assert.Equal(t, 503, w.Code)
}

// Porting, use 3: an HTTP client with base URL, circuit, timeout and retries.
func Example_portingClient() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"name": "Ada"}`))
	}))
	defer service.Close()
	ctx := context.Background()
	signup := map[string]any{"email": "ada@example.com", "age": 17}
	var student struct{ Name string }

	dataservice := breaker.NewCircuit(breaker.Config{Name: "dataservice"})
	client := ductilehttp.NewClient(ductilehttp.ClientConfig{
		BaseURL:        service.URL,
		Circuit:        dataservice,
		AttemptTimeout: 10 * time.Second,
		MaxAttempts:    3,
	})
	err := client.Post(ctx, "/student/signup", signup, &student, ductilehttp.Header("X-API-Key", "secret"), ductilehttp.Idempotent())
	fmt.Println(student.Name, err)
	// Output: Ada <nil>
}

// Code from docs/http.md: a user-defined pipeline.
func ownPolicies() *ductilehttp.Transport {
	circuit := breaker.NewCircuit(breaker.Config{Name: "search", Window: time.Minute, FailureRate: 0.5})
	transport := ductilehttp.NewTransport(ductilehttp.Config{Pipeline: pipeline.New(
		ductilehttp.Retry(retry.Config{MaxAttempts: 2}),
		ductilehttp.Breaker(circuit),
		policy.Timeout[*http.Response](5*time.Second).WithKeep(ductilehttp.HoldBody),
	)})
	return transport
}

func TestATransportUsesItsConfiguredPipeline(t *testing.T) {
	assert.Equal(t, "retry(2) > breaker(search) > timeout(5s)", ownPolicies().Config().Pipeline.String())
}

// Code from docs/porting-http.md.

func fromRetryableHTTP() *http.Client {
	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{
		Retry: retry.Config{MaxAttempts: 5, BaseDelay: time.Second, MaxDelay: 30 * time.Second, JitterFactor: retry.NoJitter},
	})}
	return client
}

func fromFailsafeHTTP(base http.RoundTripper, circuit *breaker.Circuit) http.RoundTripper {
	rt := ductilehttp.NewTransport(ductilehttp.Config{Base: base, Pipeline: pipeline.New(
		ductilehttp.Retry(retry.Config{}), ductilehttp.Breaker(circuit),
	)})
	return rt
}

func TestThePortingPagesClientsAreValid(t *testing.T) {
	assert.NotNil(t, fromRetryableHTTP().Transport)
	s := serve(t, statuses(200))
	require.NoError(t, send(t, fromFailsafeHTTP(s.base, breaker.NewCircuit(breaker.Config{})), "GET", s.URL, nil))
}
