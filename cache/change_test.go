package cache_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
)

func TestDeleteRemovesAnEntry(t *testing.T) {
	c, f, ctx := cache.New(exactly(config{StaleIfError: time.Hour})), &source{v: 1}, with(t.Context(), "a")
	_, _ = c.Do(ctx, f.do)
	require.NoError(t, c.Delete(t.Context(), "a"))
	require.NoError(t, c.Delete(t.Context(), "none"))
	f.set(0, errDown)
	_, err := c.Do(ctx, f.do)
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, 2, f.count())
}

func TestACallThatBeganBeforeDeleteIsNotKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := cache.New(exactly(config{})), &source{v: 1, took: time.Second}, with(t.Context(), "a")
		var old sync.WaitGroup
		old.Go(func() {
			v, err := c.Do(ctx, f.do)
			assert.NoError(t, err)
			assert.Equal(t, 1, v)
		})
		synctest.Wait()
		require.NoError(t, c.Delete(t.Context(), "a"))
		f.set(2, nil)
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 2, v, "it does not join the call that began before")
		old.Wait()
		v, _ = c.Do(ctx, f.do)
		assert.Equal(t, 2, v)
		assert.Equal(t, 2, f.count())
	})
}

func TestASlowOldCallDoesNotOverwriteANewerResult(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := cache.New(exactly(config{})), &source{v: 2}, with(t.Context(), "a")
		go func() { _, _ = c.Do(ctx, (&source{v: 1, took: time.Minute / 2}).do) }()
		synctest.Wait()
		require.NoError(t, c.Delete(t.Context(), "a"))
		_, _ = c.Do(ctx, f.do)
		time.Sleep(time.Minute / 2)
		synctest.Wait()
		v, _ := c.Do(ctx, f.do)
		assert.Equal(t, 2, v)
		assert.Equal(t, 1, f.count())
	})
}

func TestARefreshDoesNotBringBackADeletedEntry(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{})
		f.v, f.took = 2, time.Second
		_, _ = c.Do(ctx, f.do)
		synctest.Wait()
		require.NoError(t, c.Delete(t.Context(), "a"))
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Zero(t, c.Snapshot().Entries)
	})
}

func TestARefreshDoesNotOverwriteWhatWasSetInTheStore(t *testing.T) {
	moved := func(part func(e *cache.Entry[int]) *time.Time) func(m *cache.Memory[string, int]) {
		return func(m *cache.Memory[string, int]) {
			e, _, _ := m.Get(context.Background(), "a")
			at := part(&e)
			e.Value, *at = 3, at.Add(1)
			_ = m.Set(context.Background(), "a", e)
		}
	}
	for name, change := range map[string]func(m *cache.Memory[string, int]){
		"set": func(m *cache.Memory[string, int]) {
			_ = m.Set(context.Background(), "a", forAnHour(3))
		},
		"set, made later":   moved(func(e *cache.Entry[int]) *time.Time { return &e.Made }),
		"set, fresh longer": moved(func(e *cache.Entry[int]) *time.Time { return &e.Fresh }),
		"set, stale longer": moved(func(e *cache.Entry[int]) *time.Time { return &e.Stale }),
		"set, kept longer":  moved(func(e *cache.Entry[int]) *time.Time { return &e.Keep }),
		"delete":            func(m *cache.Memory[string, int]) { _ = m.Delete(context.Background(), "a") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				m := cache.NewMemory[string, int](cache.MemoryConfig{})
				c, f, ctx := aged(t, config{Store: m})
				f.v, f.took = 2, time.Second
				_, _ = c.Do(ctx, f.do)
				synctest.Wait()
				change(m)
				time.Sleep(time.Second)
				synctest.Wait()
				e, ok, _ := m.Get(t.Context(), "a")
				assert.Equal(t, name != "delete", ok)
				if ok {
					assert.Equal(t, 3, e.Value)
				}
			})
		})
	}
}

