package retry_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var errBusy = errors.New("busy")

// Make a Retry once and use it for many calls.
func ExampleNew() {
	clk := fake.NewClock(fake.AutoAdvance()) // leave Clock out for real time
	r := retry.New[int](retry.Config{
		MaxAttempts:  5,
		BaseDelay:    time.Second,
		MaxDelay:     10 * time.Second,
		JitterFactor: retry.NoJitter,
		Clock:        clk,
	})
	v, err := r.Do(context.Background(), fake.NewFunc[int]().Fail(errBusy, errBusy, errBusy).Return(42).Do)
	fmt.Println(v, err, clk.Sleeps())
	// Output: 42 <nil> [1s 2s 4s]
}

func ExampleError() {
	clk := fake.NewClock(fake.AutoAdvance())
	_, err := retry.Do(context.Background(), retry.Config{JitterFactor: retry.NoJitter, Clock: clk}, fake.NewFunc[int]().Fail(errBusy).Do)
	fmt.Println(err)
	fmt.Println(errors.Is(err, retry.ErrExhausted), errors.Is(err, errBusy))
	// Output:
	// retry: gave up after 3 attempts in 1.5s: retry: attempts exhausted: last error: busy
	// true true
}

// WithCondition can reject a value, here a payment that is still pending.
func ExampleRetry_WithCondition() {
	clk := fake.NewClock(fake.AutoAdvance())
	r := retry.New[string](retry.Config{Clock: clk}).WithCondition(func(v string, err error) bool { return err != nil || v == "pending" })
	status := fake.NewFunc[string]().Return("pending").Return("pending").Return("paid")
	fmt.Println(r.Do(context.Background(), status.Do))
	fmt.Println(status.Calls())
	// Output:
	// paid <nil>
	// 3
}

// WithDiscard is for values that must be closed.
func ExampleRetry_WithDiscard() {
	clk := fake.NewClock(fake.AutoAdvance())
	r := retry.New[string](retry.Config{Clock: clk}).
		WithCondition(func(v string, _ error) bool { return v != "200" }).
		WithDiscard(func(v string) { fmt.Println("close", v) })
	fmt.Println(r.Do(context.Background(), fake.NewFunc[string]().Return("503").Return("200").Do))
	// Output:
	// close 503
	// 200 <nil>
}

func ExamplePermanent() {
	f := fake.NewFunc[int]().Fail(retry.Permanent(errors.New("no such user")))
	_, err := retry.Do(context.Background(), retry.Config{}, f.Do)
	fmt.Println(err, f.Calls())
	// Output: no such user 1
}

// After passes on the delay that a server asks for, here one longer than MaxDelay.
func ExampleAfter() {
	clk := fake.NewClock(fake.AutoAdvance())
	f := fake.NewFunc[int]().Fail(retry.After(errBusy, 7*time.Second)).Return(1)
	cfg := retry.Config{Clock: clk, Rand: fake.Rand(0.5)}
	fmt.Println(retry.Do(context.Background(), cfg, f.Do))
	fmt.Println(clk.Sleeps(), "a hint is spread upwards, by up to JitterFactor")
	// Output:
	// 1 <nil>
	// [7.35s] a hint is spread upwards, by up to JitterFactor
}

// Exactly replaces the backoff's delay.
func ExampleExactly() {
	clk := fake.NewClock(fake.AutoAdvance())
	f := fake.NewFunc[int]().Fail(retry.Exactly(errBusy, 20*time.Millisecond)).Return(1)
	fmt.Println(retry.Do(context.Background(), retry.Config{Clock: clk}, f.Do))
	fmt.Println(clk.Sleeps())
	// Output:
	// 1 <nil>
	// [20ms]
}

// A backoff can be capped, jittered, and limited to a number of attempts.
func ExampleBackoff_Capped() {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := retry.Config{
		MaxAttempts: retry.Unlimited,
		Backoff:     retry.Fibonacci(time.Second, time.Minute).Capped(3 * time.Second).Limited(6),
		Clock:       clk,
	}
	_, err := retry.Do(context.Background(), cfg, fake.NewFunc[int]().Fail(errBusy).Do)
	fmt.Println(clk.Sleeps(), errors.Is(err, retry.ErrExhausted))
	// Output:
	// [1s 1s 2s 3s 3s] true
}

