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

// strict is a store whose Get honors contexts.
type strict struct{ *cache.Memory[string, int] }

func (s *strict) Get(ctx context.Context, k string) (cache.Entry[int], bool, error) {
	if ctx.Err() != nil {
		return cache.Entry[int]{}, false, ctx.Err()
	}
	return s.Memory.Get(ctx, k)
}
