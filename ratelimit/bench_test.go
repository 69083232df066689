package ratelimit_test

import (
	"context"
	"testing"
	"time"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/ratelimit"
)

var born = time.Now()

func plenty() *ratelimit.Limiter {
	return ratelimit.NewLimiter(ratelimit.Config{Limit: 1e9, Burst: 1e6})
}

func none() *ratelimit.Limiter {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour})
	l.Allow(1)
	return l
}

func both(b *testing.B, f func()) {
	b.Run("mode=serial", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f()
		}
	})
	b.Run("mode=parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				f()
			}
		})
	})
}

// BenchmarkClock is the floor for the other benchmarks.
func BenchmarkClock(b *testing.B) { both(b, func() { _ = time.Since(born) }) }

func BenchmarkAllow(b *testing.B) {
	l := plenty()
	both(b, func() { l.Allow(1) })
}

func BenchmarkRefused(b *testing.B) {
	l := none()
	both(b, func() { l.Allow(1) })
}

func BenchmarkCall(b *testing.B) {
	ctx := context.Background()
	p := pipeline.New[int](ratelimit.New[int](plenty()))
	fn := func(context.Context) (int, error) { return 1, nil }
	both(b, func() { _, _ = p.Do(ctx, fn) })
}

func BenchmarkRefusedCall(b *testing.B) {
	ctx := context.Background()
	p := pipeline.New[int](ratelimit.New[int](none()))
	fn := func(context.Context) (int, error) { return 1, nil }
	both(b, func() { _, _ = p.Do(ctx, fn) })
}
