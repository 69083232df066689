package throttle_test

import (
	"context"
	"testing"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

// both measures call serially and from all cores.
func both(b *testing.B, name string, call func(ctx context.Context)) {
	ctx := context.Background()
	b.Run(name+"/mode=serial", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			call(ctx)
		}
	})
	b.Run(name+"/mode=parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				call(ctx)
			}
		})
	})
}

func BenchmarkCall(b *testing.B) {
	low := policy.WithPriority(context.Background(), policy.Low)
	// A throttle that admits every call although many have failed looks at its window.
	admitting := func() float64 { return 1 }
	states := map[string]*throttle.Throttle{
		"well":      throttle.NewThrottle(throttle.Config{}),
		"failures":  filled(throttle.Config{Rand: admitting}, 1000, 0),
		"rejecting": filled(throttle.Config{Rand: func() float64 { return 0 }}, 1000, 0),
		"classes":   filled(throttle.Config{}, 0, 100),
	}
	if s := states["classes"].Snapshot(); s.Requests != 100 {
		b.Fatal(s)
	}
	_, _ = throttle.Do(low, states["classes"], succeed)
	for _, name := range []string{"well", "failures", "rejecting", "classes"} {
		p := pipeline.New[int](throttle.New[int](states[name]))
		both(b, name, func(ctx context.Context) { _, _ = p.Do(ctx, succeed) })
	}
	t := throttle.NewThrottle(throttle.Config{})
	both(b, "by hand", func(ctx context.Context) {
		p, _ := t.Acquire(ctx)
		p.Record(policy.Success)
	})
}
