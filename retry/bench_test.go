package retry_test

import (
	"context"
	"testing"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// BenchmarkAlone compares a retry with the bare call: a success of the first attempt,
// one of the third, and no success at all, without delays.
func BenchmarkAlone(b *testing.B) {
	r := retry.New[int](retry.Config{Backoff: retry.Constant(0)})
	succeed := func(context.Context) (int, error) { return 1, nil }
	fail := func(context.Context) (int, error) { return 0, errDown }
	third := func(ctx context.Context) (int, error) {
		if retry.Attempt(ctx) < 3 {
			return 0, errDown
		}
		return 1, nil
	}
	for _, bench := range []struct {
		name string
		call policy.Func[int]
	}{
		{"bare", succeed},
		{"first", func(ctx context.Context) (int, error) { return r.Do(ctx, succeed) }},
		{"third", func(ctx context.Context) (int, error) { return r.Do(ctx, third) }},
		{"exhausted", func(ctx context.Context) (int, error) { return r.Do(ctx, fail) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = bench.call(context.Background())
			}
		})
		b.Run(bench.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = bench.call(context.Background())
				}
			})
		})
	}
}
