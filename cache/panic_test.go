package cache_test

import (
	"context"
	"runtime"
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

func TestAPanickingKeyLeavesNothingRegistered(t *testing.T) {
	cfg, broken := exactly(config{Stale: time.Hour}), true
	cfg.Key = func(ctx context.Context) (string, bool) {
		if broken {
			panic("no key")
		}
		return keyIn[string](ctx)
	}
	c, f := cache.New(cfg), &source{v: 1}
	assert.PanicsWithValue(t, "no key", func() { _, _ = c.Do(with(t.Context(), "a"), f.do) })
	assert.Equal(t, cache.Snapshot{}, c.Snapshot())
	broken = false
	v, err := c.Do(with(t.Context(), "a"), f.do)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	require.NoError(t, c.Close(t.Context()))
}

func TestAKeyWithoutAHashLeavesNothingRegistered(t *testing.T) {
	var key any = []int{1}
	c := cache.New(cache.Config[any, int]{Key: func(context.Context) (any, bool) { return key, true }, TTL: time.Minute, Stale: time.Hour})
	for range 2 {
		assert.Panics(t, func() { _, _ = c.Do(t.Context(), one) })
		assert.Panics(t, func() { _ = c.Delete(t.Context(), key) })
	}
	key = "a"
	_, err := c.Do(t.Context(), one)
	require.NoError(t, err)
	require.NoError(t, c.Delete(t.Context(), key))
	require.NoError(t, c.Close(t.Context()))
}

func TestAPanicReachesEachCallerAndIsNotKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := cache.New(exactly(config{StaleIfError: time.Hour}))
		ctx := with(t.Context(), "a")
		_, _ = c.Do(ctx, one)
		time.Sleep(time.Minute)
		var callers sync.WaitGroup
		for range 5 {
			callers.Go(func() {
				assert.PanicsWithValue(t, "boom", func() {
					_, _ = c.Do(ctx, func(context.Context) (int, error) { time.Sleep(time.Second); panic("boom") })
				})
			})
		}
		callers.Wait()
		v, err := c.Do(ctx, func(context.Context) (int, error) { return 2, nil })
		require.NoError(t, err)
		assert.Equal(t, 2, v)
	})
}

func TestGoexitReachesEachCaller(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := cache.New(exactly(config{}))
		var exited atomic.Int32
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				returned := false
				defer func() {
					if !returned {
						exited.Add(1)
					}
				}()
				_, _ = c.Do(with(t.Context(), "a"), func(context.Context) (int, error) { time.Sleep(time.Second); runtime.Goexit(); return 0, nil })
				returned = true
			})
		}
		callers.Wait()
		assert.EqualValues(t, 3, exited.Load())
		require.NoError(t, c.Close(t.Context()))
	})
}

func TestAPanicThatNoCallerWaitsForIsReported(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := cache.New(exactly(config{}))
		do, rec := observed[int](c)
		ctx, cancel := context.WithTimeout(with(t.Context(), "a"), time.Second)
		defer cancel()
		_, err := do(ctx, func(context.Context) (int, error) { time.Sleep(time.Minute); panic("late") })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Minute)
		synctest.Wait()
		late := only(rec, policy.FinishedLate)
		require.Len(t, late, 1)
		var p *policy.PanicError
		require.ErrorAs(t, late[0].Err, &p)
		assert.Equal(t, "late", p.Value)
	})
}

func TestPanicsOfTheConfigsFunctionsReachTheCaller(t *testing.T) {
	c := cache.New(exactly(config{NegativeTTL: 1, Negative: func(error) bool { panic("Negative") }}))
	ctx := with(t.Context(), "a")
	assert.PanicsWithValue(t, "Negative", func() { _, _ = c.Do(ctx, (&source{err: errDown}).do) })
	assert.PanicsWithValue(t, "keep", func() { _, _ = c.WithCacheIf(func(int) bool { panic("keep") }).Do(ctx, one) })
	assert.PanicsWithValue(t, "clone", func() { _, _ = c.WithClone(func(int) int { panic("clone") }).Do(ctx, one) })
	v, err := c.Do(ctx, one)
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	require.NoError(t, c.Close(t.Context()))
}

func TestPanicsOfObserversLeaveNothingBehind(t *testing.T) {
	for _, kind := range []policy.EventKind{policy.Served, policy.Joined, policy.Refreshed, policy.StoreFailed, policy.FinishedLate} {
		t.Run(string(kind), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				store := newSlow("a")
				c := cache.New(exactly(config{Stale: time.Hour, Store: store}))
				chain := policy.NewChain("", []policy.Listener{{Observe: func(_ context.Context, e policy.Event) {
					if e.Kind == kind {
						panic("observer")
					}
				}}}, policy.Policy[int](c))
				f := &source{v: 1, took: time.Second}
				call := func(ctx context.Context) {
					defer func() { _ = recover() }()
					_, _ = chain.Call(f.do).Do(ctx)
				}
				ctx := with(t.Context(), "a")
				short, cancel := context.WithTimeout(ctx, time.Second/2)
				defer cancel()
				for range 3 {
					go call(short)
					go call(ctx)
				}
				time.Sleep(time.Hour / 2)
				store.mu.Lock()
				store.setErr = errStore
				store.mu.Unlock()
				call(ctx)
				time.Sleep(time.Minute)
				late, cancelLate := context.WithTimeout(with(t.Context(), "b"), time.Second/2)
				defer cancelLate()
				call(late)
				time.Sleep(time.Minute)
				require.NoError(t, c.Close(t.Context()))
				require.NoError(t, c.Delete(t.Context(), "b"))
			})
		})
	}
}

// brittle is a clock whose Go panics.
type brittle struct {
	policy.Clock
	breaks atomic.Bool
}

func (b *brittle) Go(f func()) {
	if b.breaks.Load() {
		panic("no goroutines left")
	}
	go f()
}

func TestAPanicOfTheClockLeavesNothingBehind(t *testing.T) {
	clk := &brittle{Clock: newFake()}
	c, f := cache.New(exactly(config{Stale: time.Hour, TTL: 1, Clock: clk})), &source{v: 1}
	a, b := with(t.Context(), "a"), with(t.Context(), "b")
	_, _ = c.Do(a, f.do)
	advance(clk.Clock, 1)
	clk.breaks.Store(true)
	assert.PanicsWithValue(t, "no goroutines left", func() { _, _ = c.Do(a, f.do) }, "a refresh")
	assert.PanicsWithValue(t, "no goroutines left", func() { _, _ = c.Do(b, f.do) }, "a miss")
	clk.breaks.Store(false)
	_, err := c.Do(b, f.do)
	require.NoError(t, err)
	_, err = c.Do(a, f.do)
	require.NoError(t, err)
	require.NoError(t, c.Close(t.Context()))
	assert.EqualValues(t, 1, c.Snapshot().Refreshes, "the next refresh begins")
}
