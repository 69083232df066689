package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Every attempt fails while the injector is on, and the circuit opens. The function does not
// run.
func ExampleFault() {
	outage := chaos.Fault[string](chaos.Config{Name: "stripe", Rate: 1},
		func(context.Context) error { return errors.New("connection refused") })
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 3})
	p := pipeline.New(
		retry.New[string](retry.Config{BaseDelay: retry.NoDelay}),
		breaker.New[string](circuit),
		outage, // innermost
	)
	charge := func(context.Context) (string, error) { return "charged", nil }

	fmt.Println(p.Do(context.Background(), charge))
	outage.On()
	_, err := p.Do(context.Background(), charge)
	fmt.Println(err)
	fmt.Println(circuit.State(), errors.Is(err, chaos.ErrInjected))
	outage.Off()
	// Output:
	// charged <nil>
	// retry: gave up after 3 attempts: retry: attempts exhausted: last error: chaos: injected by "stripe": connection refused
	// open true
}

// A tenth of the calls takes three seconds, so a timeout of one second ends them. An
// AutoAdvance clock moves when something sleeps on it.
func ExampleLatency() {
	clk := fake.NewClock(fake.AutoAdvance())
	slow := chaos.Latency[int](chaos.Config{Rate: 0.1, Seed: 1, Enabled: true, Clock: clk},
		func(context.Context) time.Duration { return 3 * time.Second })
	p := pipeline.New[int](policy.NewTimeout[int](policy.TimeoutConfig{After: time.Second, Clock: clk}), slow)
	late := 0
	for range 1000 {
		_, err := p.Do(context.Background(), func(context.Context) (int, error) { return 1, nil })
		if _, ok := errors.AsType[*policy.TimeoutError](err); ok {
			late++
		}
	}
	fmt.Println(late, "of 1000 calls were late;", slow.Snapshot().Injected, "were slowed down")
	// Output: 95 of 1000 calls were late; 95 were slowed down
}

// A stale answer, as a broken cache in front of the service would give it.
func ExampleOutcome() {
	stale := chaos.Outcome(chaos.Config{Rate: 1, Enabled: true},
		func(context.Context) (string, error) { return "yesterday's price", nil })
	fmt.Println(stale.Do(context.Background(), func(context.Context) (string, error) { return "today's price", nil }))
	// Output: yesterday's price <nil>
}

// A deployment in the middle of a call: the function runs all the same, but on what the
// behavior has left.
func ExampleBehavior() {
	session := "s1"
	restart := chaos.Behavior[string](chaos.Config{Rate: 1, Enabled: true}, func(context.Context) error {
		session = ""
		return nil
	})
	fmt.Println(restart.Do(context.Background(), func(context.Context) (string, error) {
		if session == "" {
			return "", errors.New("no session: log in again")
		}
		return "hello", nil
	}))
	// Output:  no session: log in again
}

// The card is charged and the answer is lost, so a retry without an idempotency key charges
// twice.
func ExampleDetour() {
	lost := chaos.Detour[string](chaos.Config{Rate: 1, Enabled: true},
		func(ctx context.Context, rest policy.Func[string]) (string, error) {
			_, _ = rest(ctx)
			return "", errors.New("connection reset")
		})
	charges := 0
	_, err := pipeline.New(retry.New[string](retry.Config{MaxAttempts: 2, BaseDelay: retry.NoDelay}), lost).
		Do(context.Background(), func(context.Context) (string, error) { charges++; return "charged", nil })
	fmt.Println(charges, "charges:", err)
	// Output: 2 charges: retry: gave up after 2 attempts: retry: attempts exhausted: last error: chaos: injected: connection reset
}

// Of 100 calls about 10 fail and 20 are slow, and none does both.
func ExampleMix() {
	clk := fake.NewClock(fake.AutoAdvance())
	bad := chaos.Mix(
		chaos.Fault[int](chaos.Config{Name: "broken", Rate: 0.1, Seed: 7, Enabled: true},
			func(context.Context) error { return errors.New("broken pipe") }),
		chaos.Latency[int](chaos.Config{Name: "slow", Rate: 0.2, Enabled: true, Clock: clk},
			func(context.Context) time.Duration { return time.Second }),
	)
	fmt.Println(bad)
	for range 100 {
		_, _ = bad.Do(context.Background(), func(context.Context) (int, error) { return 1, nil })
	}
	for _, s := range bad.Snapshot() {
		fmt.Println(s.Name, s.Injected, "of", s.Calls)
	}
	// Output:
	// chaos(broken fault 10% | slow latency 20%)
	// broken 5 of 100
	// slow 22 of 100
}

// Only the calls of a test tenant fail, in production.
func ExampleConfig_when() {
	type tenant struct{}
	p := chaos.Fault[string](chaos.Config{
		Rate: 1,
		When: func(ctx context.Context) bool { return ctx.Value(tenant{}) == "rehearsal" },
	}, func(context.Context) error { return errors.New("connection refused") })
	for _, name := range []string{"acme", "rehearsal"} {
		ctx := context.WithValue(context.Background(), tenant{}, name)
		_, err := p.Do(ctx, func(context.Context) (string, error) { return "hello", nil })
		fmt.Println(name, err)
	}
	// Output:
	// acme <nil>
	// rehearsal chaos: injected: connection refused
}
