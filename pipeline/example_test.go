package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Standard builds the usual order of policies from one config.
func ExampleStandard() {
	p := pipeline.Standard[string](pipeline.StandardConfig{
		Name:           "stripe",
		TotalTimeout:   30 * time.Second,
		Retry:          retry.Config{MaxAttempts: 4},
		Circuit:        breaker.NewCircuit(breaker.Config{Name: "stripe"}),
		AttemptTimeout: 5 * time.Second,
	})
	fmt.Println(p)
	// Output: timeout(total, 30s) > retry(4) > breaker(stripe) > timeout(attempt, 5s)
}

func ExampleStandardConfig_Validate() {
	cfg := pipeline.StandardConfig{TotalTimeout: time.Second, Retry: retry.Config{BaseDelay: time.Second}}
	fmt.Println(cfg.Validate())
	cfg.Retry.BaseDelay = 0 // use the default, which is shortened to fit
	fmt.Println(cfg.Validate())
	// Output:
	// pipeline: StandardConfig.Retry.BaseDelay is 1s, want less: the delays before the last attempt add up to 3s, and TotalTimeout is 1s
	// <nil>
}

// Wrap returns a function of the same type as the one it is given.
func ExamplePipeline_Wrap() {
	circuit := breaker.NewCircuit(breaker.Config{Name: "openai", RecoveryTimeout: 60 * time.Second})
	complete := pipeline.New[string](breaker.New[string](circuit)).Wrap(func(context.Context) (string, error) {
		return "a completion", nil
	})
	fmt.Println(complete(context.Background()))
	// Output: a completion <nil>
}

// Run runs functions of every result type through one pipeline.
func ExampleRun() {
	p := pipeline.New[any](retry.New[any](retry.Config{}))
	n, err := pipeline.Run(context.Background(), p, func(context.Context) (int, error) { return strconv.Atoi("42") })
	fmt.Println(n, err)
	s, err := pipeline.Run(context.Background(), p, func(context.Context) (string, error) { return "forty-two", nil })
	fmt.Println(s, err)
	// Output:
	// 42 <nil>
	// forty-two <nil>
}

// Exec runs functions that return only an error.
func ExampleExec() {
	p := pipeline.New[any](retry.New[any](retry.Config{}))
	err := pipeline.Exec(context.Background(), p, func(context.Context) error { return retry.Permanent(errors.New("disk full")) })
	fmt.Println(err)
	// Output: disk full
}

// An observer receives all events, or some kinds of them.
func ExamplePipeline_WithObserver() {
	p := pipeline.New[int](policy.FallbackValue(7)).WithName("rates").WithObserver(func(_ context.Context, e policy.Event) {
		fmt.Println(e.Pipeline, e.Kind, e.Err)
	}, policy.FellBack, policy.Finished)
	_, _ = p.Do(context.Background(), fake.NewFunc[int]().Fail(errors.New("no route to host")).Do)
	// Output:
	// rates fell_back no route to host
	// rates finished <nil>
}

// Events, and a circuit's transitions and snapshots, are slog.LogValuers.
func ExamplePipeline_WithObserver_slog() {
	ctx := context.Background()
	clk := fake.NewClock(fake.AutoAdvance())
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	circuit := breaker.NewCircuit(breaker.Config{
		Name: "rates", Clock: clk,
		OnStateChange: func(t breaker.Transition) { logger.Warn("moved", "circuit", t) },
	})
	p := pipeline.New(retry.New[int](retry.Config{Clock: clk, Rand: fake.Rand(0.5)}), breaker.New[int](circuit))

	p = p.WithObserver(func(ctx context.Context, e policy.Event) {
		logger.InfoContext(ctx, "call", "event", e)
	})

	_, _ = p.Do(ctx, fake.NewFunc[int]().Fail(errors.New("no route to host")).Return(7).Do)
	circuit.Isolate("test")
	logger.Info("looked", "circuit", circuit.Snapshot())
	// Output:
	// {"level":"INFO","msg":"call","event":{"kind":"started"}}
	// {"level":"INFO","msg":"call","event":{"kind":"judged","policy":"breaker","name":"rates","outcome":"failure","err":"no route to host"}}
	// {"level":"INFO","msg":"call","event":{"kind":"attempted","policy":"retry","attempt":1,"err":"no route to host"}}
	// {"level":"INFO","msg":"call","event":{"kind":"retried","policy":"retry","attempt":1,"delay":500000000,"reason":"backoff","err":"no route to host"}}
	// {"level":"INFO","msg":"call","event":{"kind":"judged","policy":"breaker","name":"rates","outcome":"success"}}
	// {"level":"INFO","msg":"call","event":{"kind":"attempted","policy":"retry","attempt":2,"elapsed":500000000}}
	// {"level":"INFO","msg":"call","event":{"kind":"recovered","policy":"retry","attempt":2,"elapsed":500000000,"err":"no route to host"}}
	// {"level":"INFO","msg":"call","event":{"kind":"finished","attempt":2,"elapsed":500000000,"reason":"retry"}}
	// {"level":"WARN","msg":"moved","circuit":{"name":"rates","from":"closed","to":"isolated","at":"2000-01-01T00:00:00.5Z","reason":"test"}}
	// {"level":"INFO","msg":"looked","circuit":{"name":"rates","state":"isolated","since":"2000-01-01T00:00:00.5Z","reason":"test"}}
}

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// One switch over everything that can come back.
func Example_errors() {
	explain := func(err error) string {
		var open *breaker.OpenError
		switch {
		case err == nil:
			return "fine"
		case errors.As(err, &open):
			return fmt.Sprintf("%s is %s, ask again in %v", open.Name, open.State, open.RetryAfter())
		case errors.Is(err, retry.ErrExhausted):
			return "every attempt failed"
		case errors.Is(err, retry.ErrDeadline), errors.Is(err, retry.ErrElapsed):
			return "no time for another attempt"
		case errors.Is(err, retry.ErrRetryAfter):
			return "the server wants to be left alone for too long"
		case errors.Is(err, retry.ErrBudget):
			return "too many retries already"
		case errors.Is(err, context.Canceled):
			return "the caller gave up"
		case errors.Is(err, context.DeadlineExceeded):
			return "a timeout, ours or the caller's"
		}
		return "the function's own error: " + err.Error()
	}

	clk := fake.NewClock(fake.AutoAdvance())
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 3, Clock: clk})
	p := pipeline.New(retry.New[int](retry.Config{Clock: clk, JitterFactor: retry.NoJitter}), breaker.New[int](circuit))
	down := fake.NewFunc[int]().Fail(errors.New("503"))
	for range 2 {
		_, err := p.Do(context.Background(), down.Do)
		fmt.Println(explain(err))
	}
	_, err := p.Do(context.Background(), down.Do)
	fmt.Println(errors.Is(err, policy.ErrRejected), down.Calls())
	// Output:
	// every attempt failed
	// stripe is open, ask again in 30s
	// true 3
}