// A budget can be shared with other policies that repeat calls.
func ExampleBudget() {
	clk := fake.NewClock() // leave Clock out for real time
	b := retry.NewBudget(retry.BudgetConfig{Ratio: 0.5, MinPerSecond: retry.NoMinimum, Clock: clk})
	for range 4 {
		b.Call()
	}
	fmt.Println(b.Take(), b.Take(), b.Take())
	b.GiveBack() // the second repetition did not begin
	fmt.Printf("%+v\n", b.Snapshot())
	// Output:
	// true true false
	// {Calls:4 Retries:1 Left:1}
}

func ExampleAttempt() {
	clk := fake.NewClock(fake.AutoAdvance())
	_, _ = retry.Do(context.Background(), retry.Config{Clock: clk}, func(ctx context.Context) (int, error) {
		fmt.Println("X-Retry-Attempt:", retry.Attempt(ctx))
		return 0, errBusy
	})
	// Output:
	// X-Retry-Attempt: 1
	// X-Retry-Attempt: 2
	// X-Retry-Attempt: 3
}

// OnRetry is called before each delay, but not after the last attempt.
func ExampleConfig() {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := retry.Config{
		MaxAttempts: 3,
		Backoff:     retry.Constant(time.Second),
		MaxElapsed:  time.Minute,
		RetryIf:     func(err error) bool { return errors.Is(err, errBusy) },
		OnRetry: func(_ context.Context, e policy.Event) {
			fmt.Printf("attempt %d: %v, again in %v\n", e.Attempt, e.Err, e.Delay)
		},
		Clock: clk,
	}
	_, _ = retry.Do(context.Background(), cfg, fake.NewFunc[int]().Fail(errBusy).Do)
	// Output:
	// attempt 1: busy, again in 1s
	// attempt 2: busy, again in 1s
}

func ExampleConfig_Validate() {
	fmt.Println(retry.Config{MaxAttempts: -3, JitterFactor: 2}.Validate())
	// Output:
	// retry: Config.MaxAttempts is -3, want Unlimited (-1), or 0 or more
	// retry: Config.JitterFactor is 2, want NoJitter (-1), or 0 to 1
}

// A budget shared by all retries of a process limits the load that they add when
// everything fails.
func ExampleNewBudget() {
	clk := fake.NewClock(fake.AutoAdvance())
	budget := retry.NewBudget(retry.BudgetConfig{Ratio: 0.1, MinPerSecond: 0.1, Window: 10 * time.Second, Clock: clk})
	cfg := retry.Config{Budget: budget, Backoff: retry.Constant(time.Millisecond), Clock: clk}
	_, err := retry.Do(context.Background(), cfg, fake.NewFunc[int]().Fail(errBusy).Do)
	fmt.Println(errors.Is(err, retry.ErrBudget))
	// Output: true
}

// steps returns the first five delays of b with a random source that returns r.
func steps(b retry.Backoff, r float64) []time.Duration {
	var delays []time.Duration
	var previous time.Duration
	for n := 1; n <= 5; n++ {
		previous = b(retry.Step{Attempt: n, Previous: previous, Rand: fake.Rand(r)})
		delays = append(delays, previous)
	}
	return delays
}

func ExampleConstant() {
	fmt.Println(steps(retry.Constant(time.Second), 0))
	// Output: [1s 1s 1s 1s 1s]
}

func ExampleSequence() {
	fmt.Println(steps(retry.Sequence(time.Second, 5*time.Second, time.Minute), 0))
	// Output: [1s 5s 1m0s 1m0s 1m0s]
}

func ExampleLinear() {
	fmt.Println(steps(retry.Linear(time.Second, 4*time.Second), 0))
	// Output: [1s 2s 3s 4s 4s]
}

func ExampleExponential() {
	fmt.Println(steps(retry.Exponential(time.Second, 10*time.Second, 3), 0))
	// Output: [1s 3s 9s 10s 10s]
}

func ExampleFibonacci() {
	fmt.Println(steps(retry.Fibonacci(time.Second, time.Minute), 0))
	// Output: [1s 1s 2s 3s 5s]
}

func ExampleFullJitter() {
	fmt.Println(steps(retry.FullJitter(time.Second, 10*time.Second), 0.5))
	// Output: [500ms 1s 2s 4s 5s]
}

func ExampleEqualJitter() {
	fmt.Println(steps(retry.EqualJitter(time.Second, 10*time.Second), 0.5))
	// Output: [750ms 1.5s 3s 6s 7.5s]
}

func ExampleDecorrelated() {
	fmt.Println(steps(retry.Decorrelated(time.Second, 10*time.Second), 0.5))
	// Output: [2s 3.5s 5.75s 9.125s 10s]
}
