package cache_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// aged returns a cache with an entry of "a" that has just become stale, and what loads it.
func aged(t *testing.T, cfg config) (*cache.Cache[string, int], *source, context.Context) {
	t.Helper()
	if cfg.Stale == 0 {
		cfg.Stale = time.Hour
	}
	c, f, ctx := cache.New(exactly(cfg)), &source{v: 1}, with(t.Context(), "a")
	_, err := c.Do(ctx, f.do)
	require.NoError(t, err)
	time.Sleep(time.Minute)
	synctest.Wait()
	return c, f, ctx
}

func TestARefreshHasTheValuesOfItsReaderAndNotItsEnd(t *testing.T) {
	type user struct{}
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{})
		f.v, f.took = 2, 10*time.Second
		reader, cancel := context.WithTimeout(context.WithValue(ctx, user{}, "ann"), time.Second)
		_, err := c.Do(reader, f.do)
		require.NoError(t, err)
		cancel()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		v, _ := c.Do(ctx, f.do)
		assert.Equal(t, 2, v)
		assert.Equal(t, "ann", f.last.Value(user{}))
	})
}

func TestARefreshEndsAtItsTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{RefreshTimeout: 5 * time.Second, Name: "users"})
		do, rec := observed[int](c)
		f.took = time.Hour
		_, _ = do(ctx, f.do)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		told := only(rec, policy.Refreshed)
		require.Len(t, told, 1)
		require.ErrorIs(t, told[0].Err, context.DeadlineExceeded)
		assert.ErrorContains(t, context.Cause(f.last), "users")
		assert.EqualValues(t, 1, c.Snapshot().RefreshFailures)
	})
}

func TestARefreshThatFindsNothingReplacesTheValue(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{NegativeTTL: time.Second, Negative: isMissing})
		do, rec := observed[int](c)
		f.err = errMissing
		_, err := do(ctx, f.do)
		require.NoError(t, err)
		synctest.Wait()
		_, err = do(ctx, f.do)
		require.ErrorIs(t, err, errMissing)
		assert.Equal(t, 2, f.count())
		assert.Equal(t, []policy.Event{{Kind: policy.Refreshed, Policy: "cache", Err: errMissing}}, only(rec, policy.Refreshed))
		assert.Zero(t, c.Snapshot().RefreshFailures)
	})
}

func TestAPanicInARefreshIsReported(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{})
		do, rec := observed[int](c)
		v, err := do(ctx, func(context.Context) (int, error) { panic("no luck") })
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		synctest.Wait()
		told := only(rec, policy.Refreshed)
		require.Len(t, told, 1)
		var p *policy.PanicError
		require.ErrorAs(t, told[0].Err, &p)
		assert.Equal(t, "no luck", p.Value)
		_, _ = do(ctx, f.do)
		synctest.Wait()
		assert.Equal(t, 1, f.count(), "it cools down")
		time.Sleep(time.Second)
		_, _ = do(ctx, f.do)
		synctest.Wait()
		assert.Equal(t, 2, f.count())
	})
}

func TestGoexitInARefreshIsReported(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{})
		do, rec := observed[int](c)
		_, _ = do(ctx, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
		synctest.Wait()
		told := only(rec, policy.Refreshed)
		require.Len(t, told, 1)
		require.ErrorIs(t, told[0].Err, policy.ErrNoReturn)
		time.Sleep(time.Second)
		_, _ = do(ctx, f.do)
		synctest.Wait()
		assert.Equal(t, 2, f.count())
	})
}

func TestOneRefreshRunsEvenIfItIgnoresItsTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, _, ctx := aged(t, config{RefreshTimeout: time.Second, Cooldown: 1})
		var running, most atomic.Int32
		deaf := func(context.Context) (int, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			time.Sleep(time.Minute)
			return 0, errDown
		}
		for range 300 {
			_, err := c.Do(ctx, deaf)
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		assert.EqualValues(t, 1, most.Load())
		require.NoError(t, c.Close(t.Context()))
	})
}

func TestAMissJoinsTheRefreshOfItsKey(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{Stale: time.Second})
		f.v, f.took = 2, 10*time.Second
		_, _ = c.Do(ctx, f.do)
		time.Sleep(5 * time.Second)
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.Equal(t, 2, f.count())
	})
}

