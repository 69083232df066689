package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/sim"
)

func BenchmarkMillion(b *testing.B) {
	s := sim.Scenario{
		Seed: 3, Duration: 200 * time.Second,
		Clients:  []sim.Client{{Rate: 5000, Calls: "api"}},
		Services: []sim.Service{{Name: "api", Workers: 100, Queue: 1000, ServiceTime: sim.Exponential(10 * time.Millisecond)}},
		Variants: []sim.Variant{{Name: "x", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
			c := breaker.NewCircuit(breaker.Config{Clock: sim.Clock(ctx), Rand: sim.Rand(ctx)})
			return pipeline.New(retries(ctx, nil), breaker.New[any](c), attempt(ctx))
		}}},
	}
	for b.Loop() {
		r, err := sim.Run(b.Context(), s)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.Results[0].Between(0, s.Duration).Calls), "calls")
	}
}
