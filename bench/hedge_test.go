package bench_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/hedgepolicy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
)

func init() {
	inTime := func() []contender { return append([]contender{bare, timerAlone}, hedges(limit)...) }
	workloads["HedgeInTime"] = workload{always(succeed), func() []contender { return append(inTime(), failsafeHedge(limit)) }}
	workloads["HedgeWaited"] = workload{always(wait), inTime}
}

func BenchmarkHedgeInTime(b *testing.B) { measure(b, "HedgeInTime") }
func BenchmarkHedgeWaited(b *testing.B) { measure(b, "HedgeWaited") }

func TestHedgesInTimeCallOnce(t *testing.T) {
	for _, name := range []string{"HedgeInTime", "HedgeWaited"} {
		t.Run(name, func(t *testing.T) { succeeds(t, name) })
	}
}

// TestHedgesHedge has a first attempt that waits for a second one.
func TestHedgesHedge(t *testing.T) {
	for _, c := range append(hedges(time.Millisecond), failsafeHedge(time.Millisecond)) {
		if c.lib == "ductile-learned" { // has nothing to learn from here
			continue
		}
		t.Run(c.lib, func(t *testing.T) {
			var calls atomic.Int64
			second := make(chan struct{})
			work := func() (int, error) {
				if calls.Add(1) == 1 {
					<-second
					return 0, errDown
				}
				defer close(second)
				return 2, nil
			}
			v, err := c.bind(callee{
				value: work, fn: func(context.Context) (int, error) { return work() },
			})(t.Context())
			if c.lib != "failsafe-hedge" && c.lib != "failsafe-ctx" { // which may take the failure
				require.NoError(t, err)
				assert.Equal(t, 2, v)
			}
			assert.EqualValues(t, 2, calls.Load())
		})
	}
}

// hedges are whole calls of hedges after the delay.
func hedges(delay time.Duration) []contender {
	unbounded := hedge.Config{Delay: delay, Budget: hedge.NoBudget}
	abandon := unbounded
	abandon.Abandon = true
	ours := func(lib string, cfg hedge.Config) contender {
		p := pipeline.New(hedge.New[int](cfg))
		return contender{lib, func(f callee) call {
			return func(ctx context.Context) (int, error) { return p.Do(ctx, f.fn) }
		}}
	}
	return []contender{
		ours("ductile-hedge", unbounded),
		ours("ductile-budget", hedge.Config{Delay: delay}),
		ours("ductile-learned", hedge.Config{MinDelay: delay, MinCalls: 1}),
		ours("ductile-abandon", abandon),
		raced(delay),
		executions("failsafe-ctx", hedgepolicy.NewWithDelay[int](delay)),
	}
}

// failsafeHedge calls a function that gets no context.
func failsafeHedge(delay time.Duration) contender {
	c := failsafes(hedgepolicy.NewWithDelay[int](delay))
	c.lib = "failsafe-hedge"
	return c
}

var timerAlone = contender{"timer", func(f callee) call {
	return func(ctx context.Context) (int, error) {
		defer time.AfterFunc(limit, func() {}).Stop()
		return f.fn(ctx)
	}
}}

// raced is what is written where there is no library: it takes the first success.
func raced(delay time.Duration) contender {
	type result struct {
		v   int
		err error
	}
	return contender{"byhand", func(f callee) call {
		return func(ctx context.Context) (v int, err error) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			results := make(chan result, 2)
			attempt := func() {
				v, err := f.fn(ctx)
				results <- result{v, err}
			}
			go attempt()
			timer := time.NewTimer(delay)
			defer timer.Stop()
			for running := 1; running > 0; {
				select {
				case r := <-results:
					if running--; r.err == nil {
						return r.v, nil
					}
					v, err = r.v, r.err
				case <-timer.C:
					running++
					go attempt()
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			}
			return v, err
		}
	}}
}
