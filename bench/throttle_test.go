package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/adaptivethrottler"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

func BenchmarkThrottleCall(b *testing.B)      { measure(b, "ThrottleCall") }
func BenchmarkThrottleTense(b *testing.B)     { measure(b, "ThrottleTense") }
func BenchmarkThrottleByHand(b *testing.B)    { measure(b, "ThrottleByHand") }
func BenchmarkThrottleRejecting(b *testing.B) { measure(b, "ThrottleRejecting") }

func init() {
	workloads["ThrottleCall"] = workload{always(succeed), func() []contender { return throttles(0) }}
	workloads["ThrottleTense"] = workload{always(succeed), func() []contender { return throttles(20) }}
	workloads["ThrottleByHand"] = workload{always(succeed), throttlesByHand}
	workloads["ThrottleRejecting"] = workload{always(fail), func() []contender { return throttles(20) }}
}

// throttles have seen failures, and ten times as many successes before them.
func throttles(failures int) []contender {
	all := []contender{bare, readingTheClock(), throttledAlone(), throttledPipeline(), throttledClasses(), adaptiveThrottler(), google(googles())}
	for _, c := range all {
		well, badly := c.bind(succeed), c.bind(fail)
		for range 10 * failures {
			_, _ = well(context.Background())
		}
		for range failures {
			_, _ = badly(context.Background())
		}
	}
	return all
}

// readingTheClock is what no throttle does without: it counts a call when it ends.
func readingTheClock() contender {
	return contender{"clock", func(f callee) call {
		return func(ctx context.Context) (int, error) {
			v, err := f.fn(ctx)
			if time.Since(began) < 0 {
				return 0, errDown
			}
			return v, err
		}
	}}
}

func throttledAlone() contender {
	p := throttle.New[int](throttle.NewThrottle(throttle.Config{}))
	return contender{"ductile", func(f callee) call {
		return func(ctx context.Context) (int, error) { return p.Do(ctx, f.fn) }
	}}
}

func throttledPipeline() contender {
	p := pipeline.New[int](throttle.New[int](throttle.NewThrottle(throttle.Config{})))
	return contender{"ductile-pipeline", func(f callee) call {
		return func(ctx context.Context) (int, error) { return p.Do(ctx, f.fn) }
	}}
}

func throttledClasses() contender {
	c := throttledAlone()
	_, _ = c.bind(succeed)(policy.WithPriority(context.Background(), policy.Low))
	c.lib = "ductile-classes"
	return c
}

// adaptiveThrottler has our K, window and bounds.
func adaptiveThrottler() contender {
	theirs := failsafe.With(adaptivethrottler.NewBuilder[int]().
		WithFailureRateThreshold(0.5, 10, 2*time.Minute).WithMaxRejectionRate(0.99).Build())
	return contender{"failsafe", func(f callee) call {
		return func(context.Context) (int, error) { return theirs.Get(f.value) }
	}}
}

func throttlesByHand() []contender {
	ours := throttle.NewThrottle(throttle.Config{})
	theirs := adaptivethrottler.NewWithDefaults[int]()
	permitted := contender{"ductile", func(f callee) call {
		return func(ctx context.Context) (int, error) {
			permit, err := ours.Acquire(ctx)
			if err != nil {
				return 0, err
			}
			v, err := f.fn(ctx)
			permit.Record(policy.Success)
			return v, err
		}
	}}
	return []contender{bare, readingTheClock(), permitted, handed("failsafe", func(context.Context) error { return theirs.AcquirePermit() }, theirs.RecordSuccess)}
}

func TestThrottlesRejectOnlyWhereMostCallsFail(t *testing.T) {
	for _, name := range []string{"ThrottleCall", "ThrottleTense", "ThrottleByHand"} {
		succeeds(t, name)
	}
	for _, c := range workloads["ThrottleRejecting"].contenders() {
		if c.lib == "bare" || c.lib == "clock" {
			continue
		}
		do, rejected := c.bind(fail), 0
		for n := range 5000 {
			_, err := do(t.Context())
			require.Error(t, err, c.lib)
			if n >= 4000 && err != errDown { //nolint:errorlint // the function's own
				rejected++
			}
		}
		assert.Greater(t, rejected, 500, c.lib)
	}
}
