package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestAKeptErrorComesBackAsAnError(t *testing.T) {
	clk := fake.NewClock()
	c, f := cache.New(exactly(config{NegativeTTL: time.Second, Negative: isMissing, Clock: clk})), &source{v: 3, err: errMissing}
	do, rec := observed[int](c)
	ctx := with(t.Context(), "a")
	for range 3 {
		v, err := do(ctx, f.do)
		require.ErrorIs(t, err, errMissing)
		assert.Equal(t, 3, v, "the value beside the error is kept, too")
	}
	assert.Equal(t, 1, f.count())
	assert.Equal(t, policy.Event{Kind: policy.Served, Policy: "cache", From: "negative", Err: errMissing}, only(rec, policy.Served)[0])
	clk.Advance(time.Second)
	_, _ = do(ctx, f.do)
	assert.Equal(t, 2, f.count())
	assert.Equal(t, cache.Snapshot{Negative: 2, Misses: 2, Flights: 2, Entries: 1}, c.Snapshot())
}

func TestErrorsThatNegativeRefusesAreNotKept(t *testing.T) {
	c, f := cache.New(exactly(config{NegativeTTL: time.Second, Negative: isMissing})), &source{err: errDown}
	for range 3 {
		_, err := c.Do(with(t.Context(), "a"), f.do)
		require.ErrorIs(t, err, errDown)
	}
	assert.Equal(t, 3, f.count())
}

func TestNegativeIsNotAskedAboutRejectionsAndEndedContexts(t *testing.T) {
	inBubble(t, func(t *testing.T) { // which ends when the flight of the caller that left has
		cfg := exactly(config{NegativeTTL: time.Second, Negative: func(err error) bool {
			t.Errorf("Negative was asked about %v", err)
			return true
		}})
		c, f := cache.New(cfg), &source{err: policy.ErrRejected}
		_, err := c.Do(with(t.Context(), "a"), f.do)
		require.ErrorIs(t, err, policy.ErrRejected)
		ctx, cancel := context.WithCancel(with(t.Context(), "b"))
		_, err = c.Do(ctx, func(inner context.Context) (int, error) {
			cancel()
			<-inner.Done()
			return 0, errMissing
		})
		require.Error(t, err)
		require.NoError(t, c.Close(t.Context()))
	})
}

func TestAKeptErrorReplacesAnOldValue(t *testing.T) {
	clk := fake.NewClock()
	c, f := cache.New(exactly(config{StaleIfError: time.Hour, NegativeTTL: time.Second, Negative: isMissing, Clock: clk})), &source{v: 1}
	ctx := with(t.Context(), "a")
	_, _ = c.Do(ctx, f.do)
	clk.Advance(time.Minute)
	f.set(0, errMissing)
	_, err := c.Do(ctx, f.do)
	require.ErrorIs(t, err, errMissing)
	clk.Advance(time.Second)
	f.set(0, errDown)
	_, err = c.Do(ctx, f.do)
	require.ErrorIs(t, err, errDown, "the old value is gone")
}
