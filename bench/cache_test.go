package bench_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/cachepolicy"
	"github.com/maypok86/otter/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/viccon/sturdyc"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/ductileotter"
	"github.com/ductile-go/ductile/pipeline"
)

func init() {
	workloads["CacheHit"] = workload{always(succeed), func() []contender {
		fresh := cache.Config[string, int]{TTL: time.Hour}
		inOtter := fresh
		inOtter.Store = ductileotter.New(ductileotter.Config[string, int]{})
		return []contender{
			cached("ductile", fresh), cached("ductileotter", inOtter), failsafeCached(), sturdyCached(),
			ottered("otter", nil), ottered("otter-expiry", otter.ExpiryWriting[string, int](time.Hour)), mapped(), locked(),
		}
	}}
	workloads["CacheStale"] = workload{always(succeed), func() []contender {
		stale := cache.Config[string, int]{TTL: 1, Stale: time.Hour, Cooldown: time.Hour}
		inOtter := stale
		inOtter.Store = ductileotter.New(ductileotter.Config[string, int]{})
		return []contender{cached("ductile", stale), cached("ductileotter", inOtter), sturdyCached(
			sturdyc.WithEarlyRefreshes(1, 2, 2*time.Hour, time.Hour),
		)}
	}}
}

func BenchmarkCacheHit(b *testing.B)   { measure(b, "CacheHit") }
func BenchmarkCacheStale(b *testing.B) { measure(b, "CacheStale") }

const cachedKey = "users/1234"

// TestCachesAnswerWithoutACall has every contender answer two goroutines from what it has.
func TestCachesAnswerWithoutACall(t *testing.T) {
	for _, name := range []string{"CacheHit", "CacheStale"} {
		for _, c := range workloads[name].contenders() {
			t.Run(name+" "+c.lib, func(t *testing.T) {
				var calls atomic.Int64
				var both sync.WaitGroup
				for range 2 {
					both.Go(func() {
						do := c.bind(counted(succeed, &calls))
						for range 50 {
							v, err := do(context.Background())
							assert.NoError(t, err)
							assert.Equal(t, 1, v)
						}
					})
				}
				both.Wait()
				assert.Zero(t, calls.Load())
			})
		}
	}
}

// cached is a whole call of a pipeline whose cache has the value 1. If that is stale, a
// refresh of it has failed.
func cached(lib string, cfg cache.Config[string, int]) contender {
	cfg.Key = func(context.Context) (string, bool) { return cachedKey, true }
	c := cache.New(cfg)
	ctx := context.Background()
	_, _ = c.Do(ctx, func(context.Context) (int, error) { return 1, nil })
	_, _ = c.Do(ctx, func(context.Context) (int, error) { return 0, errDown })
	for cfg.Stale > 0 && c.Snapshot().Refreshes == 0 {
		time.Sleep(time.Millisecond) // once, before anything is measured
	}
	p := pipeline.New[int](c)
	return contender{lib, func(f callee) call {
		return func(ctx context.Context) (int, error) { return p.Do(ctx, f.fn) }
	}}
}

// rwmap is the cache that failsafe-go's users write.
type rwmap struct {
	mu sync.RWMutex
	m  map[string]int
}

func (m *rwmap) Get(key string) (int, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok := m.m[key]
	return v, ok
}

func (m *rwmap) Set(key string, v int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.m[key] = v
}

func failsafeCached() contender {
	return failsafes(cachepolicy.NewBuilder[int](&rwmap{m: map[string]int{cachedKey: 1}}).WithKey(cachedKey).Build())
}

func sturdyCached(options ...sturdyc.Option) contender {
	c := sturdyc.New[int](10_000, 64, time.Hour, 10, append(options, sturdyc.WithNoContinuousEvictions())...)
	c.Set(cachedKey, 1)
	if len(options) > 0 {
		_, _ = c.GetOrFetch(context.Background(), cachedKey, func(context.Context) (int, error) { return 0, errDown })
	}
	return contender{"sturdyc", func(f callee) call {
		return func(ctx context.Context) (int, error) { return c.GetOrFetch(ctx, cachedKey, f.fn) }
	}}
}

var errAbsent = errors.New("the key is not there")

// found is a contender that only looks the value up.
func found(lib string, get func(key string) (int, bool)) contender {
	return contender{lib, func(callee) call {
		return func(context.Context) (int, error) {
			v, ok := get(cachedKey)
			if !ok {
				return 0, errAbsent
			}
			return v, nil
		}
	}}
}

func ottered(lib string, expiry otter.ExpiryCalculator[string, int]) contender {
	c := otter.Must(&otter.Options[string, int]{MaximumSize: 10_000, ExpiryCalculator: expiry})
	c.Set(cachedKey, 1)
	return found(lib, c.GetIfPresent)
}

func mapped() contender {
	var m sync.Map
	m.Store(cachedKey, 1)
	return found("sync.Map", func(key string) (int, bool) {
		v, ok := m.Load(key)
		return v.(int), ok
	})
}

func locked() contender { return found("rwmutex", (&rwmap{m: map[string]int{cachedKey: 1}}).Get) }

func TestAStaleValueIsServedWhileItsRefreshCoolsDown(t *testing.T) {
	for _, c := range workloads["CacheStale"].contenders() {
		v, err := c.bind(fail)(t.Context())
		require.NoError(t, err, c.lib)
		assert.Equal(t, 1, v, c.lib)
	}
}
