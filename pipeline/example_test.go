package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Standard is the order that most calls want, from one config.
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
	fmt.Println(pipeline.StandardConfig{TotalTimeout: time.Second, AttemptTimeout: 2 * time.Second}.Validate())
	// Output:
	// pipeline: StandardConfig.AttemptTimeout is 2s, want less than TotalTimeout, 1s
	// pipeline: StandardConfig.Retry has delays of 1.5s before its last attempt, want less than TotalTimeout, 1s; they are the defaults: set its BaseDelay or MaxAttempts
}

// Wrap decorates a function: what comes back is called like what went in.
func ExamplePipeline_Wrap() {
	circuit := breaker.NewCircuit(breaker.Config{Name: "openai", RecoveryTimeout: 60 * time.Second})
	complete := pipeline.New[string](breaker.New[string](circuit)).Wrap(func(context.Context) (string, error) {
		return "a completion", nil
	})
	fmt.Println(complete(context.Background()))
	// Output: a completion <nil>
}

// Run puts calls of every result type through one pipeline.
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

// Exec is for calls that have no result but an error.
func ExampleExec() {
	p := pipeline.New[any](retry.New[any](retry.Config{}))
	err := pipeline.Exec(context.Background(), p, func(context.Context) error { return retry.Permanent(errors.New("disk full")) })
	fmt.Println(err)
	// Output: disk full
}

// Observers see what happens on the way.
func ExamplePipeline_Observe() {
	p := pipeline.New[int](policy.FallbackValue(7)).Named("rates").Observe(func(_ context.Context, e policy.Event) {
		fmt.Println(e.Pipeline, e.Kind, e.Err)
	})
	_, _ = p.Do(context.Background(), fake.NewFunc[int]().Fail(errors.New("no route to host")).Do)
	// Output:
	// rates fell back no route to host
	// rates finished <nil>
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
