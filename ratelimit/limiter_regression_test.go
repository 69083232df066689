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
	"github.com/ductile-go/ductile/ratelimit"
)

// waiting is a group of calls of Wait, made one after another.
type waiting struct {
	group   sync.WaitGroup
	cancels []context.CancelFunc
	mu      sync.Mutex
	served  []int
	at      []time.Duration
	start   time.Time
}

// queue starts n calls that wait for one token each.
func queue(l *ratelimit.Limiter, n int) *waiting {
	w := &waiting{start: time.Now()}
	for i := range n {
		ctx, cancel := context.WithCancel(context.Background())
		w.cancels = append(w.cancels, cancel)
		w.group.Go(func() {
			if l.Wait(ctx, 1) == nil {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.served = append(w.served, i)
				w.at = append(w.at, time.Since(w.start))
			}
		})
		synctest.Wait()
	}
	return w
}

// end waits for all calls that were served or have left.
func (w *waiting) end() {
	w.group.Wait()
	for _, cancel := range w.cancels {
		cancel()
	}
}

// In x/time/rate, after 99 waiters have left, first to last, the next caller waits 999
// ms.
func TestANewCallWaitsOneIntervalAfterAllWaitersLeave(t *testing.T) {
	for name, order := range map[string]func(n int) []int{
		"the first first": upTo,
		"the last first":  func(n int) []int { o := upTo(n); slices.Reverse(o); return o },
		"at random":       func(n int) []int { return rand.New(rand.NewPCG(1, 1)).Perm(n) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := ratelimit.NewLimiter(ratelimit.Config{Limit: 100, Burst: ratelimit.NoBurst})
				require.True(t, l.Allow(1))
				w := queue(l, 99)
				for _, i := range order(99) {
					w.cancels[i]()
					synctest.Wait()
				}
				w.end()
				start := time.Now()
				require.NoError(t, l.Wait(t.Context(), 1))
				assert.Equal(t, 10*time.Millisecond, time.Since(start))
			})
		})
	}
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func TestAWaiterMovesUpWhenAReservationBeforeItIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: ratelimit.NoBurst})
		require.True(t, l.Allow(1))
		r, err := l.Reserve(1, -1)
		require.NoError(t, err)
		assert.Equal(t, 100*time.Millisecond, r.Delay())
		w := queue(l, 2)
		time.Sleep(50 * time.Millisecond)
		r.Cancel()
		r.Cancel()
		copied := r
		copied.Cancel()
		w.end()
		assert.Equal(t, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond}, w.at)
		assert.False(t, l.Allow(1), "the token was returned once")
	})
}

// Tokens returned before a reservation go to the calls behind it, as far as the bucket
// has room until then. A refund only at the end of the line loses tokens; an
// unconditional refund admits two calls at once.
func TestATokenReturnedBeforeAReservationGoesToLaterCalls(t *testing.T) {
	for burst, want := range map[int]time.Duration{
		1: 400 * time.Millisecond, // the bucket is full when the reservation is due
		2: 300 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: burst})
			drain(l)
			first, err := l.Reserve(1, -1)
			require.NoError(t, err)
			second, err := l.Reserve(1, -1)
			require.NoError(t, err)
			third, err := l.Reserve(1, -1)
			require.NoError(t, err)
			first.Cancel()
			assert.Equal(t, 200*time.Millisecond, second.Delay(), "a reservation keeps its time")
			assert.Equal(t, 300*time.Millisecond, third.Delay())
			require.NoError(t, l.Wait(t.Context(), 1))
			assert.Equal(t, want, time.Since(start), "burst %d", burst)
		})
	}
}

// If many tokens are returned before a reservation, the bucket is full before it is due,
// and other calls may pass it without delaying later ones.
func TestACallPassesAReservationIfTokensSufficeForBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 3})
		drain(l)
		var held []ratelimit.Reservation
		for range 4 {
			r, err := l.Reserve(1, -1)
			require.NoError(t, err)
			held = append(held, r)
		}
		for _, r := range held[:3] {
			r.Cancel()
		}
		time.Sleep(300*time.Millisecond - 1)
		assert.False(t, l.Allow(1), "the reservation needs this token")
		time.Sleep(time.Nanosecond)
		assert.True(t, l.Allow(1), "the bucket is full, and the reservation is due at 400 ms")
		assert.False(t, l.Allow(1))
		time.Sleep(50 * time.Millisecond)
		assert.Equal(t, 50*time.Millisecond, held[3].Delay())
		w := queue(l, 1)
		held[3].Cancel()
		w.end()
		assert.Equal(t, 350*time.Millisecond, time.Since(start), "it has moved up to a returned token")
		assert.True(t, l.Allow(1), "the bucket had 2.5 tokens")
		assert.False(t, l.Allow(1))
	})
}

