package cache

import (
	"hash/maphash"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/table"
)

func setForAnHour(t *testing.T, m *Memory[int, int], keys ...int) {
	t.Helper()
	end := time.Now().Add(time.Hour)
	for _, k := range keys {
		require.NoError(t, m.Set(t.Context(), k, Entry[int]{Value: k, Fresh: end, Stale: end, Keep: end}))
	}
}

// A reader may have an item while it clones the value.
func TestAnItemThatWasRemovedKeepsNoOtherInMemory(t *testing.T) {
	m := NewMemory[int, int](MemoryConfig{})
	item := func(k int) *item[int, int] { return m.find(maphash.Comparable(m.seed, k), k) }
	setForAnHour(t, m, 0, 1, 2)
	deleted, replaced := item(0), item(1)
	require.NoError(t, m.Delete(t.Context(), 0))
	setForAnHour(t, m, 1)
	for _, i := range []any{deleted.newer, deleted.older, replaced.newer, replaced.older} {
		assert.Nil(t, i)
	}
	assert.Nil(t, m.ends[:3][2], "the place of the deleted item")
}

func TestTheTableOfAMemoryFitsItsEntries(t *testing.T) {
	m := NewMemory[int, int](MemoryConfig{})
	for k := range 1000 {
		setForAnHour(t, m, k)
	}
	assert.GreaterOrEqual(t, m.table.Load().Buckets(), 1000)
	for k := range 1000 {
		require.NoError(t, m.Delete(t.Context(), k))
	}
	assert.Equal(t, table.Smallest, m.table.Load().Buckets())
}

func TestSumsOfTimesSaturate(t *testing.T) {
	const least, most = math.MinInt64, math.MaxInt64
	for _, c := range []struct{ at, d, want int64 }{
		{5, 0, 5},
		{5, 3, 8},
		{5, -3, 2},
		{-5, 3, -2},
		{-5, -3, -8},
		{most - 1, 1, most},
		{most, 1, most},
		{most, most, most},
		{1, most, most},
		{least + 1, -1, least},
		{least, -1, least},
		{least, least, least},
		{-1, least, least},
		{least, most, -1},
		{most, least, -1},
	} {
		assert.Equal(t, c.want, sum(c.at, c.d), "%d + %d", c.at, c.d)
	}
}
