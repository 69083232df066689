package observe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// User is what the pipeline of the package's doc returns.
type User struct{}

// The program of the package's doc.
func Example() {
	circuit := breaker.NewCircuit(breaker.Config{Name: "users"})
	gate := bulkhead.NewGate(bulkhead.Config{Name: "users", Limit: 10})
	budget := retry.NewBudget(retry.BudgetConfig{Name: "outbound"})

	stats := observe.New(observe.Config{})
	stats.Watch(circuit, gate, budget)

	p := pipeline.New(
		retry.New[*User](retry.Config{Budget: budget}),
		breaker.New[*User](circuit),
	).WithName("users").
		WithObserver(stats.Observe).
		WithObserver(observe.Log(slog.Default().Handler(), observe.LogConfig{}))

	_, _ = p.Do(context.Background(), func(context.Context) (*User, error) { return new(User), nil })
	calls, _ := stats.Snapshot().Find("ductile.call.duration", nil)
	fmt.Println(calls.Labels, calls.Histogram.Count)
	// Output: map[outcome:success pipeline.name:users rescue:none] 1
}

func ExampleNew() {
	clk := fake.NewClock(fake.AutoAdvance())
	stats := observe.New(observe.Config{Clock: clk})
	p := pipeline.New[int](retry.New[int](retry.Config{Clock: clk, JitterFactor: retry.NoJitter})).
		WithName("orders").WithObserver(stats.Observe)

	f := fake.NewFunc[int]().Fail(errors.New("no route to host")).Return(42)
	_, _ = p.Do(context.Background(), f.Do)

	snap := stats.Snapshot()
	calls, _ := snap.Find("ductile.call.duration", map[string]string{observe.LabelRescue: "retry"})
	attempts, _ := snap.Find("ductile.call.attempts", nil)
	fmt.Printf("%d call, %.1f s, rescued by a retry\n", calls.Histogram.Count, calls.Histogram.Sum)
	fmt.Printf("%.0f attempts per call\n", attempts.Histogram.Mean())
	// Output:
	// 1 call, 0.5 s, rescued by a retry
	// 2 attempts per call
}

func ExampleStats_Watch() {
	stats := observe.New(observe.Config{})
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	stop := stats.Watch(circuit)
	defer stop()

	circuit.Isolate("maintenance")

	snap := stats.Snapshot()
	fmt.Println(snap.Circuits[0].Name, snap.Circuits[0].State, snap.Circuits[0].Reason)
	moves, _ := snap.Find("ductile.circuit.transitions", nil)
	fmt.Println(moves.Labels["from"], "to", moves.Labels["to"], moves.Value)
	// Output:
	// stripe isolated maintenance
	// closed to isolated 1
}

func ExampleStats_Follow() {
	stats := observe.New(observe.Config{})
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	stats.Watch(circuit)
	stop := stats.Follow(func(_ context.Context, e policy.Event) {
		fmt.Println(e.Name, e.From, "to", e.To)
	}, policy.StateChanged)
	defer stop()

	circuit.Trip(time.Minute, "deploy")
	circuit.Reset()
	// Output:
	// stripe closed to open
	// stripe open to closed
}

func ExampleWithOperation() {
	stats := observe.New(observe.Config{})
	p := pipeline.New[int]().WithName("db").WithObserver(stats.Observe)

	ctx := observe.WithOperation(context.Background(), "load user")
	_, _ = p.Do(ctx, func(context.Context) (int, error) { return 42, nil })

	calls, _ := stats.Snapshot().Find("ductile.call.duration", nil)
	fmt.Println(calls.Labels[observe.LabelOperation])
	// Output: load user
}

func ExampleLog() {
	// A handler for the example, without the time.
	h := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	clk := fake.NewClock() // stands still, so that no summary is due
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 1, Clock: clk})
	p := pipeline.New[int](breaker.New[int](circuit)).WithName("charge").
		WithObserver(observe.Log(h, observe.LogConfig{Watch: []any{circuit}, Clock: clk}))

	_, _ = p.Do(context.Background(), func(context.Context) (int, error) { return 0, errors.New("no route to host") })
	for range 1234 {
		_, _ = p.Do(context.Background(), func(context.Context) (int, error) { return 42, nil })
	}
	circuit.Reset()
	// Output:
	// level=WARN msg="circuit opened" kind=state_changed policy=breaker name=stripe from=closed to=open reason=failures error="no route to host"
	// level=INFO msg="circuit closed" kind=state_changed policy=breaker name=stripe from=open to=closed reason=reset
	// level=INFO msg="rejected 1,234 calls" policy=breaker name=stripe count=1234
}

func ExampleHistogram_Quantile() {
	stats := observe.New(observe.Config{})
	for i := range 100 {
		stats.Observe(context.Background(), policy.Event{
			Kind: policy.Finished, Pipeline: "p", Elapsed: time.Duration(i+1) * 10 * time.Millisecond,
		})
	}
	calls, _ := stats.Snapshot().Find("ductile.call.duration", nil)
	fmt.Printf("half within %.2f s, 99 %% within %.2f s\n", calls.Histogram.Quantile(0.5), calls.Histogram.Quantile(0.99))
	// Output: half within 0.50 s, 99 % within 0.99 s
}

func ExampleStats_String() {
	stats := observe.New(observe.Config{Clock: fake.NewClock()})
	fmt.Println(json.Valid([]byte(stats.String())), stats)
	// Output: true {"at":"2000-01-01T00:00:00Z","series":[{"name":"ductile.series.dropped","labels":{},"value":0}],"circuits":[]}
}
