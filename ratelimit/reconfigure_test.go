package ratelimit_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/ratelimit"
)

func TestAnInvalidReconfigurationChangesNothing(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Name: "api", Limit: 10, MaxWait: time.Second, Clock: clk})
	was := l.Config()
	bad := ratelimit.Config{Name: "api", Burst: -1, Clock: clk}
	assert.Equal(t, bad.Validate(), l.Reconfigure(bad))
	assert.EqualError(t, l.Reconfigure(ratelimit.Config{Name: "db", Limit: 1, Clock: clk}),
		`ratelimit: Config.Name is "db", want "api": a limiter keeps its name`)
	assert.EqualError(t, l.Reconfigure(ratelimit.Config{Name: "api", Limit: 1}),
		`ratelimit: Config.Clock is <nil>, want the *fake.Clock that limiter "api" was made with: a limiter keeps its clock`)
	assert.Equal(t, was, l.Config())
}

func TestAnEqualReconfigurationGrantsNothing(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
	require.True(t, l.Allow(4))
	clk.Advance(50 * time.Millisecond)
	r, err := l.Reserve(5, time.Minute)
	require.NoError(t, err)
	l.Pause(time.Second)
	was, delay := l.Snapshot(), r.Delay()
	require.NoError(t, l.Reconfigure(l.Config()))
	require.NoError(t, l.Reconfigure(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk}))
	assert.Equal(t, was, l.Snapshot())
	assert.Equal(t, delay, r.Delay())
}

// A reservation behind a cancelled one keeps its time, although it could be served sooner.
func TestAnEqualRateReschedulesNothing(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 1, Clock: clk})
	require.True(t, l.Allow(1))
	first, err := l.Reserve(1, -1)
	require.NoError(t, err)
	second, err := l.Reserve(1, -1)
	require.NoError(t, err)
	first.Cancel()
	l.SetRate(10, 0, 1)
	assert.Equal(t, 200*time.Millisecond, second.Delay())
	l.Pause(100 * time.Millisecond)
	assert.Equal(t, 200*time.Millisecond, second.Delay(), "it is due after the pause anyway")
	l.Pause(time.Second)
	assert.Equal(t, time.Second, second.Delay())
}

func TestEachPartOfTheRateCanChangeAlone(t *testing.T) {
	for _, to := range []ratelimit.Config{
		{Limit: 20, Per: time.Second, Burst: 5}, {Limit: 10, Per: time.Minute, Burst: 5}, {Limit: 10, Per: time.Second, Burst: 6},
	} {
		to.Clock = fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: to.Clock})
		require.NoError(t, l.Reconfigure(to))
		assert.Equal(t, to, l.Config())
		assert.Equal(t, to.Burst, drain(l))
		refusedFor(t, wait(t, l), to.Per/time.Duration(to.Limit))
	}
}

func TestTokensAreKeptAtAnotherRate(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
	require.True(t, l.Allow(4))
	require.NoError(t, l.Reconfigure(ratelimit.Config{Limit: 100, Burst: 20, Clock: clk}))
	assert.Equal(t, 16, l.Snapshot().Tokens, "four tokens are missing, as before")
	require.NoError(t, l.Reconfigure(ratelimit.Config{Limit: 100, Burst: 3, Clock: clk}))
	assert.Equal(t, -1, l.Snapshot().Tokens)
	clk.Advance(20 * time.Millisecond)
	assert.Equal(t, 1, drain(l))
}

func TestAFasterRateServesTheQueueSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: time.Hour})
		require.True(t, l.Allow(1))
		start, done := time.Now(), make(chan error, 1)
		go func() { done <- l.Wait(t.Context(), 1) }()
		synctest.Wait()
		require.NoError(t, l.Reconfigure(ratelimit.Config{Limit: 10, Burst: 1}))
		require.NoError(t, <-done)
		assert.Equal(t, 100*time.Millisecond, time.Since(start))
	})
}

func TestANewMaxWaitIsThatOfNewcomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: 5 * time.Second})
		p := pipeline.New[int](ratelimit.New[int](l))
		call := func() error { _, err := p.Do(t.Context(), succeed); return err }
		require.NoError(t, call())
		waited := make(chan error, 1)
		go func() { waited <- call() }()
		synctest.Wait()
		require.NoError(t, l.Reconfigure(ratelimit.Config{Limit: 1, Burst: 1}))
		require.ErrorIs(t, call(), ratelimit.ErrExceeded)
		assert.NoError(t, <-waited, "it may wait as long as it was allowed to")
		require.NoError(t, l.Reconfigure(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: -1}))
		assert.NoError(t, call())
	})
}

func TestANewCostIsThatOfNewcomers(t *testing.T) {
	clk := fake.NewClock()
	cfg := ratelimit.Config{Limit: 10, Burst: 10, Clock: clk}
	l := ratelimit.NewLimiter(cfg)
	p := pipeline.New[int](ratelimit.New[int](l))
	_, err := p.Do(t.Context(), succeed)
	require.NoError(t, err)
	cfg.Cost = func(context.Context) int { return 4 }
	require.NoError(t, l.Reconfigure(cfg))
	_, err = p.Do(t.Context(), succeed)
	require.NoError(t, err)
	assert.Equal(t, 5, l.Snapshot().Tokens)
	require.NoError(t, l.Reconfigure(ratelimit.Config{Limit: 10, Burst: 10, Clock: clk}))
	_, err = p.Do(t.Context(), succeed)
	require.NoError(t, err)
	assert.Equal(t, 4, l.Snapshot().Tokens)
}

// Calls beside reconfigurations between rates of one burst: no more tokens are granted than
// the fastest rate has, no waiter is forgotten, and at the end the bucket fills up.
func TestNothingIsLostWhileALimiterIsReconfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const goroutines, each, burst, fastest = 50, 40, 10, 2000
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: fastest, Burst: burst, MaxWait: -1})
		p := pipeline.New[int](ratelimit.New[int](l))
		start := time.Now()
		var granted, refused, left atomic.Int64
		var all sync.WaitGroup
		for i := range goroutines {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), 1))
				for range each {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+rnd.IntN(100))*time.Millisecond)
					switch _, err := p.Do(ctx, succeed); {
					case err == nil:
						granted.Add(1)
					case errors.Is(err, ratelimit.ErrExceeded):
						refused.Add(1)
					default:
						left.Add(1)
					}
					cancel()
					time.Sleep(time.Duration(rnd.IntN(1000)) * time.Microsecond)
				}
			})
		}
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(1, 2))
			for range 500 {
				cfg := ratelimit.Config{Limit: 1 + rnd.IntN(fastest), Burst: burst, MaxWait: time.Duration(rnd.IntN(3)-1) * time.Millisecond}
				assert.NoError(t, l.Reconfigure(cfg))
				time.Sleep(time.Duration(rnd.IntN(1000)) * time.Microsecond)
			}
		})
		all.Wait()
		assert.EqualValues(t, goroutines*each, granted.Load()+refused.Load()+left.Load())
		s := l.Snapshot()
		assert.Zero(t, s.Waiting)
		assert.Equal(t, granted.Load(), s.Admitted)
		assert.Equal(t, refused.Load(), s.Rejected)
		assert.LessOrEqual(t, granted.Load(), burst+int64(fastest*time.Since(start).Seconds()))
		time.Sleep(time.Hour)
		assert.True(t, l.Idle())
		assert.Equal(t, s.Burst, l.Snapshot().Tokens)
	})
}
