package ratelimit_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

const far = 20 * year // out of range

// Two calls see at once that the clock is out of range.
func TestACallThatIsHeldUpDoesNotBeginAgain(t *testing.T) {
	for held := range 4 { // the reading after which the call is held up
		for _, taken := range []int{0, 5} {
			clk := newStaged()
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
			require.True(t, l.Allow(taken))
			clk.set(far)
			granted := 0
			clk.readings = make([]reading, held+1)
			clk.readings[held].then = func() { granted += few(l) }
			if l.Allow(1) {
				granted++
			}
			clk.readings = nil
			granted += few(l)
			assert.Equal(t, 5, granted, "held up after reading %d", held)
		}
	}
}

func TestAPauseEndsWhenTheClockIsOutOfRange(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
	l.Pause(time.Hour)
	clk.set(far)
	assert.Zero(t, l.Snapshot().Paused)
	assert.Equal(t, 5, few(l))
}

func TestALimiterRestartsAtTheTimeOfItsBirth(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
	clk.set(time.Hour)
	l.Pause(time.Minute)
	clk.set(2 * time.Hour)
	require.Equal(t, 5, few(l))
	clk.set(0)
	assert.Equal(t, 5, few(l))
	clk.Advance(100 * time.Millisecond)
	assert.Equal(t, 1, few(l))
}

// The waiters of a line that the limiter has left use its clock, but not its bucket.
func TestAWaiterFromBeforeARestartDoesNotUndoIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 2, Clock: clk})
		clk.set(2 * time.Hour)
		require.Equal(t, 2, few(l))
		w := queue(l, 3)
		clk.set(far)
		require.Equal(t, 2, few(l))
		clk.set(time.Hour)
		w.cancels[0]()
		synctest.Wait()
		clk.set(far)
		assert.Zero(t, few(l))
		w.cancels[1]()
		w.cancels[2]()
		w.end()
		assert.Zero(t, few(l))
		assert.Zero(t, l.Snapshot().Tokens)
	})
}

func TestAReservationIsDueAtOnceWhenTheLimiterRestartsFull(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 2, Clock: clk})
	clk.set(2 * time.Hour)
	require.Equal(t, 2, few(l))
	first, err := l.Reserve(2, -1)
	require.NoError(t, err)
	second, err := l.Reserve(1, -1)
	require.NoError(t, err)
	require.Equal(t, 3*time.Second, second.Delay())
	clk.set(time.Hour)
	_, err = l.Reserve(2, 0)
	require.ErrorIs(t, err, ratelimit.ErrExceeded)
	assert.Zero(t, first.Delay())
	assert.Equal(t, time.Second, second.Delay())
	refusedFor(t, wait(t, l), 2*time.Second)
}

// A call passed the reservation, whose tokens were returned before it. The line keeps its
// token, and its time is set back with the clock.
func TestACallBehindATokenTakenIsServedAfterTheClockIsSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 3, Clock: clk})
		clk.set(2 * time.Hour)
		require.Equal(t, 3, few(l))
		lastOfFour(t, l)
		clk.Advance(3 * time.Second)
		require.True(t, l.Allow(1))
		w := queued(t, l, 2)
		clk.set(time.Hour)
		assert.ErrorIs(t, wait(t, l), ratelimit.ErrExceeded)
		assert.Equal(t, []int{0}, w.sofar(), "of three tokens, two are taken before it")
		clk.Advance(time.Second - 1)
		assert.Equal(t, []int{0}, w.sofar())
		clk.Advance(1)
		assert.Equal(t, []int{0, 1}, w.sofar())
	})
}

// waitFor makes n calls that wait for as long as the limiter's MaxWait, and returns their
// events.
func waitFor(t *testing.T, l *ratelimit.Limiter, n int) (next func(policy.EventKind) []policy.Event) {
	t.Helper()
	chain, rec := observed(ratelimit.New[int](l))
	for range n {
		go func() { _, _ = chain.Call(succeed).Do(context.Background()) }()
		synctest.Wait()
	}
	return func(kind policy.EventKind) (all []policy.Event) {
		synctest.Wait()
		for _, e := range rec.Events() {
			if e.Kind == kind {
				all = append(all, e)
			}
		}
		return all
	}
}

// A wait that began before the clock was set back has taken the time until then that the
// limiter noticed, and may take as long as is left.
func TestTheBoundOfAWaitIsSetBackWithTheClock(t *testing.T) {
	for maxWait, served := range map[time.Duration]int{2 * time.Second: 3, 2*time.Second - 1: 2} {
		synctest.Test(t, func(t *testing.T) {
			clk := newStaged()
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst, MaxWait: time.Minute, Clock: clk})
			clk.set(2 * time.Hour)
			events := waitFor(t, l, 1) // is admitted at once
			require.Empty(t, events(policy.Queued))
			require.NoError(t, l.Reconfigure(ratelimit.Config{Limit: 10, Burst: ratelimit.NoBurst, MaxWait: maxWait, Clock: clk}))
			events = waitFor(t, l, 3)
			require.Len(t, events(policy.Queued), 3)
			clk.set(time.Hour)
			l.SetRate(1, 0, ratelimit.NoBurst)
			for range 3 {
				synctest.Wait()
				clk.Advance(time.Second)
			}
			waited := events(policy.Waited)
			require.Len(t, waited, served)
			for i, e := range waited {
				assert.Equal(t, time.Duration(i)*time.Second, e.Delay)
			}
			rejected := events(policy.Rejected)
			require.Len(t, rejected, 3-served)
			for _, e := range rejected {
				assert.Equal(t, "max_wait", e.Reason)
			}
		})
	}
}

// The clock is set back to a time after the last step of the line.
func TestTheBoundOfAWaitStaysIfNoStepSawALaterTime(t *testing.T) {
	for maxWait, served := range map[time.Duration]int{7 * time.Second: 3, 7*time.Second - 1: 2} {
		synctest.Test(t, func(t *testing.T) {
			clk := newStaged()
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: ratelimit.NoBurst, MaxWait: maxWait, Clock: clk})
			require.True(t, l.Allow(1))
			events := waitFor(t, l, 3)
			clk.set(20 * time.Second)
			require.True(t, l.Allow(1), "the calls are still asleep")
			clk.set(5 * time.Second)
			assert.False(t, l.Allow(1))
			for range 3 {
				synctest.Wait()
				clk.Advance(time.Second)
			}
			waited := events(policy.Waited)
			require.Len(t, waited, served)
			for i, e := range waited {
				assert.Equal(t, time.Duration(5+i)*time.Second, e.Delay)
			}
		})
	}
}

// Promises that SetRate brings forward do not hide that the clock was set back.
func TestAFormerPromiseDoesNotHideThatTheClockWasSetBack(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour, Burst: 1, Clock: clk})
	clk.set(2 * time.Hour)
	require.True(t, l.Allow(1))
	_, err := l.Reserve(1, -1)
	require.NoError(t, err)
	l.SetRate(1, time.Second, 1)
	clk.set(2*time.Hour + 30*time.Minute)
	require.True(t, l.Allow(1))
	require.False(t, l.Allow(1))
	clk.set(2*time.Hour + 10*time.Minute)
	assert.False(t, l.Allow(1), "the reservation is in the line still, and comes first")
	clk.Advance(time.Second)
	assert.True(t, l.Allow(1))
}
