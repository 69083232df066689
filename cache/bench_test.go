package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/ductile-go/ductile/cache"
)

func one(context.Context) (int, error) { return 1, nil }

func hitting(cfg config) (*cache.Cache[string, int], context.Context) {
	cfg.Key, cfg.TTL = func(context.Context) (string, bool) { return "users/1234", true }, time.Hour
	c := cache.New(cfg)
	ctx := context.Background()
	_, _ = c.Do(ctx, one)
	return c, ctx
}

func BenchmarkHit(b *testing.B) {
	c, ctx := hitting(config{})
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Do(ctx, one)
	}
}

func BenchmarkHitParallel(b *testing.B) {
	c, ctx := hitting(config{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = c.Do(ctx, one)
		}
	})
}

func BenchmarkMiss(b *testing.B) {
	c := cache.New(cache.Config[int, int]{Key: keyIn[int], TTL: time.Hour})
	ctx := &intKey{Context: context.Background()}
	b.ReportAllocs()
	for b.Loop() {
		ctx.k++
		_, _ = c.Do(ctx, one)
	}
}

// intKey is a context whose key changes without an allocation.
type intKey struct {
	context.Context
	k int
}

func (c *intKey) Value(key any) any {
	if key == (keyOf{}) {
		return c.k
	}
	return c.Context.Value(key)
}

// A stale entry that cools down is served without a lock.
func BenchmarkStale(b *testing.B) {
	c := cache.New(config{Key: func(context.Context) (string, bool) { return "a", true }, TTL: 1, Stale: time.Hour, Cooldown: time.Hour})
	ctx := context.Background()
	_, _ = c.Do(ctx, one)
	_, _ = c.Do(ctx, func(context.Context) (int, error) { return 0, errDown })
	_ = c.Close(ctx)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Do(ctx, one)
	}
}
