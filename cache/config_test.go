package cache_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
)

func TestNewPanicsWithTheErrorOfValidate(t *testing.T) {
	good := config{Key: keyIn[string], TTL: time.Minute}
	for want, change := range map[string]func(c *config){
		"Key is nil, want a function that returns the key of a call":                                                  func(c *config) { c.Key = nil },
		"TTL is 0s, want more than 0: it is how long a result is fresh":                                               func(c *config) { c.TTL = 0 },
		"Stale is -1ns, want 0 or more":                                                                               func(c *config) { c.Stale = -1 },
		"StaleIfError is -1ns, want 0 or more":                                                                        func(c *config) { c.StaleIfError = -1 },
		"NegativeTTL is -1ns, want 0 or more":                                                                         func(c *config) { c.NegativeTTL = -1 },
		"NegativeTTL is 0s, want more than 0, as Negative is set, or no Negative":                                     func(c *config) { c.Negative = isMissing },
		"NegativeTTL is 1ns, want 0, as Negative is nil, or a Negative that says which errors are kept":               func(c *config) { c.NegativeTTL = 1 },
		"Jitter is NaN, want NoJitter (-1), 0 for 0.1, or at most 1":                                                  func(c *config) { c.Jitter = math.NaN() },
		"Jitter is -0.5, want NoJitter (-1), 0 for 0.1, or at most 1":                                                 func(c *config) { c.Jitter = -0.5 },
		"Jitter is 1.5, want NoJitter (-1), 0 for 0.1, or at most 1":                                                  func(c *config) { c.Jitter = 1.5 },
		"RefreshTimeout is 1ns but needs Stale: without it nothing is refreshed":                                      func(c *config) { c.RefreshTimeout = 1 },
		"Cooldown is 1ns but needs Stale: without it nothing is refreshed":                                            func(c *config) { c.Cooldown = 1 },
		"Cooldown is -1s, want 0 or more":                                                                             func(c *config) { c.Stale, c.Cooldown = 1, -time.Second },
		"MaxEntries is -1, want 0 for 10000, or more":                                                                 func(c *config) { c.MaxEntries = -1 },
		"Store is a nil pointer, want a Store, or nil for the built-in one":                                           func(c *config) { c.Store = (*cache.Memory[string, int])(nil) },
		"Store is a zero Memory, want one made by NewMemory":                                                          func(c *config) { c.Store = &cache.Memory[string, int]{} },
		"MaxEntries is 1, want 0: it limits the built-in store, and Store is set":                                     func(c *config) { c.MaxEntries, c.Store = 1, newSlow("a") },
		"TTL is -1s, want more than 0: it is how long a result is fresh\ncache: Config.Stale is -1ns, want 0 or more": func(c *config) { c.TTL, c.Stale = -time.Second, -1 },
	} {
		cfg := good
		change(&cfg)
		require.EqualError(t, cfg.Validate(), "cache: Config."+want)
		assert.PanicsWithError(t, "cache: Config."+want, func() { cache.New(cfg) })
	}
	require.NoError(t, good.Validate())
	assert.PanicsWithError(t, "cache: MemoryConfig.MaxEntries is -1, want 0 for 10000, or more", func() {
		cache.NewMemory[string, int](cache.MemoryConfig{MaxEntries: -1})
	})
}

func TestTheWithMethodsRefuseNil(t *testing.T) {
	c := cache.New(exactly(config{}))
	assert.PanicsWithValue(t, "cache: Cache.WithClone: fn is nil, want a function", func() { c.WithClone(nil) })
	assert.PanicsWithValue(t, "cache: Cache.WithCacheIf: keep is nil, want a function", func() { c.WithCacheIf(nil) })
}

// madeBy returns the entry that a cache makes of a result.
func madeBy(t *testing.T, cfg config, result error) (e cache.Entry[int], made time.Time) {
	t.Helper()
	clk := fake.NewClock()
	store := cache.NewMemory[string, int](cache.MemoryConfig{Clock: clk})
	cfg.Key, cfg.Store, cfg.Clock = keyIn[string], store, clk
	c := cache.New(cfg)
	_, _ = c.Do(with(t.Context(), "a"), func(context.Context) (int, error) { clk.Advance(time.Hour); return 1, result })
	e, ok, _ := store.Get(t.Context(), "a")
	require.True(t, ok)
	return e, clk.Now()
}

