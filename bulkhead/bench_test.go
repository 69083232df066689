package bulkhead_test

import (
	"context"
	"testing"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/policy"
)

// BenchmarkCall measures a call through a gate with free places, and the call alone.
func BenchmarkCall(b *testing.B) {
	ctx := context.Background()
	gate := bulkhead.New[int](bulkhead.NewGate(bulkhead.Config{Limit: 100, MaxQueue: 10}))
	for name, run := range map[string]func(context.Context, policy.Func[int]) (int, error){
		"bare": func(ctx context.Context, fn policy.Func[int]) (int, error) { return fn(ctx) },
		"gate": gate.Do,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = run(ctx, one)
			}
		})
	}
}

// BenchmarkRefused measures a call that a full gate refuses.
func BenchmarkRefused(b *testing.B) {
	ctx := context.Background()
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	if _, ok := g.TryAcquire(); !ok {
		b.Fatal("no place")
	}
	full := bulkhead.New[int](g)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = full.Do(ctx, one)
	}
}
