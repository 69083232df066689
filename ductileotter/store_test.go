package ductileotter_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/cache/cachetest"
	"github.com/ductile-go/ductile/ductileotter"
)

func weigh(_ string, e cache.Entry[int]) uint32 { return uint32(max(1, e.Value)) }

func TestAStoreKeepsThePromisesOfCache(t *testing.T) {
	for name, build := range map[string]func() cache.Store[string, int]{
		"by number": func() cache.Store[string, int] { return ductileotter.New(ductileotter.Config[string, int]{}) },
		"by weight": func() cache.Store[string, int] {
			return ductileotter.New(ductileotter.Config[string, int]{
				MaxWeight: 1 << 20, Weigh: func(string, cache.Entry[int]) uint32 { return 1 },
			})
		},
		"with expiry": func() cache.Store[string, int] {
			entries := otter.Must(&otter.Options[string, cache.Entry[int]]{
				MaximumSize: 1000,
				ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, cache.Entry[int]]) time.Duration {
					return time.Until(e.Value.Keep)
				}),
			})
			t.Cleanup(func() { entries.StopAllGoroutines() })
			return ductileotter.Of(entries)
		},
	} {
		t.Run(name, func(t *testing.T) { cachetest.TestStore(t, build) })
	}
}

func entry[T any](v T) cache.Entry[T] {
	made := time.Now()
	end := made.Add(time.Hour)
	return cache.Entry[T]{Value: v, Made: made, Fresh: end, Stale: end, Keep: end}
}

func TestAStoreHasAtMostMaxEntries(t *testing.T) {
	ctx := t.Context()
	s := ductileotter.New(ductileotter.Config[string, int]{MaxEntries: 100})
	for i := range 10_000 {
		require.NoError(t, s.Set(ctx, strconv.Itoa(i), entry(i)))
	}
	s.Otter().CleanUp()
	assert.LessOrEqual(t, s.Len(), 100)
	assert.Zero(t, s.Weight())
}

func TestAStoreHasAtMostMaxWeight(t *testing.T) {
	ctx := t.Context()
	s := ductileotter.New(ductileotter.Config[string, int]{MaxWeight: 1000, Weigh: weigh})
	for i := range 1000 {
		require.NoError(t, s.Set(ctx, strconv.Itoa(i), entry(i%50)))
	}
	s.Otter().CleanUp()
	assert.LessOrEqual(t, s.Weight(), uint64(1000))
	assert.Positive(t, s.Len())
}

func TestNilValuesAndErrorsAreKept(t *testing.T) {
	ctx := t.Context()
	s := ductileotter.New(ductileotter.Config[string, *int]{})
	missing := errors.New("missing")
	e := entry[*int](nil)
	require.NoError(t, s.Set(ctx, "a", e))
	e.Err = missing
	require.NoError(t, s.Set(ctx, "b", e))
	got, ok, err := s.Get(ctx, "a")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Nil(t, got.Value)
	got, _, _ = s.Get(ctx, "b")
	assert.Equal(t, missing, got.Err)
}

type keyOf struct{}

func TestACacheRefreshesAnEntryInAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := ductileotter.New(ductileotter.Config[string, int]{MaxEntries: 100})
		c := cache.New(cache.Config[string, int]{
			Key: func(ctx context.Context) (string, bool) { k, ok := ctx.Value(keyOf{}).(string); return k, ok },
			TTL: time.Minute, Stale: time.Hour, Jitter: cache.NoJitter, Store: store,
		})
		ctx, n := context.WithValue(t.Context(), keyOf{}, "a"), 0
		count := func(context.Context) (int, error) { n++; return n, nil }
		for _, want := range []int{1, 1, 2} {
			v, err := c.Do(ctx, count)
			require.NoError(t, err)
			assert.Equal(t, want, v)
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		require.NoError(t, c.Delete(ctx, "a"))
		assert.Zero(t, store.Len())
		assert.Zero(t, c.Snapshot().Entries)
		require.NoError(t, c.Close(ctx))
	})
}

func TestFaultsNameTheirFields(t *testing.T) {
	for want, cfg := range map[string]ductileotter.Config[string, int]{
		"ductileotter: Config.MaxEntries is -1, want 0 for 10000, or more":                        {MaxEntries: -1},
		"ductileotter: Config.MaxEntries is 5, want 0: MaxWeight is set, and otter has one bound": {MaxEntries: 5, MaxWeight: 7, Weigh: weigh},
		"ductileotter: Config.Weigh is nil, want a function, as MaxWeight is set":                 {MaxWeight: 7},
		"ductileotter: Config.Weigh is set, want nil: without MaxWeight it is not called":         {Weigh: weigh},
	} {
		require.EqualError(t, cfg.Validate(), want)
		assert.PanicsWithError(t, want, func() { ductileotter.New(cfg) })
	}
	assert.PanicsWithValue(t, "ductileotter: Of: entries is nil, want an otter cache", func() { ductileotter.Of[string, int](nil) })
}
