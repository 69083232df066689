package bench_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/viccon/sturdyc"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
)

// together makes n calls at once, and returns how often the function ran.
func together(n int, do func(f func(context.Context) (T, error)), f func(context.Context) (T, error)) int64 {
	var calls atomic.Int64
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			do(func(ctx context.Context) (T, error) { calls.Add(1); return f(ctx) })
		})
	}
	all.Wait()
	return calls.Load()
}

// sturdy is a client that leaves no goroutine behind.
func sturdy(d time.Duration, options ...sturdyc.Option) *sturdyc.Client[T] {
	const n, shards, percent = 1000, 1, 10
	_ = func() *sturdyc.Client[T] { return sturdyc.New[T](n, shards, d, percent) } // as in the table; its goroutine never ends
	return sturdyc.New[T](n, shards, d, percent, append(options, sturdyc.WithNoContinuousEvictions())...)
}

var sturdycRows = map[string]func(*testing.T){
	"`sturdyc.New[T](n, shards, d, percent)`, `GetOrFetch(ctx, key, fn)`": bubble(func(t *testing.T) {
		const n, d = 1000, time.Minute
		client, ctx, get := sturdy(d), ported(t, "a"), &trail{begun: time.Now(), end: returns(nil)}
		theirs := func(key string, fn func(context.Context) (T, error)) error {
			_, err := client.GetOrFetch(ctx, key, fn)
			return err
		}
		ours := func(key func(context.Context) (string, bool)) func(fn policy.Func[T]) error {
			c := cache.New(cache.Config[string, T]{MaxEntries: n, TTL: d, Jitter: cache.NoJitter, Key: key})
			return func(fn policy.Func[T]) error {
				_, err := c.Do(ctx, fn)
				return err
			}
		}(portKeyOf)
		own := &trail{begun: time.Now(), end: returns(nil)}
		for range 4 {
			require.NoError(t, theirs("a", get.fn))
			require.NoError(t, ours(own.fn))
			time.Sleep(40 * time.Second)
		}
		assert.Equal(t, get.at, own.at)
		assert.Len(t, own.at, 2)
	}),
	"`GetOrFetch` by callers that leave": bubble(func(t *testing.T) {
		theirs, ours := sturdy(time.Minute), portCache(cache.Config[string, T]{})
		slowly := func(ctx context.Context) (T, error) {
			select {
			case <-time.After(time.Minute):
				return 1, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		leaving := func(do func(ctx context.Context) (T, error)) (stayed error) {
			ctx, cancel := context.WithTimeout(ported(t, "a"), time.Second)
			defer cancel()
			var both sync.WaitGroup
			both.Go(func() { _, _ = do(ctx) })
			time.Sleep(time.Second / 2)
			both.Go(func() { _, stayed = do(ported(t, "a")) })
			both.Wait()
			return stayed
		}
		require.ErrorIs(t, leaving(func(ctx context.Context) (T, error) { return theirs.GetOrFetch(ctx, "a", slowly) }), context.DeadlineExceeded)
		require.NoError(t, leaving(func(ctx context.Context) (T, error) { return ours.Do(ctx, slowly) }))
	}),
	"`WithEarlyRefreshes(low, high, sync, base)`": bubble(func(t *testing.T) {
		const low, high, sync, base = time.Minute, time.Minute + 1, 30 * time.Minute, time.Second
		theirs, ctx := sturdy(time.Hour, sturdyc.WithEarlyRefreshes(low, high, sync, base)), ported(t, "a")
		ours := portCache(cache.Config[string, T]{
			TTL: low, Stale: sync - low, StaleIfError: time.Hour - sync, Cooldown: base, Jitter: cache.NoJitter,
		})
		n, m := &atomic.Int64{}, &atomic.Int64{}
		counting := func(n *atomic.Int64) func(context.Context) (T, error) {
			return func(context.Context) (T, error) { return T(n.Add(1)), nil }
		}
		for _, want := range []int{1, 1, 2} {
			v, err := theirs.GetOrFetch(ctx, "a", counting(n))
			require.NoError(t, err)
			assert.Equal(t, want, v)
			v, err = ours.Do(ctx, counting(m))
			require.NoError(t, err)
			assert.Equal(t, want, v)
			time.Sleep(time.Minute + 2)
		}
	}),
	"`WithMissingRecordStorage()`, `ErrNotFound`": bubble(func(t *testing.T) {
		theirs, ctx := sturdy(time.Minute, sturdyc.WithMissingRecordStorage()), ported(t, "a")
		tr := &trail{begun: time.Now(), end: returns(sturdyc.ErrNotFound)}
		for range 2 {
			_, err := theirs.GetOrFetch(ctx, "a", tr.fn)
			require.ErrorIs(t, err, sturdyc.ErrMissingRecord)
		}
		assert.Len(t, tr.at, 1)
		ours := portCache(cache.Config[string, T]{NegativeTTL: time.Minute, Negative: func(err error) bool { return errors.Is(err, errBad) }})
		own := &trail{begun: time.Now(), end: returns(errBad)}
		for range 2 {
			_, err := ours.Do(ctx, own.fn)
			require.ErrorIs(t, err, errBad)
		}
		assert.Len(t, own.at, 1)
	}),
	"`Delete(key)`": bubble(func(t *testing.T) {
		const key = "a"
		theirs, c, ctx := sturdy(time.Minute), portCache(cache.Config[string, T]{}), ported(t, key)
		slowly := func(context.Context) (T, error) { time.Sleep(time.Second); return 1, nil }
		var both sync.WaitGroup
		both.Go(func() { _, _ = theirs.GetOrFetch(ctx, key, slowly) })
		both.Go(func() { _, _ = c.Do(ctx, slowly) })
		time.Sleep(time.Second / 2)
		theirs.Delete(key)
		require.NoError(t, c.Delete(ctx, key))
		both.Wait()
		_, found := theirs.Get(key)
		assert.True(t, found, "the call that began before is kept")
		assert.Zero(t, c.Snapshot().Entries)
	}),
	"a panic in the function": bubble(func(t *testing.T) {
		boom := func(context.Context) (T, error) { panic("boom") }
		_, err := sturdy(time.Minute).GetOrFetch(t.Context(), "a", boom)
		require.ErrorContains(t, err, "panic recovered")
		assert.PanicsWithValue(t, "boom", func() { _, _ = portCache(cache.Config[string, T]{}).Do(ported(t, "a"), boom) })
	}),
}
