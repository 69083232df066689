package chaos_test

import (
	"context"
	"testing"
	"time"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// BenchmarkCall measures whole calls through a pipeline. "none" is the floor: a pipeline
// without policies.
func BenchmarkCall(b *testing.B) {
	off := func() *chaos.Injector[int] { return chaos.Fault[int](chaos.Config{Rate: 1}, failing) }
	missed := func() *chaos.Injector[int] { return chaos.Fault[int](chaos.Config{Enabled: true}, failing) }
	for _, bm := range []struct {
		name     string
		policies []policy.Policy[int]
	}{
		{"none", nil},
		{"off", []policy.Policy[int]{off()}},
		{"mix-off", []policy.Policy[int]{chaos.Mix(off())}},
		{"missed", []policy.Policy[int]{missed()}},
		{"mix-missed", []policy.Policy[int]{chaos.Mix(missed(), missed())}},
		{"fault", []policy.Policy[int]{chaos.Fault[int](chaos.Config{Rate: 1, Enabled: true}, failing)}},
		{"pass", []policy.Policy[int]{pass{}}},
		{"timeout", []policy.Policy[int]{policy.Timeout[int](time.Hour)}},
		{"timeout+off", []policy.Policy[int]{policy.Timeout[int](time.Hour), off()}},
	} {
		p := pipeline.New(bm.policies...)
		ctx := context.Background()
		fn := func(context.Context) (int, error) { return 1, nil }
		b.Run(bm.name+"/mode=serial", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = p.Do(ctx, fn)
			}
		})
		b.Run(bm.name+"/mode=parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = p.Do(ctx, fn)
				}
			})
		})
	}
}
