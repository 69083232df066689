package bench_test

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cep21/circuit/v4"
	"github.com/cep21/circuit/v4/closers/hystrix"
	"github.com/cep21/circuit/v4/closers/simplelogic"
	eapache "github.com/eapache/go-resiliency/breaker"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/sony/gobreaker/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	zero "github.com/zeromicro/go-zero/core/breaker"

	"github.com/ductile-go/ductile/breaker"
)

func BenchmarkClosedRow(b *testing.B)     { measure(b, "ClosedRow") }
func BenchmarkClosedWindow(b *testing.B)  { measure(b, "ClosedWindow") }
func BenchmarkClosedCalls(b *testing.B)   { measure(b, "ClosedCalls") }
func BenchmarkFailingRow(b *testing.B)    { measure(b, "FailingRow") }
func BenchmarkFailingWindow(b *testing.B) { measure(b, "FailingWindow") }

func TestClosedCircuitsCallOnce(t *testing.T) {
	for _, name := range []string{"ClosedRow", "ClosedWindow", "ClosedCalls"} {
		t.Run(name, func(t *testing.T) { succeeds(t, name) })
	}
}

func TestClosedCircuitsOpenOnFailures(t *testing.T) {
	for _, name := range []string{"ClosedRow", "ClosedWindow", "ClosedCalls"} {
		for _, c := range workloads[name].contenders() {
			if c.lib == "bare" || c.lib == "mutex" || c.lib == "go-zero" { // go-zero never refuses all
				continue
			}
			t.Run(name+"/"+c.lib, func(t *testing.T) {
				var calls atomic.Int64
				do := c.bind(counted(fail, &calls))
				for range 300 {
					_, err := do(t.Context())
					require.Error(t, err)
				}
				assert.Less(t, calls.Load(), int64(200))
			})
		}
	}
}

func TestFailingCallsAreAllCalled(t *testing.T) {
	for _, name := range []string{"FailingRow", "FailingWindow"} {
		t.Run(name, func(t *testing.T) {
			each(t, name, func(t *testing.T, do call, calls *atomic.Int64) {
				failed := 0
				for range 1000 {
					if _, err := do(t.Context()); err != nil {
						require.ErrorIs(t, err, errDown)
						failed++
					}
				}
				assert.EqualValues(t, 1000, calls.Load())
				assert.GreaterOrEqual(t, failed, 750)
			})
		})
	}
}

const (
	window    = 10 * time.Second // in ten buckets
	inRow     = 5
	recovery  = time.Hour // longer than any run
	minCalls  = 20
	unlimited = math.MaxInt32 // as a threshold: one that is not reached
)

func closedRow() []contender  { return append(yardsticks(), rows(inRow)...) }
func failingRow() []contender { return append(yardsticks(), rows(unlimited)...) }

func rows(failures int) []contender {
	ours := breaker.New[int](ourRow(failures))
	return []contender{
		ductile(ours),
		piped(ours),
		sony(gobreakerRow(failures)),
		failsafes(failsafeRow(failures)),
		cep(cep21Row(failures)),
		resiliency(eapacheRow(failures)),
	}
}

func closedWindow() []contender {
	return append(yardsticks(), append(windows(0.5), google(googles()))...)
}

// failingWindow is without go-zero, which would drop some of the calls.
func failingWindow() []contender { return append(yardsticks(), windows(0.99)...) }

func windows(rate float64) []contender {
	ours := breaker.New[int](ourWindow(rate))
	return []contender{
		ductile(ours),
		piped(ours),
		sony(gobreakerWindow(rate)),
		failsafes(failsafeWindow(rate)),
		cep(cep21Window(rate)),
	}
}

// closedCalls has those that can count the last so many calls.
func closedCalls() []contender {
	ours := breaker.New[int](breaker.NewCircuit(breaker.Config{
		WindowCalls: 100, FailureRate: 0.5, RecoveryTimeout: recovery,
	}))
	theirs := circuitbreaker.NewBuilder[int]().WithFailureThresholdRatio(50, 100).WithDelay(recovery).Build()
	return append(yardsticks(), ductile(ours), piped(ours), failsafes(theirs))
}

