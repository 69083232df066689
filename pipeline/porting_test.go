package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// A test of failure handling, as the README shows it.
func Example_readmeTest() {
	ctx := context.Background()
	errDown := errors.New("down")
	clk := fake.NewClock(fake.AutoAdvance())
	call := fake.NewFunc[int]().Fail(errDown, errDown).Return(42)
	v, err := retry.Do(ctx, retry.Config{Clock: clk, Rand: fake.Rand(0.5)}, call.Do)
	// 42, nil; call.Calls() == 3; clk.Sleeps() == [500ms 1s]; no time has passed
	fmt.Println(v, err, call.Calls(), clk.Sleeps())
	// Output: 42 <nil> 3 [500ms 1s]
}

// Porting, use 1: a call with backoff.
func Example_portingRetry() {
	ctx := context.Background()
	fetch := func(context.Context) ([]string, error) { return []string{"a match"}, nil }
	matches, err := retry.Do(ctx, retry.Config{
		MaxAttempts: 3,
		BaseDelay:   500 * time.Millisecond,
		MaxDelay:    4 * time.Second,
	}, fetch)
	fmt.Println(matches, err)
	// Output: [a match] <nil>
}

// Porting, use 2: a function decorated with a named circuit.
func Example_portingBreaker() {
	ctx := context.Background()
	complete := func(context.Context) (string, error) { return "a completion", nil }
	openai := breaker.NewCircuit(breaker.Config{
		Name:             "openai",
		FailureThreshold: 5,
		RecoveryTimeout:  60 * time.Second,
		HalfOpenMaxCalls: 3,
	})
	guarded := pipeline.New[string](breaker.New[string](openai)).Wrap(complete)
	answer, err := guarded(ctx)
	fmt.Println(answer, err)
	// Output: a completion <nil>
}

// Porting, use 4: retries around a circuit.
func Example_portingCheckout() {
	ctx := context.Background()
	createSession := func(context.Context) (string, error) { return "session", nil }
	stripe := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	checkout := pipeline.New(
		retry.New[string](retry.Config{MaxAttempts: 3}),
		breaker.New[string](stripe),
	)
	session, err := checkout.Do(ctx, createSession)
	fmt.Println(session, err)
	// Output: session <nil>
}

// Porting, use 5: a flow over services, each with its own circuit.
func Example_portingFlow() {
	ctx := context.Background()
	get := func(context.Context) (any, error) { return "Ada", nil }
	analyse := func(context.Context) (int, error) { return 7, nil }
	dataservice := breaker.NewCircuit(breaker.Config{Name: "dataservice", FailureThreshold: 5, RecoveryTimeout: 15 * time.Second})
	orchestrator := breaker.NewCircuit(breaker.Config{Name: "orchestrator", FailureThreshold: 3, RecoveryTimeout: 30 * time.Second})
	data := pipeline.Standard[any](pipeline.StandardConfig{Name: "dataservice", Circuit: dataservice})
	flows := pipeline.Standard[any](pipeline.StandardConfig{Name: "orchestrator", Circuit: orchestrator})

	process := func() (int, error) {
		if _, err := data.Do(ctx, get); err != nil {
			return 0, fmt.Errorf("fetching the user: %w", err)
		}
		features, err := retry.Do(ctx, retry.Config{MaxAttempts: 3, BaseDelay: time.Second, MaxDelay: 5 * time.Second}, analyse)
		if err != nil {
			return 0, fmt.Errorf("analysing: %w", err)
		}
		store := func(context.Context) error { return nil }
		if err := pipeline.Exec(ctx, flows, store); err != nil {
			return features, fmt.Errorf("storing the features: %w", err)
		}
		return features, nil
	}
	fmt.Println(process())
	// Output: 7 <nil>
}

// The numbers are those that docs/semantics.md has for nested retries.
func TestNestedRetriesMultiply(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	begun := clk.Now()
	cfg := retry.Config{Clock: clk, JitterFactor: retry.NoJitter}
	var at []float64
	_, err := pipeline.New(retry.New[int](cfg), retry.New[int](cfg)).Do(t.Context(), func(context.Context) (int, error) {
		at = append(at, clk.Now().Sub(begun).Seconds())
		return 0, errors.New("down")
	})
	assert.Equal(t, []float64{0, 0.5, 1.5, 2, 2.5, 3.5, 4.5, 5, 6}, at)
	assert.ErrorIs(t, err, retry.ErrExhausted)
}

func TestATripOfANanosecondForcesHalfOpen(t *testing.T) {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Clock: clk})
	c.Trip(1, "a probe by hand")
	assert.Equal(t, breaker.Open, c.State())
	clk.Advance(1)
	assert.Equal(t, breaker.HalfOpen, c.State())
	_, err := breaker.Do(t.Context(), c, func(context.Context) (int, error) { return 1, nil })
	assert.NoError(t, err)
	assert.Equal(t, breaker.Closed, c.State())
}

// Every circuit on the way sees a mark, and Do removes it.
func TestEveryCircuitSeesAJudgedErrorAndTheCallerDoesNot(t *testing.T) {
	errNoSuchOrder := errors.New("no such order")
	inner := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	outer := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	p := pipeline.New(breaker.New[int](outer), retry.New[int](retry.Config{}), breaker.New[int](inner))
	_, err := p.Do(t.Context(), func(context.Context) (int, error) {
		return 0, retry.Permanent(breaker.Judge(errNoSuchOrder, policy.Success))
	})
	assert.Equal(t, errNoSuchOrder, err)
	assert.Equal(t, breaker.Closed, inner.State())
	assert.Equal(t, breaker.Closed, outer.State())
	wrapped := func(context.Context) (int, error) {
		return 0, fmt.Errorf("order 7: %w", retry.Permanent(errNoSuchOrder))
	}
	calls := 0
	_, err = pipeline.New(retry.New[int](retry.Config{}), retry.New[int](retry.Config{})).
		Do(t.Context(), func(ctx context.Context) (int, error) { calls++; return wrapped(ctx) })
	assert.EqualError(t, err, "order 7: no such order")
	assert.Equal(t, 1, calls, "a wrapped mark stays, and ends the outer retry too")
}
