package cache_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestAFreshValueAnswersWithoutACall(t *testing.T) {
	clk := fake.NewClock()
	c, f := cache.New(exactly(config{Clock: clk})), &source{v: 1}
	ctx := with(t.Context(), "a")
	for range 3 {
		v, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		clk.Advance(time.Minute/3 - 1)
	}
	assert.Equal(t, 1, f.count())
	s := c.Snapshot()
	assert.Equal(t, cache.Snapshot{Hits: 2, Misses: 1, Flights: 1, Entries: 1}, s)
}

func TestAnEntryHasExpiredAtItsExactDeadline(t *testing.T) {
	clk := fake.NewClock()
	c, f := cache.New(exactly(config{Clock: clk})), &source{v: 1}
	ctx := with(t.Context(), "a")
	_, _ = c.Do(ctx, f.do)
	clk.Advance(time.Minute - 1)
	_, _ = c.Do(ctx, f.do)
	assert.Equal(t, 1, f.count())
	clk.Advance(1)
	_, _ = c.Do(ctx, f.do)
	assert.Equal(t, 2, f.count())
}

func TestKeysDoNotShareEntries(t *testing.T) {
	c, f := cache.New(exactly(config{})), &source{v: 1}
	_, _ = c.Do(with(t.Context(), "a"), f.do)
	f.set(2, nil)
	v, err := c.Do(with(t.Context(), "b"), f.do)
	require.NoError(t, err)
	assert.Equal(t, 2, v)
}

func TestTTLBeginsWhenTheCallEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f := cache.New(exactly(config{})), &source{v: 1, took: 50 * time.Second}
		ctx := with(t.Context(), "a")
		_, _ = c.Do(ctx, f.do)
		time.Sleep(time.Minute - 1)
		_, _ = c.Do(ctx, f.do)
		assert.Equal(t, 1, f.count())
		time.Sleep(time.Nanosecond)
		_, _ = c.Do(ctx, f.do)
		assert.Equal(t, 2, f.count())
	})
}

func TestAHundredCallersMakeOneCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f := cache.New(exactly(config{})), &source{v: 7, took: time.Second}
		do, rec := observed[int](c)
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				v, err := do(with(t.Context(), "a"), f.do)
				assert.NoError(t, err)
				assert.Equal(t, 7, v)
			})
		}
		callers.Wait()
		assert.Equal(t, 1, f.count())
		assert.Len(t, only(rec, policy.Joined), 99)
		assert.EqualValues(t, 100, c.Snapshot().Misses)
	})
}

func TestAStaleValueAnswersAtOnceWhileOneRefreshRuns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f := cache.New(exactly(config{Stale: time.Hour})), &source{v: 1}
		do, rec := observed[int](c)
		ctx := with(t.Context(), "a")
		_, _ = do(ctx, f.do)
		time.Sleep(time.Minute)
		f.v, f.took = 2, time.Second
		for range 50 {
			v, err := do(ctx, f.do)
			require.NoError(t, err)
			assert.Equal(t, 1, v)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		v, _ := do(ctx, f.do)
		assert.Equal(t, 2, v)
		assert.Equal(t, 2, f.count())
		served := only(rec, policy.Served)
		require.Len(t, served, 51)
		assert.Equal(t, policy.Event{Kind: policy.Served, Policy: "cache", From: "stale", Elapsed: time.Minute}, served[0])
		assert.Equal(t, policy.Event{Kind: policy.Served, Policy: "cache", From: "fresh"}, served[50])
		assert.Equal(t, []policy.Event{{Kind: policy.Refreshed, Policy: "cache"}}, only(rec, policy.Refreshed))
		require.NoError(t, c.Close(t.Context()))
	})
}

func TestAValueIsNotServedAtTheExactEndOfItsStaleTime(t *testing.T) {
	clk := fake.NewClock()
	c, f := cache.New(exactly(config{Stale: time.Minute, Clock: clk})), &source{v: 1}
	ctx := with(t.Context(), "a")
	_, _ = c.Do(ctx, f.do)
	clk.Advance(2 * time.Minute)
	f.set(2, nil)
	v, err := c.Do(ctx, f.do)
	require.NoError(t, err)
	assert.Equal(t, 2, v)
}

func TestAValueThatCoolsDownIsNotServedAtTheExactEndOfItsStaleTime(t *testing.T) {
	clk := fake.NewClock()
	c, f := cache.New(exactly(config{Stale: time.Minute, Cooldown: time.Minute, Clock: clk})), &source{v: 1}
	ctx := with(t.Context(), "a")
	_, _ = c.Do(ctx, f.do)
	clk.Advance(2*time.Minute - 1)
	f.set(0, errDown)
	_, err := c.Do(ctx, f.do)
	require.NoError(t, err)
	require.NoError(t, c.Close(ctx)) // waits for the refresh, which fails
	clk.Advance(1)
	_, err = c.Do(ctx, f.do)
	require.ErrorIs(t, err, errDown)
}

