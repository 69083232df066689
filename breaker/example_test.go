package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// One circuit stands for one dependency and is shared by calls of any result
// type.
func ExampleNewCircuit() {
	clk := fake.NewClock() // leave Clock out for real time
	openai := breaker.NewCircuit(breaker.Config{
		Name: "openai", FailureThreshold: 5, RecoveryTimeout: 60 * time.Second, HalfOpenMaxCalls: 3, Clock: clk,
	})
	for range 5 {
		_, _ = breaker.Do(context.Background(), openai, fake.NewFunc[string]().Fail(errors.New("overloaded")).Do)
	}
	_, err := breaker.Do(context.Background(), openai, fake.NewFunc[[]float64]().Return(nil).Do)
	fmt.Println(err)
	clk.Advance(60 * time.Second)
	fmt.Println(openai.State())
	_, err = breaker.Do(context.Background(), openai, fake.NewFunc[[]float64]().Return(nil).Do)
	fmt.Println(err, openai.State())
	// Output:
	// breaker: circuit "openai" is open, retry after 1m0s: opened by: overloaded
	// half-open
	// <nil> closed
}

// As a policy, a Breaker sees values through WithClassifier.
func ExampleNew() {
	c := breaker.NewCircuit(breaker.Config{Name: "search", FailureThreshold: 1})
	b := breaker.New[int](c).WithClassifier(func(status int, err error) policy.Outcome {
		switch {
		case err != nil || status >= 500:
			return policy.Failure
		case status >= 400:
			return policy.Ignored
		}
		return policy.Success
	})
	for _, status := range []int{200, 404, 503} {
		_, _ = b.Do(context.Background(), fake.NewFunc[int]().Return(status).Do)
		fmt.Println(status, c.State())
	}
	// Output:
	// 200 closed
	// 404 closed
	// 503 open
}

// Half of the calls of the last minute, of at least 4, open this one.
func ExampleConfig() {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{
		Name: "inventory", FailureRate: 0.5, Window: time.Minute, MinCalls: 4, Clock: clk,
		OnStateChange: func(t breaker.Transition) {
			fmt.Printf("%s: %s -> %s, %d of %d failed\n", t.Name, t.From, t.To, t.Counts.Failures, t.Counts.Failures+t.Counts.Successes)
		},
	})
	call := fake.NewFunc[int]().Return(1).Return(1).Fail(errors.New("down"))
	for range 4 {
		_, _ = breaker.Do(context.Background(), c, call.Do)
	}
	// Output: inventory: closed -> open, 2 of 4 failed
}

// Isolate is for a maintenance window: nothing passes until Reset.
func ExampleCircuit_Isolate() {
	c := breaker.NewCircuit(breaker.Config{Name: "billing"})
	c.Isolate()
	_, err := breaker.Do(context.Background(), c, fake.NewFunc[int]().Return(1).Do)
	fmt.Println(err)
	c.Reset()
	fmt.Println(c.State())
	// Output:
	// breaker: circuit "billing" is isolated
	// closed
}

func ExampleCircuit_Snapshot() {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Name: "mail", Clock: clk})
	c.Trip(10 * time.Second)
	clk.Advance(4 * time.Second)
	s := c.Snapshot()
	fmt.Println(s.Name, s.State, s.RetryAfter)
	// Output: mail open 6s
}
