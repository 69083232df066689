package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestAnAnswerFromTheCacheAllocatesNothing(t *testing.T) {
	always := func(context.Context) (string, bool) { return "users/1234", true }
	ctx := context.Background()
	fails := func(context.Context) (int, error) { return 0, errMissing }
	clk := fake.NewClock()
	stale := config{Key: always, TTL: 1, Stale: time.Hour, Cooldown: time.Hour, Clock: clk}
	for name, c := range map[string]struct {
		cache *cache.Cache[string, int]
		prime []policy.Func[int]
	}{
		"fresh":    {cache.New(config{Key: always, TTL: time.Hour}), []policy.Func[int]{one}},
		"negative": {cache.New(config{Key: always, TTL: time.Hour, NegativeTTL: time.Hour, Negative: isMissing}), []policy.Func[int]{fails}},
		"stale":    {cache.New(stale), []policy.Func[int]{one, fails}},
		"cloned":   {cache.New(config{Key: always, TTL: time.Hour}).WithClone(func(v int) int { return v }), []policy.Func[int]{one}},
		"a store of its own": {cache.New(config{
			Key: always, TTL: time.Hour, Store: newSlow(""),
		}), []policy.Func[int]{one}},
	} {
		for _, f := range c.prime {
			_, _ = c.cache.Do(ctx, f)
			clk.Advance(1) // what is stale with a TTL of 1 ns is refreshed by the next call
		}
		_ = c.cache.Close(ctx) // waits for the refresh, which fails, and for the store
		assert.EqualValues(t, len(c.prime), c.cache.Snapshot().Flights, name)
		var f policy.Func[int] = one
		calls := c.cache.Snapshot().Flights
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.cache.Do(ctx, f) }), name)
		assert.Equal(t, calls, c.cache.Snapshot().Flights, name)
		chain := policy.NewChain[int]("", nil, c.cache)
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = chain.Call(f).Do(ctx) }), name)
	}
}

func TestAnObservedHitAllocatesNothing(t *testing.T) {
	c, ctx := hitting(config{})
	served := 0
	chain := policy.NewChain("", []policy.Listener{{Observe: func(_ context.Context, e policy.Event) {
		if e.Kind == policy.Served {
			served++
		}
	}, Kinds: []policy.EventKind{policy.Served}}}, policy.Policy[int](c))
	var f policy.Func[int] = one
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = chain.Call(f).Do(ctx) }))
	assert.Equal(t, 101, served)
}

func TestAMissCostsAFewAllocations(t *testing.T) {
	c := cache.New(cache.Config[int, int]{Key: keyIn[int], TTL: time.Hour, MaxEntries: 1000})
	ctx := &intKey{Context: context.Background()}
	for range 2000 {
		ctx.k++
		_, _ = c.Do(ctx, one)
	}
	assert.LessOrEqual(t, testing.AllocsPerRun(500, func() {
		ctx.k++
		_, _ = c.Do(ctx, one)
	}), 16.0, "a flight with its waiter and goroutine, a slot, an entry, and their places in the tables")
}
