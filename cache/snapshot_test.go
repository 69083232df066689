package cache_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
)

func TestASnapshotCountsTheEntriesOfAStoreThatCan(t *testing.T) {
	memory := cache.NewMemory[string, int](cache.MemoryConfig{MaxEntries: 1})
	for name, c := range map[string]struct {
		store   cache.Store[string, int]
		entries int
		evicted int64
	}{
		"a memory":            {memory, 1, 1},
		"no method Evicted":   {struct{ lenStore }{cache.NewMemory[string, int](cache.MemoryConfig{})}, 2, 0},
		"no method of either": {struct{ cache.Store[string, int] }{cache.NewMemory[string, int](cache.MemoryConfig{})}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			users := cache.New(exactly(config{Store: c.store}))
			for _, k := range []string{"a", "b"} {
				_, err := users.Do(with(t.Context(), k), one)
				require.NoError(t, err)
			}
			require.NoError(t, users.Close(t.Context()))
			assert.Equal(t, cache.Snapshot{Misses: 2, Flights: 2, Entries: c.entries, Evicted: c.evicted}, users.Snapshot())
		})
	}
}

// lenStore is a store that counts its entries, but not those that it has dropped.
type lenStore interface {
	cache.Store[string, int]
	Len() int
}
