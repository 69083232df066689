package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
)

// The store of the second case honors contexts: it cannot be asked again when the caller's
// deadline has passed.
func TestADeleteOfAnotherKeyLeavesTheStaleValueToACallWhoseDeadlinePasses(t *testing.T) {
	for name, store := range map[string]cache.Store[string, int]{"built in": nil, "of others": &strict{}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				if s, ok := store.(*strict); ok {
					s.Memory = cache.NewMemory[string, int](cache.MemoryConfig{})
				}
				c, f := cache.New(exactly(config{StaleIfError: time.Hour, Store: store})), &source{v: 1}
				_, _ = c.Do(with(t.Context(), "a"), f.do)
				time.Sleep(time.Minute)
				f.took = time.Minute
				for _, deleted := range []string{"b", "a"} {
					ctx, cancel := context.WithTimeout(with(t.Context(), "a"), time.Second)
					defer cancel()
					time.AfterFunc(time.Millisecond, func() { _ = c.Delete(t.Context(), deleted) })
					v, err := c.Do(ctx, f.do)
					if deleted == "b" {
						require.NoError(t, err)
						assert.Equal(t, 1, v)
					} else {
						require.ErrorIs(t, err, context.DeadlineExceeded, "the entry is gone")
					}
					synctest.Wait()
				}
				require.NoError(t, c.Close(t.Context()))
			})
		})
	}
}

// The entry is past its fresh time, so Refresh leaves it as it is.
func TestARefreshDuringACallLeavesTheStaleValueToIt(t *testing.T) {
	for name, own := range map[string]bool{"built in": false, "of others": true} {
		for _, within := range []time.Duration{time.Second, time.Hour} {
			t.Run(name+" "+within.String(), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					cfg := exactly(config{Stale: time.Second, StaleIfError: time.Hour})
					if own {
						cfg.Store = &strict{cache.NewMemory[string, int](cache.MemoryConfig{})}
					}
					c, f := cache.New(cfg), &source{v: 1}
					_, _ = c.Do(with(t.Context(), "a"), f.do)
					time.Sleep(2 * time.Minute)
					f.err, f.took = errDown, time.Minute
					ctx, cancel := context.WithTimeout(with(t.Context(), "a"), within)
					defer cancel()
					time.AfterFunc(time.Millisecond, func() { _ = c.Refresh(t.Context(), "a") })
					v, err := c.Do(ctx, f.do)
					if own && within == time.Second {
						require.ErrorIs(t, err, context.DeadlineExceeded)
						assert.Zero(t, c.Snapshot().StoreErrors, "the store is not asked with a context that has ended")
					} else {
						require.NoError(t, err)
						assert.Equal(t, 1, v)
					}
					synctest.Wait()
					require.NoError(t, c.Close(t.Context()))
				})
			})
		}
	}
}

// Another cache has set the entry, and keeps entries for longer.
func TestNoEntryAnswersACallThatFailsWithoutStaleIfError(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := cache.NewMemory[string, int](cache.MemoryConfig{})
		_, err := cache.New(exactly(config{StaleIfError: time.Hour, Store: store})).Do(with(t.Context(), "a"), one)
		require.NoError(t, err)
		time.Sleep(time.Minute)
		_, err = cache.New(exactly(config{Store: store})).Do(with(t.Context(), "a"), (&source{err: errDown}).do)
		require.ErrorIs(t, err, errDown)
	})
}

// strict is a store whose Get honors contexts.
type strict struct{ *cache.Memory[string, int] }

func (s *strict) Get(ctx context.Context, k string) (cache.Entry[int], bool, error) {
	if ctx.Err() != nil {
		return cache.Entry[int]{}, false, ctx.Err()
	}
	return s.Memory.Get(ctx, k)
}
