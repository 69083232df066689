package bench_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func init() { workloads["Chaos"] = workload{always(succeed), chaotics} }

func BenchmarkChaos(b *testing.B) { measure(b, "Chaos") }

func TestChaosThatDoesNotActCallsOnce(t *testing.T) { succeeds(t, "Chaos") }

// passing is the cheapest policy there can be.
type passing struct{}

func (*passing) Execute(ctx context.Context, next policy.Call[int]) (int, error) { return next.Do(ctx) }

// chaotics are whole calls through pipelines with chaos that does not act.
func chaotics() []contender {
	injector := func(cfg chaos.Config) *chaos.Injector[int] {
		return chaos.Fault[int](cfg, func(context.Context) error { return errDown })
	}
	off := func() *chaos.Injector[int] { return injector(chaos.Config{Rate: 0.3}) }
	through := func(lib string, policies ...policy.Policy[int]) contender {
		p := pipeline.New(policies...)
		return contender{lib, func(f callee) call {
			return func(ctx context.Context) (int, error) { return p.Do(ctx, f.fn) }
		}}
	}
	return []contender{
		bare, flagged(),
		through("ductile-none"), through("ductile-pass", &passing{}), through("ductile-off", off()),
		through("ductile-mix", chaos.Mix(off(), off(), off())), through("ductile-missed", injector(chaos.Config{Enabled: true})),
		through("ductile-timeout", policy.Timeout[int](time.Hour)), through("ductile-both", policy.Timeout[int](time.Hour), off()),
	}
}

// flagged is chaos by hand.
func flagged() contender {
	var enabled atomic.Bool
	return contender{"byhand", func(f callee) call {
		return func(ctx context.Context) (int, error) {
			if enabled.Load() && rand.Float64() < 0.3 {
				return 0, errDown
			}
			return f.fn(ctx)
		}
	}}
}
