package adaptive_test

import (
	"context"
	"testing"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// both runs a benchmark on one goroutine and on all processors.
func both(b *testing.B, call func()) {
	b.Run("mode=serial", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			call()
		}
	})
	b.Run("mode=parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				call()
			}
		})
	})
}

func BenchmarkLimiter(b *testing.B) {
	ctx := context.Background()
	for name, cfg := range map[string]adaptive.Config{"climb": {}, "aimd": {Target: time.Second}} {
		l := adaptive.NewLimiter(cfg)
		p := pipeline.New[int](adaptive.New[int](l))
		b.Run("algo="+name+"/what=permit", func(b *testing.B) {
			both(b, func() {
				permit, _ := l.Acquire(ctx)
				permit.Record(policy.Success)
			})
		})
		b.Run("algo="+name+"/what=pipeline", func(b *testing.B) {
			both(b, func() { _, _ = p.Do(ctx, one) })
		})
	}
}

func BenchmarkClock(b *testing.B) {
	epoch := time.Now()
	both(b, func() { _ = time.Since(epoch) })
}
