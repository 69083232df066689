package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

// docs/http.md, Limits and hedges.
func Example_httpLimits() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer server.Close()

	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{
		Gates:    bulkhead.Config{Limit: 20, MaxQueue: 100}, // for each host: 20 requests at a time
		Limiters: ratelimit.Config{Limit: 50, Burst: 10, MaxWait: time.Second},
		Hedge:    &hedge.Config{},
	})}
	defer client.CloseIdleConnections()

	fmt.Println(fetch(client, server.URL))

	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	place, _ := gate.TryAcquire()
	defer place.Release()
	busy := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{Gate: gate})}
	_, err := fetch(busy, server.URL)
	fmt.Println(errors.Is(err, bulkhead.ErrFull), gate.Snapshot().Rejected)
	// Output:
	// hello <nil>
	// true 1
}

func fetch(client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	switch {
	case errors.Is(err, bulkhead.ErrFull), errors.Is(err, ratelimit.ErrExceeded):
		return "", fmt.Errorf("too many requests at the moment: %w", err)
	case errors.Is(err, breaker.ErrOpen):
		return "", fmt.Errorf("the host is down: %w", err)
	case err != nil:
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// docs/http.md, Client.
func Example_httpClientWithATransport() {
	patient := ductilehttp.NewClient(ductilehttp.ClientConfig{
		BaseURL: "https://api.example.com",
		Base: ductilehttp.NewTransport(ductilehttp.Config{
			Retry: retry.Config{MaxAttempts: 5, BaseDelay: time.Second},
			Gates: bulkhead.Config{Limit: 20, MaxQueue: 100},
		}),
	})
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	fmt.Println(errors.Is(patient.Get(gone, "/quote", nil), context.Canceled))
	// Output: true
}

// docs/policies/pipeline.md, Config.
func Example_pipelineWhole() {
	search := pipeline.Standard[[]string](pipeline.StandardConfig{
		Name:    "search",
		Hedge:   &hedge.Config{},
		Circuit: breaker.NewCircuit(breaker.Config{Name: "search"}),
		Limiter: ratelimit.NewLimiter(ratelimit.Config{Limit: 100}),
		Gate:    bulkhead.NewGate(bulkhead.Config{Limit: 10, MaxQueue: 50}),
	})
	fmt.Println(search)
	// Output: timeout(total, 30s) > retry(3) > hedge(p95) > breaker(search) > ratelimit(100/1s) > timeout(attempt, 10s) > bulkhead(10)
}

// docs/policies/keyed.md, Config.
func Example_keyedPin() {
	gates := keyed.New(keyed.Config[string, *bulkhead.Gate]{
		Make: func(tenant string) *bulkhead.Gate { return bulkhead.NewGate(bulkhead.Config{Name: tenant, Limit: 5}) },
	})
	fmt.Println(export(context.Background(), gates, "acme"))
	// Output: <nil>
}

func export(ctx context.Context, gates *keyed.Map[string, *bulkhead.Gate], tenant string) error {
	gate := gates.Pin(tenant)
	defer gate.Release()
	place, err := gate.Value().Acquire(ctx)
	if err != nil {
		return err
	}
	defer place.Release()
	return nil
}

// docs/policies.md, Priorities.
func Example_priorities() {
	ctx := policy.WithPriority(context.Background(), policy.Low)
	fmt.Println(policy.PriorityOf(ctx))
	// Output: low
}

func reverse(target *url.URL, cfg ductilehttp.Config) *httputil.ReverseProxy {
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: ductilehttp.NewTransport(cfg),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			code, wait := ductilehttp.Status(err)
			if wait > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			}
			w.WriteHeader(code)
		},
	}
	return proxy
}

// docs/http.md, A reverse proxy.
func Example_httpReverseProxy() {
	circuit := breaker.NewCircuit(breaker.Config{Name: "orders"})
	circuit.Trip(time.Minute, "drill")
	proxy := reverse(&url.URL{Scheme: "http", Host: "orders"}, ductilehttp.Config{Circuit: circuit})

	answer := httptest.NewRecorder()
	proxy.ServeHTTP(answer, httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader("order 7")))
	fmt.Println(answer.Code, answer.Header().Get("Retry-After") != "")
	// Output: 503 true
}