func TestADeletedEntryDoesNotAnswerACallThatFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := cache.New(exactly(config{StaleIfError: time.Hour})), &source{v: 1}, with(t.Context(), "a")
		_, _ = c.Do(ctx, f.do)
		time.Sleep(time.Minute)
		f.err, f.took = errDown, time.Second
		failed := make(chan error, 1)
		go func() { _, err := c.Do(ctx, f.do); failed <- err }()
		synctest.Wait()
		require.NoError(t, c.Delete(t.Context(), "a"))
		require.ErrorIs(t, <-failed, errDown)
	})
}

func TestADeleteOfAnotherKeyLeavesTheStaleValue(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := cache.New(exactly(config{StaleIfError: time.Hour})), &source{v: 1}, with(t.Context(), "a")
		_, _ = c.Do(ctx, f.do)
		time.Sleep(time.Minute)
		f.err, f.took = errDown, time.Second
		failed := make(chan error, 1)
		go func() { _, err := c.Do(ctx, f.do); failed <- err }()
		synctest.Wait()
		require.NoError(t, c.Delete(t.Context(), "b"))
		require.NoError(t, <-failed)
	})
}

func TestRefreshMakesAnEntryStale(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := cache.New(exactly(config{Stale: time.Hour})), &source{v: 1}, with(t.Context(), "a")
		_, _ = c.Do(ctx, f.do)
		require.NoError(t, c.Refresh(t.Context(), "a"))
		require.NoError(t, c.Refresh(t.Context(), "none"))
		f.set(2, nil)
		v, _ := c.Do(ctx, f.do)
		assert.Equal(t, 1, v)
		synctest.Wait()
		v, _ = c.Do(ctx, f.do)
		assert.Equal(t, 2, v)
		assert.Equal(t, 2, f.count())
	})
}

func TestRefreshRemovesAnEntryWithoutStaleTimeAndAnError(t *testing.T) {
	for name, cfg := range map[string]config{
		"value": {}, "error": {Stale: time.Hour, NegativeTTL: time.Hour, Negative: isMissing},
	} {
		t.Run(name, func(t *testing.T) {
			c, f, ctx := cache.New(exactly(cfg)), &source{v: 1}, with(t.Context(), "a")
			if name == "error" {
				f.err = errMissing
			}
			_, _ = c.Do(ctx, f.do)
			require.Equal(t, 1, c.Snapshot().Entries)
			require.NoError(t, c.Refresh(t.Context(), "a"))
			assert.Zero(t, c.Snapshot().Entries)
		})
	}
}

func TestRefreshEndsTheCooldown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{Cooldown: time.Minute})
		f.err = errDown
		read := func() int { _, _ = c.Do(ctx, f.do); synctest.Wait(); return f.count() }
		assert.Equal(t, 2, read())
		assert.Equal(t, 2, read())
		require.NoError(t, c.Refresh(t.Context(), "a"))
		assert.Equal(t, 3, read())
	})
}

func TestARefreshThatBeganBeforeRefreshIsFollowedByAnother(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{})
		f.v, f.took = 2, time.Second
		_, _ = c.Do(ctx, f.do)
		synctest.Wait()
		require.NoError(t, c.Refresh(t.Context(), "a"))
		f.set(3, nil)
		v, _ := c.Do(ctx, f.do)
		assert.Equal(t, 1, v)
		assert.Equal(t, 2, f.count(), "one refresh runs at a time")
		time.Sleep(time.Second)
		synctest.Wait()
		v, _ = c.Do(ctx, f.do)
		assert.Equal(t, 1, v, "the result of the first is out of date")
		time.Sleep(time.Second)
		synctest.Wait()
		v, _ = c.Do(ctx, f.do)
		assert.Equal(t, 3, v)
	})
}

func TestChangesOfAnEndedContextDoNothing(t *testing.T) {
	c, f, ctx := cache.New(exactly(config{})), &source{v: 1}, with(t.Context(), "a")
	_, _ = c.Do(ctx, f.do)
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	require.ErrorIs(t, c.Delete(ended, "a"), errDown)
	require.ErrorIs(t, c.Refresh(ended, "a"), context.Canceled)
	_, _ = c.Do(ctx, f.do)
	assert.Equal(t, 1, f.count())
}
