package ratelimit_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ratelimit"
)

// Touching a timer or channel of one bubble from another is a fatal error.
func TestOneLimiterServesSeveralBubbles(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 2, MaxWait: -1})
	for range 3 {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			w := queue(l, 5)
			w.cancels[3]()
			synctest.Wait()
			r, err := l.Reserve(1, -1)
			require.NoError(t, err)
			l.Pause(time.Second)
			w.end()
			assert.Equal(t, []int{0, 1, 2, 4}, w.served)
			assert.Equal(t, 2*time.Second, time.Since(start), "the third waits for the pause, which is as long as its token takes")
			assert.Equal(t, time.Second, r.Delay())
		})
	}
	assert.Equal(t, 2, drain(l), "outside it restarts full")
}

// Calls of several bubbles that wait for one limiter at the same time are each served in
// their own time. No bubble can wake another.
func TestWaitersInTwoBubblesAreAllServed(t *testing.T) {
	const bubbles, rounds = 4, 50
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst})
	var there [rounds]atomic.Int64 // bubbles with calls that wait
	var all sync.WaitGroup
	for i := range bubbles {
		all.Go(func() {
			for round := range rounds {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Duration(i) * 100 * time.Millisecond)
					w := queue(l, 4)
					for there[round].Add(1); there[round].Load() < bubbles; {
						runtime.Gosched()
					}
					l.Pause(10 * time.Millisecond)
					r, err := l.Reserve(1, -1)
					if err == nil {
						r.Cancel()
					}
					l.SetRate(2, 0, ratelimit.NoBurst)
					l.SetRate(1, 0, ratelimit.NoBurst)
					w.cancels[2]()
					w.end()
					assert.GreaterOrEqual(t, len(w.served), 3)
				})
			}
		})
	}
	all.Wait()
}

// A call from outside of a bubble cannot wake calls that wait in it. If it would have to,
// the limiter restarts without them.
func TestACallFromOutsideLeavesTheWaitersOfABubbleAlone(t *testing.T) {
	for name, call := range map[string]func(*ratelimit.Limiter, *staged, ratelimit.Reservation){
		"that finds the clock set back": func(l *ratelimit.Limiter, clk *staged, _ ratelimit.Reservation) {
			clk.set(3 * time.Hour)
			assert.Equal(t, 1, few(l))
		},
		"that finds the clock set back to before the bucket": func(l *ratelimit.Limiter, clk *staged, _ ratelimit.Reservation) {
			clk.set(time.Hour)
			assert.Equal(t, 1, few(l))
		},
		"that pauses": func(l *ratelimit.Limiter, _ *staged, _ ratelimit.Reservation) {
			l.Pause(time.Second)
			assert.Equal(t, time.Second, l.Snapshot().Paused)
		},
		"that reserves": func(l *ratelimit.Limiter, _ *staged, _ ratelimit.Reservation) {
			r, err := l.Reserve(1, -1)
			assert.NoError(t, err)
			assert.Zero(t, r.Delay(), "the bucket is full")
			assert.False(t, l.Allow(1))
		},
		"that cancels a reservation before them": func(l *ratelimit.Limiter, _ *staged, r ratelimit.Reservation) {
			r.Cancel()
			assert.Positive(t, r.Delay(), "its line is that of the bubble")
			assert.Equal(t, 2, l.Snapshot().Waiting)
		},
	} {
		t.Run(name, func(t *testing.T) {
			clk := newStaged()
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 2, Burst: ratelimit.NoBurst, Clock: clk})
			clk.set(2 * time.Hour)
			l.SetRate(1, 0, ratelimit.NoBurst) // makes a bucket
			asked, answered := make(chan ratelimit.Reservation), make(chan struct{})
			go func() {
				defer close(answered)
				call(l, clk, <-asked)
			}()
			synctest.Test(t, func(t *testing.T) {
				clk.set(4 * time.Hour)
				require.True(t, l.Allow(1))
				r, err := l.Reserve(1, -1)
				require.NoError(t, err)
				w := queue(l, 2)
				if name != "that cancels a reservation before them" {
					clk.set(4*time.Hour + 10*time.Second) // wakes no sleeper
					require.True(t, l.Allow(1))
				}
				asked <- r
				<-answered
				w.cancels[0]()
				w.cancels[1]()
				w.end()
			})
		})
	}
}
