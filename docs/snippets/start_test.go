package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var weatherCircuit = breaker.NewCircuit(breaker.Config{Name: "weather"})

var errNoSuchCity = errors.New("no such city")

// docs/getting-started.md, steps 1 to 3.
func Example_startRetry() {
	ctx := context.Background()
	forecast := func(context.Context) (string, error) {
		return "", retry.Permanent(errNoSuchCity)
	}
	{
		weather, err := retry.Do(ctx, retry.Config{}, forecast)
		fmt.Println(weather, errors.Is(err, errNoSuchCity))
	}
	{
		p := pipeline.New(
			policy.Timeout[string](5*time.Second), // for everything
			retry.New[string](retry.Config{}),
			policy.Timeout[string](time.Second), // for each attempt
		)
		weather, err := p.Do(ctx, forecast)
		fmt.Println(weather, errors.Is(err, errNoSuchCity))
	}
	{
		p := pipeline.New(
			policy.Timeout[string](5*time.Second),
			retry.New[string](retry.Config{}),
			breaker.New[string](weatherCircuit),
			policy.Timeout[string](time.Second),
		)
		fmt.Println(p)
	}
	{
		standard := pipeline.Standard[string](pipeline.StandardConfig{
			TotalTimeout:   5 * time.Second,
			Circuit:        weatherCircuit,
			AttemptTimeout: time.Second,
		})
		fmt.Println(standard)
	}
	// Output:
	//  true
	//  true
	// timeout(5s) > retry(3) > breaker(weather) > timeout(1s)
	// timeout(total, 5s) > retry(3) > breaker(weather) > timeout(attempt, 1s)
}

// docs/getting-started.md, steps 4 to 6.
func Example_startObserve() {
	ctx, logger := context.Background(), slog.New(slog.DiscardHandler)
	standard := pipeline.Standard[string](pipeline.StandardConfig{Retry: retry.Config{MaxAttempts: 1}})
	p := pipeline.New(policy.FallbackValue("probably rain"), standard)
	p = p.WithName("weather").WithObserver(func(ctx context.Context, e policy.Event) {
		logger.WarnContext(ctx, "weather", "event", e)
	}, policy.Retried, policy.StateChanged, policy.GaveUp)
	fmt.Println(p.Do(ctx, fake.NewFunc[string]().Fail(errors.New("no route to host")).Do))

	clk := fake.NewClock(fake.AutoAdvance())
	down := fake.NewFunc[string]().Fail(errors.New("no route to host"))
	_, err := retry.Do(ctx, retry.Config{Clock: clk}, down.Do)
	fmt.Println(errors.Is(err, retry.ErrExhausted), down.Calls(), len(clk.Sleeps()))
	// Output:
	// probably rain <nil>
	// true 3 2
}

// docs/errors.md.
func Example_errorsOfConfigs() {
	fmt.Println(retry.Config{MaxAttempts: -3, JitterFactor: 2}.Validate())
	// Output:
	// retry: Config.MaxAttempts is -3, want Unlimited (-1), or 0 or more
	// retry: Config.JitterFactor is 2, want NoJitter (-1), or 0 to 1
}

// docs/errors.md.
func Example_errorsRejected() {
	enqueue := func(order string) error { fmt.Println("queued:", order); return nil }
	place := func(order string, err error) error {
		if errors.Is(err, policy.ErrRejected) {
			return enqueue(order)
		}
		return err
	}
	fmt.Println(place("teapot", &breaker.OpenError{}), place("teapot", errBusy))
	// Output:
	// queued: teapot
	// <nil> busy
}

// docs/observing.md.
func Example_observing() {
	logger := slog.New(slog.DiscardHandler)
	moved := func(_ context.Context, e policy.Event) { fmt.Println(e.From, e.To) }
	circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	p := pipeline.New[int](breaker.New[int](circuit))
	p = p.WithObserver(moved, policy.StateChanged)
	stop := circuit.Watch(func(t breaker.Transition) {
		logger.Warn("circuit moved", "transition", t)
	})
	defer stop()
	_, _ = p.Do(context.Background(), fake.NewFunc[int]().Fail(errors.New("down")).Do)
	// Output: closed open
}
