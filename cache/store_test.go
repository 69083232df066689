package cache_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
)

// slow is a store whose methods take time, or fail, for one key.
type slow struct {
	*cache.Memory[string, int]
	mu       sync.Mutex
	key      string
	get, set time.Duration
	lag      atomic.Int64 // nanoseconds from the look of Get to its return
	getErr   error
	setErr   error
	panics   bool
	gets     atomic.Int32
	sets     atomic.Int32
}

func newSlow(key string) *slow {
	return &slow{Memory: cache.NewMemory[string, int](cache.MemoryConfig{}), key: key}
}

func (s *slow) Get(ctx context.Context, k string) (cache.Entry[int], bool, error) {
	s.gets.Add(1)
	if k == s.key {
		if err := policy.Sleep(ctx, nil, s.get); err != nil {
			return cache.Entry[int]{}, false, err
		}
		if s.getErr != nil {
			return forAnHour(-1), true, s.getErr
		}
	}
	e, ok, err := s.Memory.Get(ctx, k)
	if k == s.key {
		_ = policy.Sleep(ctx, nil, time.Duration(s.lag.Load()))
	}
	return e, ok, err
}

func (s *slow) Set(ctx context.Context, k string, e cache.Entry[int]) error {
	s.sets.Add(1)
	if k == s.key {
		if err := policy.Sleep(ctx, nil, s.set); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.panics {
			panic("the store is broken")
		}
		if s.setErr != nil {
			return s.setErr
		}
	}
	return s.Memory.Set(ctx, k, e)
}

func (s *slow) Delete(ctx context.Context, k string) error {
	if k == s.key {
		if err := policy.Sleep(ctx, nil, s.set); err != nil {
			return err
		}
		if s.setErr != nil {
			return s.setErr
		}
	}
	return s.Memory.Delete(ctx, k)
}

// forAnHour returns an entry that is fresh for an hour of real time.
func forAnHour(v int) cache.Entry[int] {
	now := time.Now()
	end := now.Add(time.Hour)
	return cache.Entry[int]{Value: v, Made: now, Fresh: end, Stale: end, Keep: end}
}

var errStore = errors.New("no connection")

func TestAnErrorOfTheStoreIsAMiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newSlow("a")
		store.getErr = errStore
		c, f := cache.New(exactly(config{Store: store, Name: "users"})), &source{v: 1}
		do, rec := observed[int](c)
		for range 2 {
			v, err := do(with(t.Context(), "a"), f.do)
			require.NoError(t, err)
			assert.Equal(t, 1, v)
			synctest.Wait() // until the value is no longer being written, and no call gets it from there
		}
		assert.Equal(t, 2, f.count())
		told := only(rec, policy.StoreFailed)
		require.NotEmpty(t, told)
		assert.Equal(t, policy.Event{Kind: policy.StoreFailed, Policy: "cache", Name: "users", Reason: "get", Err: errStore}, told[0])
		assert.EqualValues(t, len(told), c.Snapshot().StoreErrors)
	})
}

func TestAnErrorOfSetDoesNotFailTheCall(t *testing.T) {
	for name, breaks := range map[string]func(s *slow){
		"error": func(s *slow) { s.setErr = errStore },
		"panic": func(s *slow) { s.panics = true },
	} {
		t.Run(name, func(t *testing.T) {
			store := newSlow("a")
			breaks(store)
			c, f := cache.New(exactly(config{Store: store})), &source{v: 1}
			do, rec := observed[int](c)
			v, err := do(with(t.Context(), "a"), f.do)
			require.NoError(t, err)
			assert.Equal(t, 1, v)
			require.NoError(t, c.Close(t.Context()))
			told := only(rec, policy.StoreFailed)
			require.Len(t, told, 1)
			assert.Equal(t, "set", told[0].Reason)
			require.Error(t, told[0].Err)
			require.NoError(t, c.Delete(t.Context(), "b"))
		})
	}
}

func TestACacheGoesByItsOwnClockIfItsStoreHasAnother(t *testing.T) {
	clk, other := newFake(), newFake()
	store := cache.NewMemory[string, int](cache.MemoryConfig{Clock: other})
	c, f := cache.New(exactly(config{Store: store, Clock: clk})), &source{v: 1}
	read := func() int {
		_, err := c.Do(with(t.Context(), "a"), f.do)
		require.NoError(t, err)
		require.NoError(t, c.Close(t.Context()))
		return f.count()
	}
	assert.Equal(t, 1, read())
	clk.Advance(time.Minute - 1)
	assert.Equal(t, 1, read())
	clk.Advance(1)
	assert.Equal(t, 2, read())
}

