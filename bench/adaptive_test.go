package bench_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/policy"
)

func BenchmarkAdaptivePermit(b *testing.B) { measure(b, "AdaptivePermit") }
func BenchmarkAdaptiveCall(b *testing.B)   { measure(b, "AdaptiveCall") }
func BenchmarkAdaptiveFull(b *testing.B)   { measure(b, "AdaptiveFull") }

func init() {
	workloads["AdaptivePermit"] = workload{always(succeed), adaptivePermits}
	workloads["AdaptiveCall"] = workload{always(succeed), adaptiveCalls}
	workloads["AdaptiveFull"] = workload{always(succeed), fullAdaptives}
}

// manyPlaces is the limit of the limiters that have room.
const manyPlaces = 1000

func climbing() *adaptive.Limiter {
	return adaptive.NewLimiter(adaptive.Config{Initial: manyPlaces})
}

func aiming() *adaptive.Limiter {
	return adaptive.NewLimiter(adaptive.Config{Initial: manyPlaces, Target: time.Minute})
}

func failsafeAdaptive(limit uint) adaptivelimiter.AdaptiveLimiter[int] {
	return adaptivelimiter.NewBuilder[int]().WithLimits(limit, limit, limit).Build()
}

func ourPermit(lib string, l *adaptive.Limiter) contender {
	return contender{lib, func(f callee) call {
		return func(ctx context.Context) (int, error) {
			p, err := l.Acquire(ctx)
			if err != nil {
				return 0, err
			}
			v, err := f.fn(ctx)
			p.Record(policy.Success)
			return v, err
		}
	}}
}

// timed reads the clock before and after a call.
func timed(f callee) call {
	epoch := time.Now()
	var last atomic.Int64
	return func(ctx context.Context) (int, error) {
		start := time.Since(epoch)
		v, err := f.fn(ctx)
		if time.Since(epoch) < start {
			last.Add(1)
		}
		return v, err
	}
}

func adaptivePermits() []contender {
	theirs := failsafeAdaptive(manyPlaces)
	return []contender{
		ourPermit("ductile", climbing()),
		ourPermit("ductile-aimd", aiming()),
		{"clock", timed},
		{"failsafe", func(f callee) call {
			return func(ctx context.Context) (int, error) {
				p, err := theirs.AcquirePermit(ctx)
				if err != nil {
					return 0, err
				}
				v, err := f.fn(ctx)
				p.Record()
				return v, err
			}
		}},
	}
}

func adaptiveCalls() []contender {
	return []contender{
		ductile(adaptive.New[int](climbing())),
		piped(adaptive.New[int](climbing())),
		called("ductile-aimd", piped(adaptive.New[int](aiming()))),
		{"clock", timed},
		failsafes(failsafeAdaptive(manyPlaces)),
	}
}

func fullAdaptives() []contender {
	l := adaptive.NewLimiter(adaptive.Config{Initial: 1})
	if _, err := l.Acquire(context.Background()); err != nil {
		panic(err)
	}
	theirs := failsafeAdaptive(1)
	theirs.TryAcquirePermit()
	return []contender{
		piped(adaptive.New[int](l)),
		ductile(adaptive.New[int](l)),
		handed("failsafe", func(context.Context) error {
			if _, ok := theirs.TryAcquirePermit(); ok {
				return nil
			}
			return errFull
		}, func() { panic("it was full") }),
	}
}

func TestAdaptiveLimitsCallOnce(t *testing.T) {
	for _, name := range []string{"AdaptivePermit", "AdaptiveCall"} {
		each(t, name, func(t *testing.T, do call, calls *atomic.Int64) {
			for range 50 {
				_, err := do(t.Context())
				require.NoError(t, err)
			}
			assert.EqualValues(t, 50, calls.Load())
		})
	}
}

func TestFullAdaptiveLimitsCallNothing(t *testing.T) {
	each(t, "AdaptiveFull", func(t *testing.T, do call, calls *atomic.Int64) {
		for range 10 {
			_, err := do(t.Context())
			require.Error(t, err)
		}
		assert.Zero(t, calls.Load())
	})
}
