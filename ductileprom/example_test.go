package ductileprom_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductileprom"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

// docs/prometheus.md, Setup.
func ExampleNewCollector() {
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	budget := retry.NewBudget(retry.BudgetConfig{Name: "outbound"})

	stats := observe.New(observe.Config{})
	stats.Watch(circuit, budget)
	p := pipeline.New(
		retry.New[int](retry.Config{Budget: budget}),
		breaker.New[int](circuit),
	).WithName("charge").WithObserver(stats.Observe)

	registry := prometheus.NewRegistry()
	registry.MustRegister(ductileprom.NewCollector(stats))
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry})

	_, _ = p.Do(context.Background(), func(context.Context) (int, error) { return 42, nil })

	page := httptest.NewRecorder()
	handler.ServeHTTP(page, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics", http.NoBody))
	for line := range strings.Lines(page.Body.String()) {
		if strings.HasPrefix(line, "ductile_circuit_state{") || strings.HasPrefix(line, "ductile_call_attempts_") {
			fmt.Print(line)
		}
	}
	// Output:
	// ductile_call_attempts_bucket{otel_metric_overflow="",pipeline="charge",le="1"} 1
	// ductile_call_attempts_bucket{otel_metric_overflow="",pipeline="charge",le="2"} 1
	// ductile_call_attempts_bucket{otel_metric_overflow="",pipeline="charge",le="3"} 1
	// ductile_call_attempts_bucket{otel_metric_overflow="",pipeline="charge",le="5"} 1
	// ductile_call_attempts_bucket{otel_metric_overflow="",pipeline="charge",le="10"} 1
	// ductile_call_attempts_bucket{otel_metric_overflow="",pipeline="charge",le="+Inf"} 1
	// ductile_call_attempts_sum{otel_metric_overflow="",pipeline="charge"} 1
	// ductile_call_attempts_count{otel_metric_overflow="",pipeline="charge"} 1
	// ductile_circuit_state{circuit="stripe",otel_metric_overflow="",state="closed"} 1
	// ductile_circuit_state{circuit="stripe",otel_metric_overflow="",state="half-open"} 0
	// ductile_circuit_state{circuit="stripe",otel_metric_overflow="",state="isolated"} 0
	// ductile_circuit_state{circuit="stripe",otel_metric_overflow="",state="open"} 0
}