func TestAKeptValueAnswersACallThatFails(t *testing.T) {
	for name, failure := range map[string]error{"failure": errDown, "rejection": policy.ErrRejected} {
		t.Run(name, func(t *testing.T) {
			clk := fake.NewClock()
			c, f := cache.New(exactly(config{StaleIfError: time.Minute, Clock: clk})), &source{v: 1}
			do, rec := observed[int](c)
			ctx := with(t.Context(), "a")
			_, _ = do(ctx, f.do)
			f.set(0, failure)
			clk.Advance(2*time.Minute - 1)
			v, err := do(ctx, f.do)
			require.NoError(t, err)
			assert.Equal(t, 1, v)
			assert.Equal(t, []policy.Event{{
				Kind: policy.Served, Policy: "cache", From: "stale", Elapsed: 2*time.Minute - 1, Err: failure,
			}}, only(rec, policy.Served))
			clk.Advance(1)
			_, err = do(ctx, f.do)
			require.ErrorIs(t, err, failure)
			assert.Equal(t, cache.Snapshot{Misses: 3, Stale: 1, StaleIfError: 1, Flights: 3, Entries: 1}, c.Snapshot())
		})
	}
}

func TestKeepIsCheckedAfterTheCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f := cache.New(exactly(config{StaleIfError: time.Minute})), &source{v: 1}
		ctx := with(t.Context(), "a")
		_, _ = c.Do(ctx, f.do)
		time.Sleep(90 * time.Second)
		f.err, f.took = errDown, 30*time.Second-1
		_, err := c.Do(ctx, f.do)
		require.NoError(t, err, "it ends just before the end of the entry")
		_, err = c.Do(ctx, f.do)
		require.ErrorIs(t, err, errDown, "it begins just before the end of the entry")
	})
}

func TestACallerThatCancelledGetsNoStaleValue(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f := cache.New(exactly(config{StaleIfError: time.Hour})), &source{v: 1}
		ctx := with(t.Context(), "a")
		_, _ = c.Do(ctx, f.do)
		time.Sleep(time.Minute)
		f.took = time.Minute
		cancelled, cancel := context.WithCancel(ctx)
		go func() { time.Sleep(time.Second); cancel() }()
		_, err := c.Do(cancelled, f.do)
		require.ErrorIs(t, err, context.Canceled)

		late, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		v, err := c.Do(late, f.do)
		require.NoError(t, err, "a deadline is a failure like others")
		assert.Equal(t, 1, v)
		synctest.Wait()
	})
}

func TestACallWithoutAKeyGoesBy(t *testing.T) {
	c, f := cache.New(exactly(config{})), &source{v: 1}
	for range 2 {
		v, err := c.Do(t.Context(), f.do)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
	}
	assert.Equal(t, 2, f.count())
	assert.Equal(t, cache.Snapshot{Bypassed: 2}, c.Snapshot())
}

func TestAKeyThatDoesNotEqualItselfGoesBy(t *testing.T) {
	c := cache.New(cache.Config[float64, int]{Key: keyIn[float64], TTL: time.Minute})
	f := &source{v: 1}
	ctx := with(t.Context(), math.NaN())
	for range 2 {
		_, err := c.Do(ctx, f.do)
		require.NoError(t, err)
	}
	require.NoError(t, c.Delete(ctx, math.NaN()))
	require.NoError(t, c.Refresh(ctx, math.NaN()))
	assert.Equal(t, cache.Snapshot{Bypassed: 2}, c.Snapshot())
}

func TestANilValueIsAHit(t *testing.T) {
	c := cache.New(cache.Config[string, *int]{Key: keyIn[string], TTL: time.Minute})
	calls := 0
	for range 2 {
		v, err := c.Do(with(t.Context(), "a"), func(context.Context) (*int, error) { calls++; return nil, nil })
		require.NoError(t, err)
		assert.Nil(t, v)
	}
	assert.Equal(t, 1, calls)
}

func TestAFailedCallIsNotKept(t *testing.T) {
	c, f := cache.New(exactly(config{Stale: time.Hour, StaleIfError: time.Hour})), &source{err: errDown}
	for range 2 {
		_, err := c.Do(with(t.Context(), "a"), f.do)
		require.ErrorIs(t, err, errDown)
	}
	assert.Equal(t, 2, f.count())
	assert.Zero(t, c.Snapshot().Entries)
}

func TestASuccessIsKeptEvenIfItsCallerHasLeft(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := cache.New(exactly(config{}))
		ctx, cancel := context.WithTimeout(with(t.Context(), "a"), time.Second)
		defer cancel()
		_, err := c.Do(ctx, func(context.Context) (int, error) { time.Sleep(2 * time.Second); return 5, nil })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		v, err := c.Do(with(t.Context(), "a"), (&source{err: errDown}).do)
		require.NoError(t, err)
		assert.Equal(t, 5, v)
	})
}

func TestAnEndedContextGetsNoHit(t *testing.T) {
	c, f := cache.New(exactly(config{})), &source{v: 1}
	ctx, cancel := context.WithCancelCause(with(t.Context(), "a"))
	_, err := c.Do(ctx, f.do)
	require.NoError(t, err)
	cancel(errDown)
	_, err = c.Do(ctx, f.do)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errDown)
}
