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

// A circuit stands for one dependency. Calls of any result type share it.
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
	// breaker: circuit "openai" is open: opened by: overloaded
	// half-open
	// <nil> closed
}

// With WithClassifier, a Breaker judges values, not only errors.
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

// This circuit opens when half of the calls of the last minute, and at least 4, have failed.
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

// Isolate is for maintenance: the circuit refuses every call until Reset.
func ExampleCircuit_Isolate() {
	c := breaker.NewCircuit(breaker.Config{Name: "billing"})
	c.Isolate("maintenance until six")
	_, err := breaker.Do(context.Background(), c, fake.NewFunc[int]().Return(1).Do)
	fmt.Println(err)
	c.Reset()
	fmt.Println(c.State())
	// Output:
	// breaker: circuit "billing" is isolated: maintenance until six
	// closed
}

func ExampleCircuit_Snapshot() {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Name: "mail", Clock: clk})
	c.Trip(10*time.Second, "failover drill")
	clk.Advance(4 * time.Second)
	s := c.Snapshot()
	fmt.Println(s.Name, s.State, s.Reason, s.RetryAfter)
	// Output: mail open failover drill 6s
}

// A function that knows what its error means can say so once, for every circuit around it.
func ExampleJudge() {
	c := breaker.NewCircuit(breaker.Config{Name: "catalog", FailureThreshold: 1})
	errNotFound := errors.New("no such item")
	find := func(context.Context) (string, error) {
		return "", breaker.Judge(errNotFound, policy.Success) // it answered
	}
	_, err := breaker.Do(context.Background(), c, find)
	fmt.Println(errors.Is(err, errNotFound), c.State())
	// Output: true closed
}

// stream is a value that is read after the call that returned it.
type stream struct{ end func(policy.Outcome) }

func (s *stream) Close(broken bool) {
	if broken {
		s.end(policy.Failure)
		return
	}
	s.end(policy.Success)
}

// A stream that breaks off counts as a failure, although the call that opened it succeeded.
func ExampleBreaker_WithKeep() {
	c := breaker.NewCircuit(breaker.Config{Name: "feed", FailureThreshold: 1})
	b := breaker.New[*stream](c).WithKeep(func(_ context.Context, s *stream, record func(policy.Outcome)) *stream {
		s.end = record
		return s
	})
	s, err := b.Do(context.Background(), func(context.Context) (*stream, error) { return &stream{}, nil })
	fmt.Println(err, c.State())
	s.Close(true)
	fmt.Println(c.State())
	// Output:
	// <nil> closed
	// open
}

func ExampleCircuit_Watch() {
	c := breaker.NewCircuit(breaker.Config{Name: "billing"})
	stop := c.Watch(func(t breaker.Transition) { fmt.Printf("%s: %s -> %s, %s\n", t.Name, t.From, t.To, t.Reason) })
	c.Isolate("maintenance until six")
	c.Reset()
	stop()
	c.Isolate("no longer watched")
	// Output:
	// billing: closed -> isolated, maintenance until six
	// billing: isolated -> closed, reset
}

// Reconfigure changes the threshold of a circuit in use and keeps its counts.
func ExampleCircuit_Reconfigure() {
	c := breaker.NewCircuit(breaker.Config{Name: "search", FailureThreshold: 5})
	call := fake.NewFunc[int]().Fail(errors.New("down"))
	for range 2 {
		_, _ = breaker.Do(context.Background(), c, call.Do)
	}
	cfg := c.Config()
	cfg.FailureThreshold = 3
	fmt.Println(c.Reconfigure(cfg), c.Snapshot().Counts.Failures)
	_, _ = breaker.Do(context.Background(), c, call.Do)
	fmt.Println(c.State())
	// Output:
	// <nil> 2
	// open
}

// A circuit in shadow shows what it would do.
func ExampleConfig_shadow() {
	c := breaker.NewCircuit(breaker.Config{Name: "legacy", FailureThreshold: 2, Shadow: true})
	call := fake.NewFunc[int]().Fail(errors.New("down"))
	for range 5 {
		_, _ = breaker.Do(context.Background(), c, call.Do)
	}
	fmt.Println(call.Calls(), "calls were made")
	fmt.Println(c.State(), "would have refused", c.Snapshot().Counts.Rejected)
	// Output:
	// 5 calls were made
	// open would have refused 3
}

// Four probes are judged together, so one failure does not reopen this circuit.
func ExampleConfig_probeCalls() {
	clk := fake.NewClock()
	c := breaker.NewCircuit(breaker.Config{Name: "orders", ProbeCalls: 4, ProbeFailureRate: 0.5, Clock: clk})
	c.Trip(time.Minute, "deployment")
	clk.Advance(time.Minute)
	call := fake.NewFunc[int]().Fail(errors.New("connection reset")).Return(1)
	for range 4 {
		_, err := breaker.Do(context.Background(), c, call.Do)
		fmt.Println(err, c.State())
	}
	// Output:
	// connection reset half-open
	// <nil> half-open
	// <nil> half-open
	// <nil> closed
}
