package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

func explain(err error) string {
	var open *breaker.OpenError
	switch {
	case err == nil:
		return "fine"
	case errors.As(err, &open):
		return fmt.Sprintf("%s is %s, ask again in %v", open.Name, open.State, open.RetryAfter())
	case errors.Is(err, ratelimit.ErrExceeded):
		wait, _ := policy.RetryAfter(err)
		return fmt.Sprintf("too many calls, ask again in %v", wait)
	case errors.Is(err, bulkhead.ErrFull):
		return "too many calls at a time"
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

func verdict(ctx context.Context, err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, policy.ErrRejected), // it did not run
		errors.Is(err, retry.ErrGaveUp),          // it may succeed later
		errors.Is(err, context.DeadlineExceeded), // it took too long
		ctx.Err() != nil:                         // a shutdown cut it off
		return "put it back"
	}
	return "failed for good"
}

// docs/errors.md, a worker that shuts down.
func Example_errorsOfAWorker() {
	ctx, shutdown := context.WithCancelCause(context.Background())
	defer shutdown(nil)
	clk := fake.NewClock(fake.AutoAdvance())
	say := func(_ int, err error) { fmt.Println(verdict(ctx, err), errors.Is(err, context.Cause(ctx))) }

	say(retry.Do(ctx, retry.Config{Clock: clk}, fake.NewFunc[int]().Return(1).Do))
	say(retry.Do(ctx, retry.Config{Clock: clk}, fake.NewFunc[int]().Fail(errDown).Do))
	say(retry.Do(ctx, retry.Config{Clock: clk}, fake.NewFunc[int]().Fail(retry.Permanent(errDown)).Do))
	circuit := breaker.NewCircuit(breaker.Config{Clock: clk})
	circuit.Trip(time.Minute, "for the example")
	say(breaker.Do(ctx, circuit, fake.NewFunc[int]().Return(1).Do))

	slow := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk})
	say(slow.Do(ctx, fake.NewFunc[int]().Delay(clk, time.Minute).Return(1).Do))

	cut := func(context.Context) (int, error) { shutdown(errors.New("SIGTERM")); return 0, errDown }
	say(retry.Do(ctx, retry.Config{Clock: clk}, cut))
	say(0, errDown) // of a function without a retry
	// Output:
	// done true
	// put it back false
	// failed for good false
	// put it back false
	// put it back false
	// put it back true
	// put it back false
}

// The opening of docs/errors.md.
func Example_errors() {
	ctx, clk := context.Background(), fake.NewClock(fake.AutoAdvance())
	down := fake.NewFunc[int]().Fail(errDown).Do
	say := func(_ int, err error) { fmt.Println(explain(err)) }

	say(retry.Do(ctx, retry.Config{Clock: clk}, down))
	say(retry.Do(ctx, retry.Config{Clock: clk}, fake.NewFunc[int]().Fail(retry.Permanent(errDown)).Do))
	say(retry.Do(ctx, retry.Config{Clock: clk, MaxElapsed: time.Millisecond}, down))

	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 1, Clock: clk})
	say(breaker.Do(ctx, circuit, down))
	say(breaker.Do(ctx, circuit, down))

	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	say(bulkhead.Do(ctx, gate, func(ctx context.Context) (int, error) { return bulkhead.Do(ctx, gate, down) }))

	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Clock: clk})
	_ = limiter.Allow(1)
	say(ratelimit.Do(ctx, limiter, down))
	// Output:
	// every attempt failed
	// the function's own error: down
	// no time for another attempt
	// the function's own error: down
	// stripe is open, ask again in 30s
	// too many calls at a time
	// too many calls, ask again in 1s
}
