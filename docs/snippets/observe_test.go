package snippets_test

import (
	"bytes"
	"context"
	"errors"
	"expvar"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// publish lets the example run more than once.
var publish = sync.OnceFunc(func() {
	stats := newStats()
	expvar.Publish("ductile", stats) // in GET /debug/vars
})

func newStats() *observe.Stats { return observe.New(observe.Config{}) }

// docs/observing.md, Metrics.
func Example_stats() {
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	gate := bulkhead.NewGate(bulkhead.Config{Name: "stripe", Limit: 20})
	budget := retry.NewBudget(retry.BudgetConfig{Name: "outbound"})
	publish()

	stats := observe.New(observe.Config{})
	stats.Watch(circuit, gate, budget)
	p := pipeline.New(
		retry.New[int](retry.Config{Budget: budget}),
		breaker.New[int](circuit),
	).WithName("charge").WithObserver(stats.Observe)

	f := func(context.Context) (int, error) { return 42, nil }
	ctx := observe.WithOperation(context.Background(), "renew subscription")
	_, _ = p.Do(ctx, f)

	snap := stats.Snapshot()
	calls, _ := snap.Find("ductile.call.duration", map[string]string{observe.LabelPipeline: "charge"})
	attempts, _ := snap.Find("ductile.call.attempts", nil)
	p99, amplification := calls.Histogram.Quantile(0.99), attempts.Histogram.Mean()

	fmt.Println(p99 < 10, amplification, calls.Labels["operation"], snap.Circuits[0].State)
	// Output: true 1 renew subscription closed
}

// docs/observing.md, Logs.
func Example_log() {
	var out bytes.Buffer
	h := slog.NewTextHandler(&out, nil)
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 1})
	p := pipeline.New(breaker.New[int](circuit)).WithName("charge")

	p = p.WithObserver(observe.Log(h, observe.LogConfig{
		Watch: []any{circuit}, // moves by hand too
		Level: func(e policy.Event) slog.Level {
			if e.Kind == policy.TimedOut {
				return slog.LevelWarn
			}
			return observe.DefaultLevel(e)
		},
	}))

	_, _ = p.Do(context.Background(), func(context.Context) (int, error) { return 0, errors.New("down") })
	_, message, _ := strings.Cut(out.String(), " level")
	fmt.Print("level" + message)
	// Output: level=WARN msg="circuit opened" kind=state_changed policy=breaker name=stripe from=closed to=open reason=failures error=down
}