func ourRow(failures int) *breaker.Circuit {
	return breaker.NewCircuit(breaker.Config{FailureThreshold: failures, RecoveryTimeout: recovery})
}

func ourWindow(rate float64) *breaker.Circuit {
	return breaker.NewCircuit(breaker.Config{
		Window: window, FailureRate: rate, MinCalls: minCalls, RecoveryTimeout: recovery,
	})
}

func gobreakerRow(failures int) *gobreaker.CircuitBreaker[int] {
	return gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		Timeout:     recovery,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= uint32(failures) },
	})
}

func gobreakerWindow(rate float64) *gobreaker.CircuitBreaker[int] {
	return gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		Timeout: recovery, Interval: window, BucketPeriod: window / 10,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.Requests >= minCalls && float64(c.TotalFailures) >= rate*float64(c.Requests)
		},
	})
}

func sony(cb *gobreaker.CircuitBreaker[int]) contender {
	return contender{"gobreaker", func(f callee) call {
		return func(context.Context) (int, error) { return cb.Execute(f.value) }
	}}
}

// failsafeRow keeps a bit for each failure in a row, so a threshold that is not
// reached is put beyond a short row instead.
func failsafeRow(failures int) circuitbreaker.CircuitBreaker[int] {
	capacity := uint(min(failures, inRow))
	threshold := capacity
	if failures == unlimited {
		threshold++
	}
	return circuitbreaker.NewBuilder[int]().WithFailureThresholdRatio(threshold, capacity).WithDelay(recovery).Build()
}

func failsafeWindow(rate float64) circuitbreaker.CircuitBreaker[int] {
	return circuitbreaker.NewBuilder[int]().WithFailureRateThreshold(rate, minCalls, window).WithDelay(recovery).Build()
}

// execution turns off cep21's own timeout and its limit of ten calls at a time.
var execution = circuit.ExecutionConfig{Timeout: -1, MaxConcurrentRequests: -1}

var closer = hystrix.CloserFactory(hystrix.ConfigureCloser{SleepWindow: recovery})

func cep21Row(failures int) *circuit.Circuit {
	return circuit.NewCircuitFromConfig("row", circuit.Config{
		Execution: execution,
		General: circuit.GeneralConfig{
			OpenToClosedFactory: closer,
			ClosedToOpenFactory: simplelogic.ConsecutiveErrOpenerFactory(
				simplelogic.ConfigConsecutiveErrOpener{ErrorThreshold: int64(failures)}),
		},
	})
}

func cep21Window(rate float64) *circuit.Circuit {
	return circuit.NewCircuitFromConfig("window", circuit.Config{
		Execution: execution,
		General: circuit.GeneralConfig{
			OpenToClosedFactory: closer,
			ClosedToOpenFactory: hystrix.OpenerFactory(hystrix.ConfigureOpener{
				ErrorThresholdPercentage: int64(100 * rate), RequestVolumeThreshold: minCalls,
				RollingDuration: window, NumBuckets: 10,
			}),
		},
	})
}

func cep(c *circuit.Circuit) contender {
	return contender{"cep21", func(f callee) call {
		return func(ctx context.Context) (int, error) { return 0, c.Run(ctx, f.ctx) }
	}}
}

func eapacheRow(failures int) *eapache.Breaker { return eapache.New(failures, 1, recovery) }

func resiliency(b *eapache.Breaker) contender {
	return contender{"eapache", func(f callee) call {
		return func(context.Context) (int, error) { return 0, b.Run(f.plain) }
	}}
}

// googles is a breaker of go-zero's: ten seconds and all else are fixed.
func googles() zero.Breaker { return zero.NewBreaker(zero.WithName("window")) }

func google(b zero.Breaker) contender {
	return contender{"go-zero", func(f callee) call {
		return func(ctx context.Context) (int, error) { return 0, b.DoCtx(ctx, f.plain) }
	}}
}
