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
	"github.com/ductile-go/ductile/policy"
)

func TestAMissThatJoinedARefreshThatFailsHasItsError(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{Stale: time.Second})
		f.err, f.took = errDown, 10*time.Second
		_, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		_, err = c.Do(ctx, f.do)
		require.ErrorIs(t, err, errDown)
		assert.Equal(t, 2, f.count())
		require.NoError(t, c.Close(ctx))
	})
}

func TestAMissThatJoinedARefreshHasItsResultEvenAfterRefreshTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, f, ctx := aged(t, config{Stale: time.Second, RefreshTimeout: 10 * time.Second})
		deaf := func(context.Context) (int, error) { time.Sleep(15 * time.Second); return f.do(t.Context()) }
		f.set(2, nil)
		_, err := c.Do(ctx, deaf)
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		v, err := c.Do(ctx, deaf)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.Equal(t, 2, f.count())
		assert.EqualValues(t, 2, c.Snapshot().Flights, "it has no need of one of its own")
		require.NoError(t, c.Close(ctx))
	})
}

// patient is a waiter that waits for the wake, even if the context ends before it.
type patient struct{ policy.Waiter }

func (p patient) Wait(ctx context.Context) error { return p.Waiter.Wait(context.WithoutCancel(ctx)) }

func TestAMissWhoseContextEndsWithTheRefreshThatItJoinedBeginsNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		clk := &staged{Clock: &brittleWaits{}, over: func(w policy.Waiter) policy.Waiter { return patient{w} }}
		c, f, ctx := aged(t, config{Stale: time.Second, RefreshTimeout: 10 * time.Second, Clock: clk})
		f.took = time.Hour
		_, err := c.Do(ctx, f.do)
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err = c.Do(short, f.do)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		assert.EqualValues(t, 2, c.Snapshot().Flights)
		assert.Equal(t, 2, f.count())
		require.NoError(t, c.Close(ctx))
	})
}

func TestAKeptErrorOfAnotherCallIsNotTheAnswerToACallThatFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := cache.New(exactly(config{StaleIfError: time.Hour, NegativeTTL: time.Hour, Negative: isMissing}))
		ctx := with(t.Context(), "a")
		_, err := c.Do(ctx, one)
		require.NoError(t, err)
		time.Sleep(time.Minute)
		var old sync.WaitGroup
		old.Go(func() {
			_, err := c.Do(ctx, (&source{err: errDown, took: time.Second}).do)
			assert.ErrorIs(t, err, errDown)
		})
		synctest.Wait()
		require.NoError(t, c.Delete(ctx, "a"))
		_, err = c.Do(ctx, (&source{err: errMissing}).do)
		require.ErrorIs(t, err, errMissing)
		old.Wait()
		assert.Zero(t, c.Snapshot().StaleIfError)
	})
}
