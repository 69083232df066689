package cache_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
)

// A version is what an outside source has for a key. After a change and a Delete, no call
// may return an older version, whichever call or refresh has read it.
func TestNoCallSeesAVersionFromBeforeADelete(t *testing.T) {
	clk := fake.NewClock()
	own := newSlow("")
	own.Memory = cache.NewMemory[string, int](cache.MemoryConfig{Clock: clk})
	for name, store := range map[string]cache.Store[string, int]{"built in": nil, "of its own": own} {
		t.Run(name, func(t *testing.T) {
			c := cache.New(config{
				Key: keyIn[string], TTL: 20 * time.Millisecond, Stale: 60 * time.Millisecond, StaleIfError: 60 * time.Millisecond,
				Cooldown: time.Millisecond, Clock: clk, Store: store,
			})
			var versions, deleted [4]atomic.Int64
			var all sync.WaitGroup
			for g := range 6 {
				all.Go(func() {
					random := rand.New(rand.NewPCG(uint64(g), 7))
					for range 400 {
						i := random.IntN(len(versions))
						k := strconv.Itoa(i)
						switch n := random.IntN(20); {
						case n == 0:
							v := versions[i].Add(1)
							assert.NoError(t, c.Delete(t.Context(), k))
							raise(&deleted[i], v)
						case n == 1:
							assert.NoError(t, c.Refresh(t.Context(), k))
						case n < 5:
							clk.Advance(time.Duration(random.IntN(10)) * time.Millisecond)
						default:
							least, fails := deleted[i].Load(), random.IntN(4) == 0
							v, err := c.Do(with(t.Context(), k), func(context.Context) (int, error) {
								v := versions[i].Load()
								if fails {
									return 0, errDown
								}
								return int(v), nil
							})
							if err == nil {
								assert.GreaterOrEqual(t, int64(v), least, "key %s", k)
							}
						}
					}
				})
			}
			all.Wait()
			require.NoError(t, c.Close(t.Context()))
			s := c.Snapshot()
			assert.Positive(t, s.Hits)
			assert.Positive(t, s.Refreshes)
		})
	}
}

// raise makes n at least v.
func raise(n *atomic.Int64, v int64) {
	for old := n.Load(); old < v; old = n.Load() {
		if n.CompareAndSwap(old, v) {
			return
		}
	}
}

func TestManyCallersOfManyKeysLeaveNothingBehind(t *testing.T) {
	c := cache.New(config{Key: keyIn[string], TTL: time.Microsecond, Stale: 20 * time.Microsecond, Cooldown: 1, MaxEntries: 20})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 9))
			for range 500 {
				k := random.IntN(50)
				ctx, cancel := context.WithCancel(with(t.Context(), strconv.Itoa(k)))
				if random.IntN(4) == 0 {
					cancel()
				}
				if v, err := c.Do(ctx, func(context.Context) (int, error) { return k, nil }); err == nil {
					assert.Equal(t, k, v)
				}
				cancel()
			}
		})
	}
	all.Wait()
	require.NoError(t, c.Close(t.Context()))
	assert.LessOrEqual(t, c.Snapshot().Entries, 20)
}
