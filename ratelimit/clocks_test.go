package ratelimit_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bclock "github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/readings"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

func TestAWaitAdvancesAnAutoAdvanceClockToItsToken(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: ratelimit.NoBurst, Clock: clk})
	start := clk.Now()
	for range 4 {
		require.NoError(t, l.Wait(t.Context(), 1))
	}
	assert.Equal(t, 300*time.Millisecond, clk.Now().Sub(start))
	assert.Equal(t, []time.Duration{100 * time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond}, clk.Sleeps())
}

func TestAFakeClockServesWaitersInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // to let a call return that is served before its time
		clk := fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: ratelimit.NoBurst, Clock: clk})
		require.True(t, l.Allow(1))
		served := make(chan int, 3)
		for i := range 3 {
			policy.Go(clk, func() {
				assert.NoError(t, l.Wait(t.Context(), 1))
				served <- i
			})
			require.NoError(t, clk.BlockUntil(t.Context(), i+1))
		}
		for i := range 3 {
			require.NoError(t, clk.BlockUntil(t.Context(), 3-i))
			clk.Advance(100*time.Millisecond - 1)
			synctest.Wait()
			require.Empty(t, served, "served before its time")
			clk.Advance(1)
			assert.Equal(t, i, <-served)
		}
		assert.Zero(t, clk.Waiters())
	})
}

// A clock that jumps over several due times serves all of those waiters at once: each had
// its own scheduled time, and lateness does not accumulate.
func TestWaitersDueInOneClockStepAreAllServed(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: ratelimit.NoBurst, Clock: clk})
	require.True(t, l.Allow(1))
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() { assert.NoError(t, l.Wait(t.Context(), 1)) })
		require.NoError(t, clk.BlockUntil(t.Context(), i+1))
	}
	clk.Advance(time.Second)
	group.Wait()
	assert.False(t, l.Allow(1))
	clk.Advance(100 * time.Millisecond)
	assert.True(t, l.Allow(1))
}

func TestTheBenbjohnsonMockWorksAsAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mock := bclock.NewMock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: ratelimit.NoBurst, MaxWait: -1, Clock: mock})
		var served []int
		var group sync.WaitGroup
		for i := range 4 {
			ctx, cancel := context.WithCancel(t.Context())
			if i == 2 {
				defer cancel()
			}
			group.Go(func() {
				defer cancel()
				v, err := ratelimit.Do(ctx, l, func(context.Context) (int, error) { return i, nil })
				if err == nil {
					served = append(served, v)
				}
			})
			synctest.Wait()
			if i == 2 {
				cancel()
				synctest.Wait()
			}
		}
		for range 2 {
			mock.Add(100 * time.Millisecond)
			synctest.Wait()
		}
		group.Wait()
		assert.Equal(t, []int{0, 1, 3}, served)
	})
}

// settable is a clock that a test can set forward and back.
type settable struct {
	*readings.Clock
	mu  sync.Mutex
	off time.Duration
}

func newSettable(opts ...fake.Option) *settable { return &settable{Clock: readings.NewClock(opts...)} }

func (s *settable) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Clock.Now().Add(s.off)
}

func (s *settable) set(off time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.off = off
}

func TestASetClockDoesNotBlockTheLimiter(t *testing.T) {
	for name, to := range map[string]time.Duration{
		"back by an hour":             time.Hour,
		"back to before the limiter":  -time.Hour,
		"back by a year":              2*time.Hour - 365*24*time.Hour,
		"forward by 20 years":         20 * 365 * 24 * time.Hour,
		"back by 20 years":            -20 * 365 * 24 * time.Hour,
		"as far back as it can count": -1 << 63,
	} {
		t.Run(name, func(t *testing.T) {
			clk := newSettable()
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
			clk.set(2 * time.Hour)
			assert.Equal(t, 5, drain(l))
			clk.set(to)
			assert.Equal(t, 5, l.Snapshot().Tokens)
			assert.Equal(t, 5, drain(l), "it restarts full")
			refusedFor(t, wait(t, l), 100*time.Millisecond)
			clk.Advance(200 * time.Millisecond)
			assert.Equal(t, 2, drain(l))
		})
	}
}

func TestAPauseEndsWhenTheClockIsSetBackBeforeIt(t *testing.T) {
	clk := newSettable()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
	clk.set(2 * time.Hour)
	l.Pause(time.Minute)
	assert.False(t, l.Allow(1))
	clk.set(time.Hour)
	assert.True(t, l.Allow(1))
}

// A waiter is rescheduled if its clock was set back, and returns at once if the clock was
// set out of range. Waiters that are due at the same time may return in any order.
func TestWaitersAreServedAfterTheClockIsSet(t *testing.T) {
	for name, to := range map[string]time.Duration{
		"back by an hour":            time.Hour,
		"back to before the limiter": -time.Hour,
		"forward by an hour":         3 * time.Hour,
		"forward by 20 years":        20 * 365 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clk := newSettable()
				l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst, Clock: clk})
				clk.set(2 * time.Hour)
				require.True(t, l.Allow(1))
				r, err := l.Reserve(1, -1)
				require.NoError(t, err)
				w := queue(l, 3)
				clk.set(to)
				for range 10 {
					l.Allow(0)
					clk.Advance(time.Second)
					synctest.Wait()
				}
				if name == "back by an hour" { // one a second
					assert.Equal(t, []int{0, 1, 2}, w.served)
				}
				assert.ElementsMatch(t, []int{0, 1, 2}, w.served)
				assert.Zero(t, r.Delay())
				r.Cancel()
				w.end()
			})
		})
	}
}

func TestAClockThatJumpsAtEveryReadingBlocksNoCall(*testing.T) {
	clk := &restless{Clock: fake.NewClock()}
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
	for range 100 {
		l.Allow(1)
		l.SetRate(20, 0, 6)
		l.SetRate(10, 0, 5)
		l.Pause(time.Second)
		r, err := l.Reserve(3, -1)
		if err == nil {
			r.Cancel()
		}
		l.Snapshot()
		l.Idle()
		_, err = l.Reserve(1, 0)
		policy.RetryAfter(err)
	}
}

// restless is a clock that jumps back and forth by 30 years.
type restless struct {
	*fake.Clock
	n int
}

func (r *restless) Now() time.Time {
	r.n++
	return r.Clock.Now().Add(time.Duration(r.n%2) * 30 * 365 * 24 * time.Hour)
}

// A call that restarts the limiter again and again must end, even if another call restarts
// it in the meantime.
func TestAClockThatIsNeverInRangeBlocksNoCall(*testing.T) {
	for reading := range 30 {
		clk := &runaway{Clock: fake.NewClock()}
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Clock: clk})
		clk.at, clk.during = clk.n+reading, func() { l.SetRate(20, 0, 0) }
		l.SetRate(30, 0, 0)
	}
}

// runaway is a clock that jumps by 30 years at every reading, and calls during at one.
type runaway struct {
	*fake.Clock
	n, at  int
	during func()
}

func (r *runaway) Now() time.Time {
	if r.n++; r.n > 1000 {
		panic("a call reads the clock without end")
	}
	now := r.Clock.Now().AddDate(30*r.n, 0, 0)
	if r.n == r.at {
		r.during()
	}
	return now
}
