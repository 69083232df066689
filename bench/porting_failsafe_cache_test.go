package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/cachepolicy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

type portKey struct{}

func portKeyOf(ctx context.Context) (string, bool) {
	k, ok := ctx.Value(portKey{}).(string)
	return k, ok
}

// portCache is a cache of ours whose key is in the context.
func portCache(cfg cache.Config[string, T]) *cache.Cache[string, T] {
	cfg.Key = portKeyOf
	if cfg.TTL == 0 {
		cfg.TTL = time.Hour
	}
	return cache.New(cfg)
}

// ported returns a context with the key of both.
func ported(t *testing.T, key string) context.Context {
	t.Helper()
	return context.WithValue(withTheirs(t.Context(), key), portKey{}, key)
}

func withTheirs(ctx context.Context, key string) context.Context {
	return cachepolicy.ContextWithCacheKey(ctx, key)
}

var failsafeCacheRows = map[string]func(*testing.T){
	"`cachepolicy.New[T](store)`": bubble(func(t *testing.T) {
		const d = time.Hour
		store, key := &rwmap{m: map[string]int{}}, portKeyOf
		theirs := failsafe.With[T](cachepolicy.New[T](store))
		c, ctx := cache.New(cache.Config[string, T]{Key: key, TTL: d}), ported(t, "a")
		tr := &trail{begun: time.Now(), end: returns(nil)}
		for range 3 {
			_, err := theirs.WithContext(ctx).Get(tr.value)
			require.NoError(t, err)
		}
		assert.Len(t, tr.at, 1)
		for range 3 {
			_, err := c.Do(ctx, tr.fn)
			require.NoError(t, err)
		}
		assert.Len(t, tr.at, 2)
		time.Sleep(d)
		_, _ = c.Do(ctx, tr.fn)
		assert.Len(t, tr.at, 3, "entries have an end here")
	}),
	"`cachepolicy.ContextWithCacheKey(ctx, key)`, `WithKey(key)`": bubble(func(t *testing.T) {
		const key = "b"
		store := &rwmap{m: map[string]int{key: 7}}
		for _, theirs := range []failsafe.Executor[T]{
			failsafe.With[T](cachepolicy.NewBuilder[T](store).WithKey(key).Build()),
			failsafe.With[T](cachepolicy.New[T](store)).WithContext(withTheirs(t.Context(), key)),
		} {
			v, err := theirs.Get(func() (T, error) { return 1, nil })
			require.NoError(t, err)
			assert.Equal(t, 7, v)
		}
		c := cache.New(cache.Config[string, T]{Key: func(context.Context) (string, bool) { return key, true }, TTL: time.Hour})
		for n := range 2 {
			v, err := c.Do(t.Context(), func(context.Context) (T, error) { return 7 + n, nil })
			require.NoError(t, err)
			assert.Equal(t, 7, v)
		}
	}),
	"cache: `CacheIf(match)`": bubble(func(t *testing.T) {
		always := func(T, error) bool { return true }
		fails := func() (T, error) { return 0, errBad }
		ctx := ported(t, "a")
		theirs := func(match func(T, error) bool) failsafe.Executor[T] {
			return failsafe.With[T](cachepolicy.NewBuilder[T](&rwmap{m: map[string]int{}}).CacheIf(match).Build()).WithContext(ctx)
		}(always)
		_, err := theirs.Get(fails)
		require.ErrorIs(t, err, errBad)
		_, err = theirs.Get(fails)
		require.NoError(t, err, "the error that was kept comes back as a success")

		match := func(v T) bool { return v > 0 }
		ours := portCache(cache.Config[string, T]{NegativeTTL: time.Minute, Negative: func(error) bool { return true }}).WithCacheIf(match)
		for range 2 {
			_, err = ours.Do(ctx, func(context.Context) (T, error) { return 0, errBad })
			require.ErrorIs(t, err, errBad)
		}
		assert.EqualValues(t, 1, ours.Snapshot().Negative)
		for range 2 {
			_, _ = ours.Do(ported(t, "b"), func(context.Context) (T, error) { return 0, nil })
		}
		assert.EqualValues(t, 3, ours.Snapshot().Misses)
	}),
	"a hundred callers that miss": bubble(func(t *testing.T) {
		theirs := failsafe.With[T](cachepolicy.New[T](&rwmap{m: map[string]int{}}))
		ours, ctx := portCache(cache.Config[string, T]{}), ported(t, "a")
		wait := func(context.Context) (T, error) { time.Sleep(time.Second); return 1, nil }
		assert.EqualValues(t, 100, together(100, func(f func(context.Context) (T, error)) {
			_, _ = theirs.WithContext(ctx).Get(func() (T, error) { return f(ctx) })
		}, wait))
		assert.EqualValues(t, 1, together(100, func(f func(context.Context) (T, error)) { _, _ = ours.Do(ctx, f) }, wait))
	}),
	"`OnCacheHit`, `OnCacheMiss`, `OnResultCached`": bubble(func(t *testing.T) {
		hits, misses, kept, served := 0, 0, 0, 0
		theirs := failsafe.With[T](cachepolicy.NewBuilder[T](&rwmap{m: map[string]int{}}).
			OnCacheHit(func(failsafe.ExecutionDoneEvent[T]) { hits++ }).
			OnCacheMiss(func(failsafe.ExecutionEvent[T]) { misses++ }).
			OnResultCached(func(failsafe.ExecutionEvent[T]) { kept++ }).Build())
		c, ctx := portCache(cache.Config[string, T]{}), ported(t, "a")
		p := pipeline.New[T](c).WithObserver(func(context.Context, policy.Event) { served++ }, policy.Served)
		for range 3 {
			_, _ = theirs.WithContext(ctx).Get(func() (T, error) { return 1, nil })
			_, _ = p.Do(ctx, func(context.Context) (T, error) { return 1, nil })
		}
		s := c.Snapshot()
		assert.EqualValues(t, hits, s.Hits)
		assert.EqualValues(t, misses, s.Misses)
		assert.Equal(t, kept, s.Entries)
		assert.Equal(t, hits, served)
	}),
}
