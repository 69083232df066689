package policy_test

import (
	"context"
	"testing"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// both benchmarks a call serially and in parallel.
func both(b *testing.B, name string, call policy.Func[int]) {
	b.Helper()
	ctx := context.Background()
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = call(ctx)
		}
	})
	b.Run(name+"/parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _ = call(ctx)
			}
		})
	})
}

func succeed(context.Context) (int, error) { return 1, nil }

func listen(ctx context.Context) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	default:
		return 1, nil
	}
}

// BenchmarkAlone compares each policy with the bare call, and Timeout with
// context.WithTimeout.
func BenchmarkAlone(b *testing.B) {
	limit := policy.Timeout[int](time.Minute)
	abandon := policy.NewTimeout[int](policy.TimeoutConfig{After: time.Minute, Abandon: true})
	fallback := policy.FallbackValue(7)
	both(b, "bare", succeed)
	both(b, "fallback", func(ctx context.Context) (int, error) { return fallback.Do(ctx, succeed) })
	both(b, "fallback/failing", func(ctx context.Context) (int, error) { return fallback.Do(ctx, fail(errDown)) })
	both(b, "timeout/ignored", func(ctx context.Context) (int, error) { return limit.Do(ctx, succeed) })
	both(b, "timeout/listened", func(ctx context.Context) (int, error) { return limit.Do(ctx, listen) })
	both(b, "timeout/abandon", func(ctx context.Context) (int, error) { return abandon.Do(ctx, succeed) })
	both(b, "std/ignored", func(ctx context.Context) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		return succeed(ctx)
	})
	both(b, "std/listened", func(ctx context.Context) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		return listen(ctx)
	})
}
