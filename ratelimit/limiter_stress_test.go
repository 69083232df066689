package ratelimit_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/ratelimit"
)

func TestAThousandWaitersAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1000, Burst: ratelimit.NoBurst})
		w := queue(l, 1000)
		for i := 1; i < 1000; i += 7 {
			w.cancels[i]()
		}
		w.end()
		assert.True(t, slices.IsSorted(w.served))
		assert.Len(t, w.served, 1000-143)
		for i, at := range w.at {
			assert.Equal(t, time.Duration(i)*time.Millisecond, at)
		}
		assert.Zero(t, l.Snapshot().Waiting)
	})
}

// A thousand goroutines call every method concurrently, on a clock that one of them
// moves. No goroutine blocks forever, no window has more than its tokens, and at the end
// the bucket is full.
func TestConcurrentCallsOfAllMethodsKeepTheLimit(t *testing.T) {
	clk := fake.NewClock()
	start := clk.Now()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1000, Burst: 20, Clock: clk})
	var taken, running atomic.Int64
	var group sync.WaitGroup
	running.Store(1000)
	for i := range 1000 {
		rnd := rand.New(rand.NewPCG(1, uint64(i)))
		group.Go(func() {
			defer running.Add(-1)
			for range 10 {
				switch k := rnd.IntN(10); {
				case k < 3:
					if l.Allow(1) {
						taken.Add(1)
					}
				case k < 7:
					ctx, cancel := context.WithCancel(context.Background())
					if rnd.IntN(3) == 0 {
						go cancel()
					}
					if l.Wait(ctx, 1) == nil {
						taken.Add(1)
					}
					cancel()
				case k < 9:
					if r, err := l.Reserve(1, time.Second); err == nil {
						if rnd.IntN(2) == 0 {
							r.Cancel()
						}
						taken.Add(1) // an upper bound: a due token stays taken
					}
				default:
					l.Pause(time.Duration(rnd.Int64N(int64(time.Millisecond))))
					l.Snapshot()
				}
			}
		})
	}
	for running.Load() > 0 {
		if _, ok := clk.AdvanceToNext(); !ok {
			runtime.Gosched()
		}
	}
	group.Wait()
	elapsed := clk.Now().Sub(start)
	s := l.Snapshot()
	assert.Zero(t, s.Waiting)
	assert.LessOrEqual(t, s.Admitted, taken.Load())
	// Reservations that were not cancelled may still be pending, for at most a second.
	assert.LessOrEqual(t, s.Admitted, int64(20+1000*(elapsed+time.Second)/time.Second)+1)
	clk.Advance(time.Minute)
	assert.True(t, l.Idle())
	assert.Equal(t, 20, l.Snapshot().Tokens)
}

func TestConcurrentAllowGrantsExactlyTheAvailableTokens(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1000, Burst: 100, Clock: clk})
	granted := 0
	for round := range 50 {
		var n atomic.Int64
		var group sync.WaitGroup
		for range 1000 {
			group.Go(func() {
				if l.Allow(1) {
					n.Add(1)
				}
			})
		}
		group.Wait()
		if round == 0 {
			require.EqualValues(t, 100, n.Load())
		} else {
			require.EqualValues(t, 7, n.Load())
		}
		granted += int(n.Load())
		clk.Advance(7 * time.Millisecond)
	}
	s := l.Snapshot()
	assert.EqualValues(t, granted, s.Admitted)
	assert.EqualValues(t, 50_000-granted, s.Rejected)
}

// Three tokens per second for a year: a third of a second is no whole number of ticks, so
// a token takes up to 1/16 ns more. Over a year this adds up to a hundredth of a token.
func TestThreePerSecondStaysExactOverAYear(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 3, Burst: 2 * 3 * 3600, Clock: clk})
	require.True(t, l.Allow(2*3*3600))
	granted := 0
	for range 365 * 24 {
		clk.Advance(time.Hour)
		n := l.Snapshot().Tokens
		require.True(t, l.Allow(n))
		require.False(t, l.Allow(1))
		granted += n
	}
	assert.InDelta(t, 365*24*3600*3, granted, 1)
	assert.LessOrEqual(t, granted, 365*24*3600*3)
}

// The tokens are taken one by one, each at its own time rounded up to a nanosecond. This
// rounding does not accumulate either.
func TestThreePerSecondStaysExactTokenByToken(t *testing.T) {
	clk := fake.NewClock()
	start := clk.Now()
	hours := raced.Or(4, 24)
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 3, Burst: 2, Clock: clk})
	require.True(t, l.Allow(2))
	granted := 0
	for {
		var refused *ratelimit.ExceededError
		_, err := l.Reserve(1, 0)
		if err == nil {
			granted++
			continue
		}
		require.ErrorAs(t, err, &refused)
		if clk.Now().Sub(start)+refused.RetryAfter() > time.Duration(hours)*time.Hour {
			break
		}
		clk.Advance(refused.RetryAfter())
	}
	assert.InDelta(t, hours*3600*3, granted, 1)
	assert.LessOrEqual(t, granted, hours*3600*3)
}

// A million keys, each used once: memory stays bounded because limiters with full buckets
// are dropped. A throttled tenant is never dropped, so it never gets a new burst.
func TestAMillionKeysStayBoundedAndAThrottledKeyStaysThrottled(t *testing.T) {
	clk := fake.NewClock()
	made := map[int]int{}
	limiters := keyed.New(keyed.Config[int, *ratelimit.Limiter]{
		Make: func(k int) *ratelimit.Limiter {
			made[k]++
			return ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour, Burst: 2, Clock: clk})
		},
		Max:   1000,
		Clock: clk,
	})
	const throttled = -1
	require.Equal(t, 2, drain(limiters.Get(throttled)))
	refused := 0
	for k := range raced.Or(20_000, 1_000_000) {
		if !limiters.Get(k).Allow(1) {
			refused++
		}
		clk.Advance(time.Millisecond)
		if k%1000 == 0 {
			limiters.Get(throttled).Allow(1) // one per hour
			require.False(t, limiters.Get(throttled).Allow(1), "a throttled key got a new burst")
		}
	}
	assert.LessOrEqual(t, limiters.Len(), 1000)
	assert.Equal(t, 1, made[throttled], "its bucket was never full, so it was never dropped")
	assert.Positive(t, refused, "unknown keys share one bucket while no bucket is full: bounded, but not unlimited")
}

func TestAnAbandonedReservationIsFreedOnceDue(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1000, Clock: clk})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 100_000 {
		_, err := l.Reserve(1, -1)
		require.NoError(t, err)
		clk.Advance(time.Millisecond)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(1<<20))
	runtime.KeepAlive(l)
}
