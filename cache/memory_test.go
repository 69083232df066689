package cache_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
)

// lasting returns an entry that expires d after the time of clk.
func lasting(clk *fake.Clock, v int, d time.Duration) cache.Entry[int] {
	end := clk.Now().Add(d)
	return cache.Entry[int]{Value: v, Made: clk.Now(), Fresh: end, Stale: end, Keep: end}
}

func memoryOf(n int) (*cache.Memory[int, int], *fake.Clock) {
	clk := fake.NewClock()
	return cache.NewMemory[int, int](cache.MemoryConfig{MaxEntries: n, Clock: clk}), clk
}

func has(t *testing.T, m *cache.Memory[int, int], k int) bool {
	t.Helper()
	_, ok, err := m.Get(t.Context(), k)
	require.NoError(t, err)
	return ok
}

func TestMemoryHoldsAtMostMaxEntries(t *testing.T) {
	m, clk := memoryOf(100)
	for k := range 1000 {
		require.NoError(t, m.Set(t.Context(), k, lasting(clk, k, time.Hour)))
		require.LessOrEqual(t, m.Len(), 100)
	}
	assert.Equal(t, 100, m.Len())
	assert.EqualValues(t, 900, m.Evicted())
}

func TestMemoryHolds10000EntriesByDefault(t *testing.T) {
	m, clk := memoryOf(0)
	for k := range 10_001 {
		require.NoError(t, m.Set(t.Context(), k, lasting(clk, k, time.Hour)))
	}
	assert.Equal(t, 10_000, m.Len())
}

func TestExpiredEntriesAreDroppedFirst(t *testing.T) {
	m, clk := memoryOf(3)
	for k, d := range []time.Duration{time.Hour, time.Second, time.Hour} {
		_ = m.Set(t.Context(), k, lasting(clk, k, d))
		require.True(t, has(t, m, k))
	}
	clk.Advance(time.Second)
	_ = m.Set(t.Context(), 3, lasting(clk, 3, time.Hour))
	assert.False(t, has(t, m, 1), "although it was read")
	assert.True(t, has(t, m, 0) && has(t, m, 2) && has(t, m, 3))
	assert.Zero(t, m.Evicted())
}

func TestExpiredEntriesAreDroppedEvenIfThereIsRoom(t *testing.T) {
	m, clk := memoryOf(1000)
	for k := range 100 {
		_ = m.Set(t.Context(), k, lasting(clk, k, time.Second))
	}
	clk.Advance(time.Second)
	for k := range 50 {
		_ = m.Set(t.Context(), 1000+k, lasting(clk, k, time.Hour))
	}
	assert.Equal(t, 50, m.Len())
}

func TestEntriesThatAreReadStay(t *testing.T) {
	m, clk := memoryOf(10)
	for k := range 10 {
		_ = m.Set(t.Context(), k, lasting(clk, k, time.Hour))
	}
	for k := 100; k < 200; k++ {
		assert.True(t, has(t, m, 3) && has(t, m, 7))
		_ = m.Set(t.Context(), k, lasting(clk, k, time.Hour))
	}
	assert.True(t, has(t, m, 3) && has(t, m, 7))
	assert.Equal(t, 10, m.Len())
}

func TestAnExpiredEntryIsNotAdded(t *testing.T) {
	m, clk := memoryOf(10)
	_ = m.Set(t.Context(), 1, lasting(clk, 1, time.Hour))
	_ = m.Set(t.Context(), 1, lasting(clk, 2, 0))
	assert.False(t, has(t, m, 1), "the old one is replaced all the same")
	assert.Zero(t, m.Len())
}

func TestMemoryIgnoresKeysThatDoNotEqualThemselves(t *testing.T) {
	m, clk := cache.NewMemory[float64, int](cache.MemoryConfig{MaxEntries: 5}), fake.NewClock(fake.At(time.Now()))
	for range 10 {
		require.NoError(t, m.Set(t.Context(), math.NaN(), lasting(clk, 1, time.Hour)))
	}
	require.NoError(t, m.Delete(t.Context(), math.NaN()))
	assert.Zero(t, m.Len())
}

// The oracle is a map with the entries in no order: Memory may have dropped any, but holds
// no other, and no more than allowed.
func TestMemoryHoldsWhatAMapHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		size := 1 + random.IntN(20)
		m, clk := memoryOf(size)
		model := map[int]cache.Entry[int]{}
		for step := range 500 {
			k := random.IntN(30)
			switch random.IntN(5) {
			case 0:
				_ = m.Delete(t.Context(), k)
				delete(model, k)
			case 1:
				clk.Advance(time.Duration(random.IntN(5)) * time.Second)
			case 2, 3:
				e := lasting(clk, step, time.Duration(1+random.IntN(20))*time.Second)
				_ = m.Set(t.Context(), k, e)
				model[k] = e
				require.True(t, has(t, m, k))
			case 4:
				got, ok, _ := m.Get(t.Context(), k)
				if want, known := model[k]; ok {
					require.True(t, known)
					require.Equal(t, want, got)
				}
			}
			require.LessOrEqual(t, m.Len(), size)
		}
		found := 0
		for k := range 30 {
			if has(t, m, k) {
				found++
			}
		}
		require.Equal(t, m.Len(), found)
	}
}

func TestReadersAndWritersOfMemoryDoNotMix(t *testing.T) {
	m := cache.NewMemory[string, int](cache.MemoryConfig{MaxEntries: 50})
	end := time.Now().Add(time.Hour)
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 1))
			for range 2000 {
				k := random.IntN(100)
				switch random.IntN(8) {
				case 0, 1:
					_ = m.Set(t.Context(), strconv.Itoa(k), cache.Entry[int]{Value: k, Made: end, Fresh: end, Stale: end, Keep: end})
				case 2:
					_ = m.Delete(t.Context(), strconv.Itoa(k))
				default:
					if e, ok, _ := m.Get(t.Context(), strconv.Itoa(k)); ok {
						assert.Equal(t, k, e.Value)
					}
				}
			}
		})
	}
	all.Wait()
	assert.LessOrEqual(t, m.Len(), 50)
}

func TestAnEntryWithoutAFreshTimeIsNotFresh(t *testing.T) {
	store := cache.NewMemory[string, int](cache.MemoryConfig{})
	inBubble(t, func(t *testing.T) { // where it is long before the store was made
		c, f := cache.New(exactly(config{Store: store})), &source{v: 2}
		require.NoError(t, store.Set(t.Context(), "a", cache.Entry[int]{Value: 1, Keep: time.Now().Add(time.Hour)}))
		v, err := c.Do(with(t.Context(), "a"), f.do)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
	})
}
