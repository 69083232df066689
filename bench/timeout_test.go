package bench_test

import (
	"context"
	"testing"

	"github.com/cep21/circuit/v4"
	"github.com/eapache/go-resiliency/deadline"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/policy"
)

func BenchmarkTimeoutIgnored(b *testing.B) { measure(b, "TimeoutIgnored") }
func BenchmarkTimeoutWaited(b *testing.B)  { measure(b, "TimeoutWaited") }
func BenchmarkTimeoutDerived(b *testing.B) { measure(b, "TimeoutDerived") }

func TestTimeoutsCallOnce(t *testing.T) {
	for _, name := range []string{"TimeoutIgnored", "TimeoutWaited", "TimeoutDerived"} {
		t.Run(name, func(t *testing.T) { succeeds(t, name) })
	}
}

// TestTimeoutsHandOnAContextThatCanEnd looks for what the callee waits on.
func TestTimeoutsHandOnAContextThatCanEnd(t *testing.T) {
	for _, c := range timeouts()[1:] {
		t.Run(c.lib, func(t *testing.T) {
			asked := ofContext(func(ctx context.Context) error {
				assert.NotNil(t, ctx.Done())
				return nil
			})
			_, err := c.bind(asked)(t.Context())
			assert.NoError(t, err)
		})
	}
}

// timeoutIgnored adds those that leave a callee behind on a goroutine.
func timeoutIgnored() []contender {
	abandon := policy.NewTimeout[int](policy.TimeoutConfig{After: limit, Abandon: true})
	theirs := deadline.New(limit)
	return append(timeouts(),
		contender{"ductile-abandon", ductile(abandon).bind},
		contender{"eapache", func(f callee) call {
			work := func(<-chan struct{}) error { return f.plain() }
			return func(context.Context) (int, error) { return 0, theirs.Run(work) }
		}})
}

func timeouts() []contender {
	ours := policy.Timeout[int](limit)
	hystrix := circuit.NewCircuitFromConfig("timeout", circuit.Config{
		Execution: circuit.ExecutionConfig{Timeout: limit, MaxConcurrentRequests: -1},
	})
	return []contender{
		bare, withTimeout,
		ductile(ours), piped(ours),
		executions("failsafe", timeout.New[int](limit)),
		cep(hystrix),
	}
}

// executions calls through failsafe-go where the callee needs the context that
// the policies made.
func executions(lib string, policies ...failsafe.Policy[int]) contender {
	e := failsafe.With(policies...)
	return contender{lib, func(f callee) call {
		work := func(exec failsafe.Execution[int]) (int, error) { return f.fn(exec.Context()) }
		return func(context.Context) (int, error) { return e.GetWithExecution(work) }
	}}
}