func TestAMissThatJoinedARefreshHasTheRestOfItsOwnTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{Stale: time.Second, RefreshTimeout: 10 * time.Second})
		f.v, f.took = 2, 15*time.Second
		_, _ = c.Do(ctx, f.do)
		time.Sleep(5 * time.Second)
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err, "the refresh ends after 10 s, and the call after 20")
		assert.Equal(t, 2, v)
		assert.Equal(t, 3, f.count())
	})
}

// Another process stores an entry while a miss of its key is in the air.
func TestACallThatFliesAlreadyTakesThePlaceOfARefresh(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := cache.NewMemory[string, int](cache.MemoryConfig{})
		c, f, ctx := cache.New(exactly(config{Stale: time.Hour, Store: m})), &source{v: 2, took: time.Second}, with(t.Context(), "a")
		go func() { _, _ = c.Do(ctx, f.do) }()
		synctest.Wait()
		e := forAnHour(1)
		e.Fresh = e.Made
		require.NoError(t, m.Set(ctx, "a", e))
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		require.NoError(t, c.Close(ctx), "no refresh runs")
		time.Sleep(time.Second)
		synctest.Wait()
		v, _ = c.Do(ctx, f.do)
		assert.Equal(t, 2, v)
		assert.Equal(t, cache.Snapshot{Misses: 1, Stale: 1, Hits: 1, Flights: 1, Entries: 1}, c.Snapshot())
	})
}

func TestNoRefreshBeginsAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{})
		f.took = 10 * time.Second
		_, _ = c.Do(ctx, f.do)
		synctest.Wait()
		start := time.Now()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.Close(short), context.DeadlineExceeded)
		require.NoError(t, c.Close(t.Context()))
		assert.Equal(t, 10*time.Second, time.Since(start))
		require.NoError(t, c.Close(t.Context()))

		time.Sleep(2 * time.Minute)
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		synctest.Wait()
		assert.Equal(t, 2, f.count())
		v, err = c.Do(with(t.Context(), "b"), f.do)
		require.NoError(t, err, "calls go on")
		assert.Equal(t, 1, v)
	})
}

func TestARefreshOnAClockDoesNotEndWithItsReader(t *testing.T) {
	clk := fake.NewClock()
	c, f := cache.New(exactly(config{Stale: time.Hour, Clock: clk})), &source{v: 1}
	ctx := with(t.Context(), "a")
	_, _ = c.Do(ctx, f.do)
	clk.Advance(time.Minute)
	reader, cancel := clk.WithTimeout(ctx, time.Second)
	begun, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	_, err := c.Do(reader, func(ctx context.Context) (int, error) {
		close(begun)
		<-release
		ended <- ctx.Err()
		return 2, nil
	})
	require.NoError(t, err)
	<-begun
	clk.Advance(2 * time.Second)
	cancel()
	close(release)
	require.NoError(t, <-ended)
	require.NoError(t, c.Close(t.Context()))
	v, _ := c.Do(ctx, f.do)
	assert.Equal(t, 2, v)
}

func TestARefreshOnAClockEndsAtItsTimeout(t *testing.T) {
	for name, of := range map[string]func(*fake.Clock) policy.Clock{
		"fake":             func(c *fake.Clock) policy.Clock { return c },
		"of fewer methods": func(c *fake.Clock) policy.Clock { return plainClock{c} },
	} {
		t.Run(name, func(t *testing.T) {
			clk := fake.NewClock()
			c, f := cache.New(exactly(config{Stale: time.Hour, Clock: of(clk), RefreshTimeout: 3 * time.Second})), &source{v: 1}
			ctx := with(t.Context(), "a")
			_, _ = c.Do(ctx, f.do)
			clk.Advance(time.Minute)
			f.held = make(chan struct{})
			_, err := c.Do(ctx, f.do)
			require.NoError(t, err)
			require.NoError(t, clk.BlockUntil(t.Context(), 1))
			clk.Advance(3 * time.Second)
			require.NoError(t, c.Close(t.Context()))
			require.ErrorIs(t, f.last.Err(), context.DeadlineExceeded)
		})
	}
}

// plainClock has the methods of policy.Clock alone.
type plainClock struct{ policy.Clock }
