package ductilehttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// flaky returns a server that fails the first requests.
func flaky(down int) *httptest.Server {
	var n atomic.Int64
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) <= int64(down) {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"name":"Ada"}`)
	}))
}

// get calls url like any client, without knowing about retries.
func get(client *http.Client, url string) (string, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func ExampleNewTransport() {
	server := flaky(2)
	defer server.Close()
	clk := fake.NewClock(fake.AutoAdvance())

	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{
		Retry: retry.Config{Clock: clk, JitterFactor: retry.NoJitter},
	})}
	defer client.CloseIdleConnections()
	body, err := get(client, server.URL)
	fmt.Println(body, err, clk.Sleeps())
	// Output: {"name":"Ada"} <nil> [2s 2s]
}

func ExampleConfig_observer() {
	asked := 0
	base := tripper(func(r *http.Request) (*http.Response, error) { // instead of a network
		asked++
		return answer(r, map[bool]int{true: 503, false: 200}[asked == 1], ""), nil
	})
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))

	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{
		Base:  base,
		Retry: retry.Config{Clock: fake.NewClock(fake.AutoAdvance()), JitterFactor: retry.NoJitter},
		Observer: func(ctx context.Context, e policy.Event) {
			switch e.Kind {
			case policy.Retried:
				log.WarnContext(ctx, "again", "host", e.Pipeline, "attempt", e.Attempt, "delay", e.Delay, "err", e.Err)
			case policy.Finished:
				log.InfoContext(ctx, "done", "host", e.Pipeline, "elapsed", e.Elapsed, "err", e.Err)
			}
		},
	})}
	_, err := get(client, "https://api.example.com/students?key=secret")
	fmt.Println(err)
	// Output:
	// level=WARN msg=again host=https://api.example.com attempt=1 delay=500ms err="ductilehttp: GET https://api.example.com/students: status 503 Service Unavailable"
	// level=INFO msg=done host=https://api.example.com elapsed=500ms err=<nil>
	// <nil>
}

func ExampleTransport_Circuits() {
	server := flaky(0)
	defer server.Close()
	transport := ductilehttp.NewTransport(ductilehttp.Config{})
	client := &http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	_, err := get(client, server.URL)
	fmt.Println(err)

	for host, circuit := range transport.Circuits().All() {
		fmt.Println(host == server.URL, circuit.State())
	}
	circuit, _ := transport.Circuits().Get(server.URL)
	circuit.Isolate("test")
	_, err = get(client, server.URL)
	fmt.Println(errors.Is(err, breaker.ErrOpen))
	// Output:
	// <nil>
	// true closed
	// true
}

func ExampleNewClient() {
	server := flaky(0)
	defer server.Close()

	api := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: server.URL})
	defer api.CloseIdleConnections()
	var out struct{ Name string }
	err := api.Get(context.Background(), "/students/1", &out, ductilehttp.Header("X-API-Key", "key"))
	fmt.Println(out.Name, err)
	// Output: Ada <nil>
}

func ExampleIdempotent() {
	var keys sync.Map
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys.Store(r.Header.Get("Idempotency-Key"), true)
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer server.Close()
	clk := fake.NewClock(fake.AutoAdvance())
	transport := ductilehttp.NewTransport(ductilehttp.Config{Retry: retry.Config{Clock: clk}})
	api := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: server.URL, Base: transport})
	defer api.CloseIdleConnections()

	err := api.Post(context.Background(), "/charges", map[string]int{"amount": 100}, nil, ductilehttp.Idempotent())
	var status *ductilehttp.StatusError
	fmt.Println(errors.As(err, &status), status.StatusCode, status.Attempts)
	keys.Range(func(any, any) bool {
		fmt.Println("one key")
		return true
	})
	// Output:
	// true 502 3
	// one key
}

func ExampleHandler() {
	circuit := breaker.NewCircuit(breaker.Config{Name: "payments"})
	circuit.Trip(20*time.Second, "test")

	handler := ductilehttp.Handler(func(w http.ResponseWriter, r *http.Request) error {
		paid, err := breaker.Do(r.Context(), circuit, func(context.Context) (string, error) { return "paid", nil })
		if err != nil {
			return err
		}
		return json.NewEncoder(w).Encode(paid)
	}, ductilehttp.HandlerConfig{})

	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), "GET", "/", nil))
	fmt.Println(w.Code, w.Header().Get("Retry-After"))
	// Output: 503 20
}

func ExampleHoldBody() {
	server := flaky(1)
	defer server.Close()
	clk := fake.NewClock(fake.AutoAdvance())

	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{
		Pipeline: pipeline.New(
			retry.New[*http.Response](retry.Config{Clock: clk, JitterFactor: retry.NoJitter}),
			policy.Timeout[*http.Response](10*time.Second).WithKeep(ductilehttp.HoldBody),
		),
	})}
	defer client.CloseIdleConnections()
	body, err := get(client, server.URL)
	fmt.Println(body, err, clk.Sleeps())
	// Output: {"name":"Ada"} <nil> [2s]
}

func ExampleRetryAfter() {
	now := time.Date(1994, 11, 6, 8, 49, 0, 0, time.UTC)
	for _, v := range []string{"120", "Sun, 06 Nov 1994 08:49:37 GMT", "-1"} {
		d, ok := ductilehttp.RetryAfter(http.Header{"Retry-After": {v}}, now)
		fmt.Println(d, ok)
	}
	// Output:
	// 2m0s true
	// 37s true
	// 0s false
}

func ExampleWithOverride() {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	api := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: server.URL})
	defer api.CloseIdleConnections()

	once := ductilehttp.WithOverride(context.Background(), ductilehttp.Override{MaxAttempts: 1})
	err := api.Get(once, "/", nil)
	fmt.Println(ductilehttp.IsFinal(err), requests)
	// Output: false 1
}

func ExampleConfig_prepare() {
	server := flaky(1)
	defer server.Close()
	clk := fake.NewClock(fake.AutoAdvance())
	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{
		Clock: clk,
		Prepare: func(r *http.Request, attempt int) error {
			r.Header.Set("Authorization", fmt.Sprintf("signed for attempt %d", attempt))
			fmt.Println(r.Header.Get("Authorization"))
			return nil
		},
	})}
	defer client.CloseIdleConnections()
	body, err := get(client, server.URL)
	fmt.Println(body, err)
	// Output:
	// signed for attempt 1
	// signed for attempt 2
	// {"name":"Ada"} <nil>
}

func ExampleBreaker() {
	server := flaky(2)
	defer server.Close()
	clk := fake.NewClock(fake.AutoAdvance())
	circuit := breaker.NewCircuit(breaker.Config{Name: "api"})

	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{Pipeline: pipeline.New(
		ductilehttp.Retry(retry.Config{Clock: clk}),
		ductilehttp.Breaker(circuit),
	)})}
	defer client.CloseIdleConnections()
	body, err := get(client, server.URL)
	fmt.Println(body, err, circuit.State())
	// Output: {"name":"Ada"} <nil> closed
}

func ExampleAttempts() {
	server := flaky(100)
	defer server.Close()
	transport := ductilehttp.NewTransport(ductilehttp.Config{Clock: fake.NewClock(fake.AutoAdvance())})
	defer transport.CloseIdleConnections()

	r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL, nil)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	n, gaveUp := ductilehttp.Attempts(resp)
	fmt.Println(resp.StatusCode, n, gaveUp.Reason)
	// Output: 503 3 retry: attempts exhausted
}

func ExampleHint() {
	resp := &http.Response{Header: http.Header{"Retry-After": {"1"}, "Retry-After-Ms": {"1500"}}}
	fmt.Println(ductilehttp.Hint(resp))
	// Output: 1.5s true
}