func TestDeleteReturnsTheErrorOfTheStore(t *testing.T) {
	store := newSlow("a")
	store.setErr, store.getErr = errStore, errStore
	c := cache.New(exactly(config{Store: store, Stale: time.Hour}))
	require.ErrorIs(t, c.Delete(t.Context(), "a"), errStore)
	require.ErrorIs(t, c.Refresh(t.Context(), "a"), errStore)
	require.NoError(t, c.Delete(t.Context(), "b"))
}

func TestACallDoesNotWaitUntilItsResultIsStored(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		store.set = time.Hour
		c, f, start := cache.New(exactly(config{Store: store, TTL: 2 * time.Hour})), &source{v: 1}, time.Now()
		for range 3 {
			v, err := c.Do(with(t.Context(), "a"), f.do)
			require.NoError(t, err)
			assert.Equal(t, 1, v)
		}
		assert.Equal(t, 1, f.count(), "the result answers calls before it is stored")
		assert.Zero(t, time.Since(start))
		require.NoError(t, c.Close(t.Context()))
		assert.Equal(t, time.Hour, time.Since(start))
		assert.Equal(t, 1, store.Len())
		_, _ = c.Do(with(t.Context(), "a"), f.do)
		assert.Equal(t, 1, f.count())
	})
}

func TestASlowStoreHoldsUpItsOwnKeyAlone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		store.set, store.get = time.Hour, time.Hour
		c, f, start := cache.New(exactly(config{Store: store})), &source{v: 1}, time.Now()
		var slow sync.WaitGroup
		slow.Go(func() { _, _ = c.Do(with(t.Context(), "a"), f.do) })
		slow.Go(func() { _ = c.Delete(t.Context(), "a") })
		synctest.Wait()
		for range 2 {
			_, err := c.Do(with(t.Context(), "b"), f.do)
			require.NoError(t, err)
		}
		require.NoError(t, c.Delete(t.Context(), "b"))
		require.NoError(t, c.Refresh(t.Context(), "b"))
		assert.Zero(t, time.Since(start))
		slow.Wait()
		require.NoError(t, c.Close(t.Context()))
	})
}

func TestDeleteWaitsForAResultThatIsBeingStored(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		store.set = time.Minute
		c, f, start := cache.New(exactly(config{Store: store})), &source{v: 1}, time.Now()
		_, _ = c.Do(with(t.Context(), "a"), f.do)
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.Delete(short, "a"), context.DeadlineExceeded)
		require.NoError(t, c.Delete(t.Context(), "a"))
		assert.Equal(t, 2*time.Minute, time.Since(start))
		assert.Zero(t, store.Len())
	})
}

func TestTheNewestOfSeveralResultsIsStored(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		store.set = time.Minute
		c, f := cache.New(exactly(config{Store: store, TTL: time.Second})), &source{}
		for i := range 10 {
			f.set(i, nil)
			_, _ = c.Do(with(t.Context(), "a"), f.do)
			time.Sleep(time.Second)
		}
		require.NoError(t, c.Close(t.Context()))
		e, _, _ := store.Memory.Get(t.Context(), "a")
		assert.Zero(t, e.Value, "a store drops what has expired, and nothing else was lost")
		assert.EqualValues(t, 2, store.sets.Load(), "the first, and the newest when that was stored")
	})
}

func TestAStoreThatFailsCoolsARefreshDown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		c, f, ctx := aged(t, config{Store: store})
		store.mu.Lock()
		store.setErr = errStore
		store.mu.Unlock()
		for range 5 {
			v, err := c.Do(ctx, f.do)
			require.NoError(t, err)
			assert.Equal(t, 1, v)
			synctest.Wait()
		}
		assert.Equal(t, 2, f.count())
	})
}

func TestACallThatLeavesDuringAnotherFunctionHasItsResult(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := cache.New(exactly(config{})).WithCacheIf(func(int) bool { time.Sleep(time.Minute); return true })
		ctx, cancel := context.WithTimeout(with(t.Context(), "a"), time.Second)
		defer cancel()
		v, err := c.Do(ctx, one)
		require.NoError(t, err, "the function has returned a nil error")
		assert.Equal(t, 1, v)
		require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
		time.Sleep(time.Hour)
	})
}
