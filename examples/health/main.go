// Health shows circuits at a readiness endpoint. A circuit that the service cannot work
// without makes it unready while it is open; an optional one is shown and changes
// nothing.
//
// Make a dependency required only if other replicas may reach it where this one does
// not. Otherwise its outage takes every replica out of the load balancer at once.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
)

// dependency is a circuit and whether the service can work without it.
type dependency struct {
	circuit  *breaker.Circuit
	optional bool
}

// ready answers 200 while every required circuit lets calls through, and 503 with a
// Retry-After otherwise. The body has the snapshots of all circuits.
func ready(dependencies ...dependency) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		code, wait := http.StatusOK, time.Duration(0)
		snapshots := make([]breaker.Snapshot, 0, len(dependencies))
		for _, d := range dependencies {
			s := d.circuit.Snapshot()
			snapshots = append(snapshots, s)
			// A half-open circuit counts as ready: it needs calls to recover.
			if refuses := s.State == breaker.Open || s.State == breaker.Isolated; refuses && !d.optional {
				code, wait = http.StatusServiceUnavailable, max(wait, s.RetryAfter)
			}
		}
		if wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(snapshots)
	})
}

func main() {
	if err := tell(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "health:", err)
		os.Exit(1)
	}
}

func tell(ctx context.Context, out io.Writer) error {
	clock := fake.NewClock() // virtual time: leave Clock out for real time
	ledger := breaker.NewCircuit(breaker.Config{Name: "ledger", FailureThreshold: 2, Clock: clock})
	tips := breaker.NewCircuit(breaker.Config{Name: "tips", FailureThreshold: 2, Clock: clock})
	server := httptest.NewServer(ready(dependency{circuit: ledger}, dependency{circuit: tips, optional: true}))
	defer server.Close()

	down := fake.NewFunc[int]().Fail(errors.New("no route to host"))
	fail := func(c *breaker.Circuit) {
		for range 2 {
			_, _ = breaker.Do(ctx, c, down.Do)
		}
	}
	for _, step := range []struct {
		title string
		do    func()
	}{
		{"all is well", func() {}},
		{"an optional dependency is down", func() { fail(tips) }},
		{"a required one is down", func() { fail(ledger) }},
		{"12.5 s later", func() { clock.Advance(12500 * time.Millisecond) }},
		{"30 s later the circuits are half-open", func() { clock.Advance(17500 * time.Millisecond) }},
		{"an operator isolates the ledger", func() { ledger.Isolate("migration") }},
	} {
		step.do()
		if err := show(ctx, out, step.title, server.URL); err != nil {
			return err
		}
	}
	return nil
}

// show asks the endpoint and writes what it says.
func show(ctx context.Context, out io.Writer, title, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var snapshots []breaker.Snapshot
	if err := json.NewDecoder(resp.Body).Decode(&snapshots); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s", title, resp.Status)
	if after := resp.Header.Get("Retry-After"); after != "" {
		fmt.Fprintf(out, ", Retry-After: %s", after)
	}
	for _, s := range snapshots {
		fmt.Fprintf(out, "\n  %s is %s", s.Name, s.State)
	}
	fmt.Fprintln(out)
	return nil
}
