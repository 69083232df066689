package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
)

func init() { workloads["Live"] = workload{always(succeed), lives} }

func BenchmarkLive(b *testing.B) { measure(b, "Live") }

func TestLivesCallOnce(t *testing.T) { succeeds(t, "Live") }

// TestALiveAllocatesNoMoreThanItsPipeline compares calls that are observed, where the
// records of 64 calls are one allocation.
func TestALiveAllocatesNoMoreThanItsPipeline(t *testing.T) {
	ctx := context.Background()
	for _, c := range lives() {
		call := c.bind(callee{fn: func(context.Context) (int, error) { return 1, nil }})
		assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { _, _ = call(ctx) }), 1.0, "%s: one of the timeout", c.lib)
	}
}

// fourDeclared declares the policies of the scenario Four.
func fourDeclared() registry.Spec {
	return registry.Spec{
		Circuits:  map[string]registry.CircuitSpec{"c": {}},
		Pipelines: map[string]registry.PipelineSpec{"p": {Fallback: "zero", Retry: &registry.RetrySpec{}, Circuit: "c", AttemptTimeout: time.Hour}},
		Families:  map[string]registry.FamilySpec{"f": {Pipeline: "p", Circuit: &registry.CircuitSpec{}}},
	}
}

func lives() []contender {
	noop := func(context.Context, policy.Event) {}
	zero := registry.WithFuncs(registry.Funcs{Fallback: map[string]any{
		"zero": func(context.Context, error) (int, error) { return 0, nil },
	}})
	of := func(opts ...registry.Option) (*registry.Registry, *registry.Live[int]) {
		r, err := registry.New(fourDeclared(), append(opts, zero)...)
		if err != nil {
			panic(err)
		}
		l, err := registry.Pipeline[int](r, "p")
		if err != nil {
			panic(err)
		}
		return r, l
	}
	through := func(lib string, do func(context.Context, policy.Func[int]) (int, error)) contender {
		return contender{lib, func(f callee) call {
			return func(ctx context.Context) (int, error) { return do(ctx, f.fn) }
		}}
	}
	around := func(p policy.Policy[int]) *pipeline.Pipeline[int] { return pipeline.New(p).WithObserver(noop) }
	fixed := pipeline.New(ours(true)...)
	observed := fixed.WithObserver(noop)
	r, live := of()
	_, watched := of(registry.WithObserver(noop))
	members, err := registry.Keyed[int](r, "f")
	if err != nil {
		panic(err)
	}
	return []contender{
		through("ductile", fixed.Do), through("ductile-live", live.Do),
		through("ductile-observed", observed.Do), through("ductile-live-all", watched.Do),
		through("ductile-inside", around(observed).Do), through("ductile-live-inside", around(watched).Do),
		through("ductile-member", func(ctx context.Context, fn policy.Func[int]) (int, error) {
			return members.Get("a.example").Do(ctx, fn)
		}),
	}
}