func TestTimesFollowFromTheEndOfTheCall(t *testing.T) {
	all := config{
		TTL: 10 * time.Minute, Stale: time.Hour, StaleIfError: 24 * time.Hour,
		NegativeTTL: 10 * time.Second, Negative: isMissing, Rand: fake.Rand(0.5),
	}
	for name, c := range map[string]struct {
		jitter        float64
		ttl, negative time.Duration
	}{
		"default": {0, 570 * time.Second, 9500 * time.Millisecond},
		"none":    {cache.NoJitter, 10 * time.Minute, 10 * time.Second},
		"half":    {0.5, 450 * time.Second, 7500 * time.Millisecond},
		"most":    {1, 5 * time.Minute, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := all
			cfg.Jitter = c.jitter
			e, made := madeBy(t, cfg, nil)
			assert.Equal(t, cache.Entry[int]{
				Value: 1, Made: made, Fresh: made.Add(c.ttl), Stale: made.Add(c.ttl + time.Hour), Keep: made.Add(c.ttl + 25*time.Hour),
			}, e)
			e, made = madeBy(t, cfg, errMissing)
			end := made.Add(c.negative)
			assert.Equal(t, cache.Entry[int]{Value: 1, Err: errMissing, Made: made, Fresh: end, Stale: end, Keep: end}, e)
		})
	}
}

func TestTheLongestTimesSaturate(t *testing.T) {
	cfg := config{TTL: math.MaxInt64, Stale: math.MaxInt64, StaleIfError: math.MaxInt64, Jitter: cache.NoJitter}
	e, made := madeBy(t, cfg, nil)
	assert.True(t, made.Before(e.Fresh) && e.Fresh.Before(e.Stale) && e.Stale.Before(e.Keep))
	for _, jitter := range []float64{0, 1} {
		cfg.Jitter, cfg.Rand = jitter, fake.Rand(math.Nextafter(1, 0))
		e, made = madeBy(t, cfg, nil)
		assert.True(t, made.Before(e.Fresh) && e.Fresh.Before(e.Stale) && e.Stale.Before(e.Keep))
	}
	clk := fake.NewClock()
	cfg.Clock, cfg.Jitter = clk, cache.NoJitter
	c, f := cache.New(exactly(cfg)), &source{v: 1}
	_, _ = c.Do(with(t.Context(), "a"), f.do)
	clk.Advance(250 * 365 * 24 * time.Hour)
	_, _ = c.Do(with(t.Context(), "a"), f.do)
	assert.Equal(t, 1, f.count())
	assert.EqualValues(t, 1, c.Snapshot().Hits)
}

func TestJitterLeavesAtLeastANanosecond(t *testing.T) {
	e, made := madeBy(t, config{TTL: 1, Jitter: 1, Stale: time.Hour, Rand: fake.Rand(0.999)}, nil)
	assert.Equal(t, made.Add(1), e.Fresh)
}

func TestACacheDescribesItself(t *testing.T) {
	clk := fake.NewClock()
	c := cache.New(exactly(config{Name: "users", Stale: time.Hour, Clock: clk}))
	assert.Equal(t, "cache(users, 1m0s)", c.String())
	assert.Equal(t, "cache(1m0s)", cache.New(exactly(config{})).String())
	assert.Equal(t, "users", c.Name())
	assert.Same(t, clk, c.Clock())
	d := c.Describe()
	assert.Equal(t, "cache", d.Kind)
	cfg, ok := d.Config.(config)
	require.True(t, ok)
	assert.Equal(t, cache.DefaultRefreshTimeout, cfg.RefreshTimeout)
	assert.Equal(t, cache.DefaultCooldown, cfg.Cooldown)
	assert.Equal(t, cache.DefaultMaxEntries, cfg.MaxEntries)
	text, err := json.Marshal(d)
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"cache","name":"users","detail":"1m0s","config":{"Name":"users","TTL":60000000000,"Stale":3600000000000,
		"StaleIfError":0,"NegativeTTL":0,"Jitter":-1,"RefreshTimeout":30000000000,"Cooldown":1000000000,"MaxEntries":10000}}`, string(text))
}

func TestDefaultsOfRefreshesNeedAStaleTime(t *testing.T) {
	cfg, ok := cache.New(exactly(config{})).Describe().Config.(config)
	require.True(t, ok)
	assert.Zero(t, cfg.RefreshTimeout)
	assert.Zero(t, cfg.Cooldown)
	cfg, ok = cache.New(exactly(config{Stale: 1})).Describe().Config.(config)
	require.True(t, ok)
	assert.Equal(t, cache.DefaultRefreshTimeout, cfg.RefreshTimeout)
	assert.Equal(t, cache.DefaultCooldown, cfg.Cooldown)
}

func TestASnapshotIsLoggedWithoutItsZeros(t *testing.T) {
	c, f := cache.New(exactly(config{Name: "users"})), &source{v: 1}
	for range 3 {
		_, _ = c.Do(with(t.Context(), "a"), f.do)
	}
	var out strings.Builder
	slog.New(slog.NewTextHandler(&out, nil)).Info("", "cache", c.Snapshot())
	assert.Contains(t, out.String(), "cache.name=users cache.hits=2 cache.misses=1 cache.flights=1 cache.entries=1\n")
	text, err := json.Marshal(c.Snapshot())
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"users","hits":2,"misses":1,"flights":1,"entries":1}`, string(text))
}
