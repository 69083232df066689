package cache_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
)

func TestAnObserverOfStoreFailedMayDeleteTheEntry(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newSlow("a")
		store.setErr = errStore
		c, told := cache.New(exactly(config{Store: store})), 0
		chain := policy.NewChain("", []policy.Listener{{
			Observe: func(ctx context.Context, _ policy.Event) {
				told++
				assert.ErrorIs(t, c.Delete(ctx, "a"), errStore)
			},
			Kinds: []policy.EventKind{policy.StoreFailed},
		}}, policy.Policy[int](c))
		_, err := chain.Call(one).Do(with(t.Context(), "a"))
		require.NoError(t, err)
		closes(t, c)
		assert.Equal(t, 1, told)
	})
}

// careless is a store that returns an entry also where there is none, or beside an error.
type careless struct {
	*cache.Memory[string, int]
	ok  bool
	err error
}

func (s careless) Get(context.Context, string) (cache.Entry[int], bool, error) {
	return forAnHour(-1), s.ok, s.err
}

func TestAnEntryThatTheStoreSaysIsNoneAnswersNoCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for _, store := range []careless{{}, {ok: true, err: errStore}} {
			store.Memory = cache.NewMemory[string, int](cache.MemoryConfig{})
			c, f := cache.New(exactly(config{Stale: time.Hour, StaleIfError: time.Hour, Store: store})), &source{v: 1}
			v, err := c.Do(with(t.Context(), "a"), f.do)
			require.NoError(t, err)
			assert.Equal(t, 1, v)
			closes(t, c)
			f.set(0, errDown)
			_, err = c.Do(with(t.Context(), "a"), f.do)
			require.ErrorIs(t, err, errDown)
			require.NoError(t, c.Delete(t.Context(), "a"))
			require.Equal(t, store.err, c.Refresh(t.Context(), "a"))
			assert.Zero(t, store.Len(), "nothing was made stale")
		}
	})
}

// stuck is a store whose Set waits until it is released, whatever its context says.
type stuck struct {
	*cache.Memory[string, int]
	key      string
	released chan struct{}
}

func (s *stuck) Set(ctx context.Context, k string, e cache.Entry[int]) error {
	if k == s.key {
		<-s.released
	}
	return s.Memory.Set(ctx, k, e)
}

func newStuck(key string) *stuck {
	return &stuck{Memory: cache.NewMemory[string, int](cache.MemoryConfig{}), key: key, released: make(chan struct{})}
}

func TestASetThatNeverReturnsHoldsUpNoCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newStuck("a")
		c := cache.New(exactly(config{Store: store, Stale: time.Minute, StaleIfError: time.Minute}))
		f := &source{v: 1}
		for range 100 { // past several times of the entry
			for _, key := range []string{"a", "b"} {
				begun := time.Now()
				v, err := c.Do(with(t.Context(), key), f.do)
				require.NoError(t, err)
				require.Equal(t, 1, v)
				require.Zero(t, time.Since(begun))
			}
			time.Sleep(10 * time.Second)
		}
		calls := f.count()
		assert.Less(t, calls, 100, "the results that wait to be stored answer calls")

		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, c.Delete(short, "a"), context.DeadlineExceeded)
		assert.NoError(t, c.Delete(t.Context(), "b"), "another key")
		assert.ErrorIs(t, c.Close(short), context.DeadlineExceeded)
		close(store.released)
		closes(t, c)
		require.NoError(t, c.Delete(t.Context(), "a"))
		_, err := c.Do(with(t.Context(), "a"), f.do)
		require.NoError(t, err)
		closes(t, c)
		assert.Equal(t, calls+1, f.count())
	})
}

// brittleWaits is a clock whose waiters panic while it is told to.
type brittleWaits struct{ breaks atomic.Bool }

func (*brittleWaits) Now() time.Time                         { return time.Now() }
func (*brittleWaits) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (*brittleWaits) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func (b *brittleWaits) NewWaiter() policy.Waiter { return &brittleWaiter{policy.NewWaiter(nil), b} }

type brittleWaiter struct {
	policy.Waiter
	clock *brittleWaits
}

func (w *brittleWaiter) Wait(ctx context.Context) error {
	if w.clock.breaks.Load() {
		panic("no wait")
	}
	return w.Waiter.Wait(ctx)
}

func TestAClockThatPanicsInAWaitHoldsUpNoOtherCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store, clk := newStuck("a"), &brittleWaits{}
		c := cache.New(exactly(config{Store: store, Clock: clk}))
		ctx, f := with(t.Context(), "a"), &source{v: 1}
		_, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		synctest.Wait() // the result is being stored
		clk.breaks.Store(true)
		assert.PanicsWithValue(t, "no wait", func() { _ = c.Delete(ctx, "a") }, "a change that waits for its turn")
		clk.breaks.Store(false)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		behind := make(chan error)
		go func() { behind <- c.Delete(short, "a") }()
		synctest.Wait()
		close(store.released)
		require.NoError(t, <-behind)

		clk.breaks.Store(true)
		f.held = make(chan struct{})
		assert.PanicsWithValue(t, "no wait", func() { _, _ = c.Do(ctx, f.do) }, "a miss")
		clk.breaks.Store(false)
		synctest.Wait()
		assert.ErrorIs(t, f.last.Err(), context.Canceled, "the last caller has left")
		f.held = nil
		_, err = c.Do(ctx, f.do)
		require.NoError(t, err, "a new flight")
		closes(t, c)
	})
}