// failsafe-go's smooth limiter of 1 per 100 ms uses a grid and grants two tokens 100 µs
// apart; its bursty limiter of 10 per 100 ms grants 20 in 2 ms.
func TestNoTwoBurstsAreGrantedAtAWindowEdge(t *testing.T) {
	for burst := range 10 {
		for phase := time.Duration(0); phase < 100*time.Millisecond; phase += 7 * time.Millisecond {
			clk := fake.NewClock()
			start := clk.Now()
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 1 + burst, Clock: clk})
			clk.Advance(time.Second + phase)
			var all []grant
			for range 3000 {
				if l.Allow(1) {
					all = append(all, grant{clk.Now().Sub(start), 1})
				}
				clk.Advance(100 * time.Microsecond)
			}
			conforms(t, all, 10, time.Second, 1+burst)
			assert.Len(t, all, 1+burst+2, "and not fewer: 299.9 ms have passed")
		}
	}
}

func TestAHigherRateServesWaitersEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst})
		require.True(t, l.Allow(1))
		w := queue(l, 5)
		time.Sleep(500 * time.Millisecond)
		l.SetRate(100, 0, ratelimit.NoBurst)
		w.end()
		assert.Equal(t, []int{0, 1, 2, 3, 4}, w.served)
		for i, at := range w.at { // the first waiter lacked half a token
			assert.Equal(t, 505*time.Millisecond+time.Duration(i)*10*time.Millisecond, at)
		}
	})
}

func TestSetRateKeepsADebtInTokens(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 100, Burst: 10, Clock: clk})
	require.True(t, l.Allow(7))
	require.Equal(t, 3, l.Snapshot().Tokens)
	l.SetRate(1, 0, 10)
	require.Equal(t, 3, l.Snapshot().Tokens)
	clk.Advance(7*time.Second - 1)
	require.Equal(t, 9, l.Snapshot().Tokens)
	clk.Advance(1)
	require.Equal(t, 10, l.Snapshot().Tokens)

	require.True(t, l.Allow(10))
	l.SetRate(1, 0, 3)
	assert.Equal(t, -7, l.Snapshot().Tokens)
	assert.False(t, l.Allow(1))
	refusedFor(t, wait(t, l), 8*time.Second)
	assert.Equal(t, -7, l.Snapshot().Tokens, "a debt above the burst is not mistaken for a clock that was set back")
}

// wait returns the error of a call that does not wait for a token.
func wait(t *testing.T, l *ratelimit.Limiter) error {
	t.Helper()
	_, err := l.Reserve(1, 0)
	require.Error(t, err)
	return err
}

func TestSetRateKeepsAFullBucketFull(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 100, Burst: 10, Clock: clk})
	l.SetRate(1, time.Hour, 25)
	assert.Equal(t, 25, drain(l))
}

// During SetRate, Allow uses either the old or the new rate, and takes each token at one
// of them.
func TestAllowDuringSetRateTakesEachTokenOnce(t *testing.T) {
	for range 200 {
		clk := fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 10, Clock: clk})
		var granted atomic.Int64
		var changed atomic.Bool
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for last := false; !last; runtime.Gosched() { // beside all changes, and once after them
					last = changed.Load()
					granted.Add(int64(drain(l)))
				}
			})
		}
		group.Go(func() {
			defer changed.Store(true)
			for i := range 5 {
				l.SetRate(2+i, 0, 10)
				runtime.Gosched()
			}
		})
		group.Wait()
		require.EqualValues(t, 10, granted.Load())
	}
}

func TestTheFirstCallsGetExactlyTheBurst(t *testing.T) {
	for _, idle := range []time.Duration{0, 1, 365 * 24 * time.Hour} {
		clk := fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 7, Burst: 5, Clock: clk})
		for range 2 {
			clk.Advance(idle)
			assert.Equal(t, 5, drain(l), "after %v", idle)
			clk.Advance(time.Second)
		}
	}
}

// When the first waiter is due, Allow gets only the tokens that have accrued beyond the
// line.
func TestAllowTakesNoTokensThatWaitersNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 3})
		drain(l)
		w := queue(l, 4)
		granted := 0
		for range 600 { // at the due times and between them
			if l.Allow(1) {
				granted++
			}
			time.Sleep(time.Millisecond)
			if l.Allow(1) {
				granted++
			}
		}
		w.end()
		assert.Equal(t, 2, granted, "6 tokens have accrued, and 4 calls waited")
	})
}

// Nothing tells the limiter of a reservation whose time has come. A key must not stay for
// ever because of it.
func TestALimiterIsIdleAgainAfterItsReservations(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
	require.True(t, l.Allow(1))
	_, err := l.Reserve(1, -1)
	require.NoError(t, err)
	clk.Advance(time.Second)
	assert.False(t, l.Idle(), "its bucket is empty")
	clk.Advance(time.Second)
	assert.True(t, l.Idle())
}
