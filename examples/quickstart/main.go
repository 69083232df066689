// Quickstart calls a server that fails twice before it answers, through retry,
// breaker and timeout, and prints what happens.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) <= 2 {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "hello")
	}))
	defer server.Close()

	greetings := breaker.NewCircuit(breaker.Config{Name: "greetings"})
	p := pipeline.New(
		retry.New[string](retry.Config{BaseDelay: 100 * time.Millisecond}),
		breaker.New[string](greetings),
		policy.Timeout[string](time.Second),
	).WithObserver(func(_ context.Context, e policy.Event) {
		fmt.Printf("%-10s attempt %d  delay %-14v %v\n", e.Kind, e.Attempt, e.Delay, e.Err)
	})

	answer, err := p.Do(context.Background(), func(ctx context.Context) (string, error) {
		return get(ctx, server.URL)
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s: %q\n", p, answer)
	return nil
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", retry.Permanent(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 500 {
		err = fmt.Errorf("server said %s", resp.Status)
	}
	return string(body), err
}
