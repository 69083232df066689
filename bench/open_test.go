package bench_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/cep21/circuit/v4"
	eapache "github.com/eapache/go-resiliency/breaker"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/sony/gobreaker/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
)

func BenchmarkRejecting(b *testing.B) { measure(b, "Rejecting") }
func BenchmarkHalfOpen(b *testing.B)  { measure(b, "HalfOpen") }

func TestOpenCircuitsReject(t *testing.T) {
	each(t, "Rejecting", func(t *testing.T, do call, calls *atomic.Int64) {
		var admitted int64 // a yardstick has no circuit
		if t.Name() == "TestOpenCircuitsReject/bare" || t.Name() == "TestOpenCircuitsReject/mutex" {
			admitted = 100
		}
		for range 100 {
			_, err := do(t.Context())
			require.Equal(t, admitted == 0, isOpen(err), "%v", err)
		}
		assert.Equal(t, admitted, calls.Load())
	})
}

// isOpen reports whether err is some library's word for an open circuit.
func isOpen(err error) bool {
	var refused circuit.Error
	return errors.Is(err, breaker.ErrOpen) || errors.Is(err, gobreaker.ErrOpenState) ||
		errors.Is(err, circuitbreaker.ErrOpen) || errors.Is(err, eapache.ErrBreakerOpen) ||
		errors.As(err, &refused) && refused.CircuitOpen()
}

func TestHalfOpenChurns(t *testing.T) {
	for _, churn := range churns() {
		if churn.state == nil {
			continue
		}
		t.Run(churn.lib, func(t *testing.T) {
			var calls atomic.Int64
			probe := churn.call(counted(succeed, &calls))
			doomed := churn.call(counted(fail, &calls))
			for range 100 {
				_, err := doomed(t.Context())
				require.ErrorIs(t, err, errDown)
				require.NotEqual(t, "closed", churn.state())
				_, err = probe(t.Context())
				for isOpen(err) { // until a coarse clock has moved on
					_, err = probe(t.Context())
				}
				require.NoError(t, err)
				require.Equal(t, "closed", churn.state())
			}
			assert.EqualValues(t, 200, calls.Load())
		})
	}
}

// rejecting is without go-zero, which has no open state.
func rejecting() []contender {
	ctx := context.Background()
	c := ourRow(inRow)
	c.Trip(recovery, "test")
	ours := breaker.New[int](c)
	theirs := failsafeRow(inRow)
	theirs.Open()
	hystrix := cep21Row(inRow)
	hystrix.OpenCircuit(ctx)
	open := append(yardsticks(), ductile(ours), piped(ours),
		sony(gobreakerRow(1)), failsafes(theirs), cep(hystrix), resiliency(eapacheRow(1)))
	for _, c := range open {
		_, _ = c.bind(fail)(ctx) // opens those of threshold 1
	}
	return open
}

// churner makes calls through one circuit whose threshold is one failure and
// whose recovery takes no time.
type churner struct {
	lib   string
	call  func(f callee) call
	state func() string
}

// halfOpen has those whose circuit is half-open as soon as its time has passed.
// The circuits of cep21 and eapache wait for a timer; go-zero has no state.
func halfOpen() []contender {
	var all []contender
	for _, c := range churns() {
		all = append(all, contender{c.lib, func(f callee) call {
			doomed, probe := c.call(fail), c.call(f)
			return func(ctx context.Context) (int, error) {
				_, _ = doomed(ctx)
				return probe(ctx)
			}
		}})
	}
	return all
}

func churns() []churner {
	ours := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, RecoveryTimeout: 1})
	sonys := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		Timeout:     1,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 1 },
	})
	theirs := circuitbreaker.NewBuilder[int]().WithDelay(0).Build()
	return []churner{
		{"bare", bare.bind, nil},
		{"ductile", ductile(breaker.New[int](ours)).bind, func() string { return ours.Snapshot().State.String() }},
		{"gobreaker", sony(sonys).bind, func() string { return sonys.State().String() }},
		{"failsafe", failsafes(failsafe.Policy[int](theirs)).bind, func() string { return theirs.State().String() }},
	}
}
