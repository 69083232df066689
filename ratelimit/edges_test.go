package ratelimit_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

// reasonOf returns the Reason with which l refuses a call.
func reasonOf(ctx context.Context, t *testing.T, l *ratelimit.Limiter) string {
	t.Helper()
	chain, rec := observed(ratelimit.New[int](l))
	_, err := chain.Call(succeed).Do(ctx)
	require.ErrorIs(t, err, policy.ErrRejected)
	require.Len(t, rec.Events(), 1)
	return rec.Events()[0].Reason
}

func TestTheReasonOfARefusalIsTheTighterBound(t *testing.T) {
	clk := fake.NewClock()
	within := func(d time.Duration) context.Context {
		ctx, cancel := clk.WithTimeout(t.Context(), d)
		t.Cleanup(cancel)
		return ctx
	}
	for _, c := range []struct {
		maxWait, pause time.Duration
		ctx            context.Context
		want           string
	}{
		{0, 0, t.Context(), "limit"},
		{0, 1, t.Context(), "paused"},
		{0, time.Minute, within(time.Second), "paused"},
		{1, 0, t.Context(), "max_wait"},
		{1, time.Minute, t.Context(), "max_wait"},
		{time.Second - 1, 0, t.Context(), "max_wait"},
		{time.Second - 1, 0, within(time.Second), "max_wait"},
		{time.Second, 0, within(time.Second), "deadline"}, // which comes first
		{time.Hour, 0, within(time.Second), "deadline"},
		{-1, 0, within(1), "deadline"},
		{0, 0, overdue{t.Context(), clk.Now()}, "limit"}, // it would not wait in any case
		{0, 0, policy.WithSpeculative(t.Context()), "limit"},
		{1, 0, policy.WithSpeculative(t.Context()), "speculative"},
	} {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: c.maxWait, Clock: clk})
		require.True(t, l.Allow(1))
		l.Pause(c.pause)
		assert.Equal(t, c.want, reasonOf(c.ctx, t, l), "%+v", c)
	}
	dear := func(context.Context) int { return 2 }
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Cost: dear, Clock: clk})
	assert.Equal(t, "cost", reasonOf(t.Context(), t, l), "it has no use for a retry")
	_, err := ratelimit.New[int](l).Do(t.Context(), succeed)
	assert.ErrorIs(t, err, ratelimit.ErrCost)
}

// overdue is a context whose deadline has passed, and that does not know it yet.
type overdue struct {
	context.Context
	deadline time.Time
}

func (o overdue) Deadline() (time.Time, bool) { return o.deadline, true }

func TestADeadlineThatHasPassedRefusesACallThatWouldHaveToWait(t *testing.T) {
	for _, ago := range []time.Duration{0, 1, time.Hour} {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: -1, Clock: clk})
		clk.Advance(time.Hour)
		ctx := overdue{t.Context(), clk.Now().Add(time.Second - ago)}
		p := ratelimit.New[int](l)
		require.NoError(t, p.Refusal(ctx, 0), "a token is available")
		require.True(t, l.Allow(1))
		clk.Advance(time.Second)
		clk.readings = []reading{{off: -time.Second}} // it looks for a token before there is one
		assert.Equal(t, "deadline", reasonOf(ctx, t, l), "%v ago", ago)
		require.True(t, l.Allow(1))
		require.ErrorIs(t, p.Refusal(ctx, 0), ratelimit.ErrExceeded)
		require.NoError(t, p.Refusal(ctx, time.Second))
		require.NoError(t, p.Refusal(ctx, time.Minute))
	}
}

func TestACallWithoutCostIsNotExpectedToBeRefused(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: fake.NewClock(), Cost: func(context.Context) int { return 0 }})
	l.Pause(time.Hour)
	assert.NoError(t, ratelimit.New[int](l).Refusal(t.Context(), 0))
}

func TestADebtOfAFractionCountsAsAToken(t *testing.T) {
	for after, want := range map[time.Duration]int{0: -11, 1: -6, 2: -1, 3: 5} { // a token takes 3/16 ns
		clk := fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 16, Per: 3, Burst: 5, Clock: clk})
		require.True(t, l.Allow(5))
		for _, n := range []int{5, 5, 1} {
			_, err := l.Reserve(n, -1)
			require.NoError(t, err)
		}
		clk.Advance(after)
		assert.Equal(t, want, l.Snapshot().Tokens, "after %v", after)
	}
}

// The debt at the begin of a bucket hides from the state that the clock was set back. The
// bucket's age shows it.
func TestAClockThatIsSetBackBehindSetRateDoesNotBlockTheLimiter(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
	clk.set(2 * time.Hour)
	require.Equal(t, 5, few(l))
	l.SetRate(1, 0, 5)
	assert.Zero(t, few(l), "at the time of the change")
	clk.set(time.Hour)
	assert.Equal(t, 5, few(l))

	// Also if no more tokens are missing than there may be.
	clk.set(2 * time.Hour)
	l.SetRate(1, time.Hour, 5)
	require.True(t, l.Allow(4))
	clk.set(90 * time.Minute)
	assert.Equal(t, 5, few(l))
}

func TestAClockThatIsNeverInRangeGrantsNothing(t *testing.T) {
	for _, jump := range []time.Duration{10 * year, -10 * year} {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
		for i := range 28 {
			clk.readings = append(clk.readings, reading{off: time.Duration(1+i) * jump})
		}
		assert.False(t, l.Allow(1), "at each reading %v later", jump)
		clk.readings = nil
		assert.Equal(t, 5, few(l))
	}
}

// Tokens that were taken ahead of a reservation are as many tokens at another rate.
func TestSetRateReschedulesCallsBehindATokenTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 3})
		require.Equal(t, 3, few(l))
		last := lastOfFour(t, l)
		time.Sleep(3 * time.Second)
		require.True(t, l.Allow(1))
		w := queued(t, l, 2)
		require.Empty(t, w.sofar())
		l.SetRate(2, 0, 3)
		assert.Equal(t, []int{0}, w.sofar())
		assert.Zero(t, last.Delay())
		assert.Equal(t, -1, l.Snapshot().Tokens)
		time.Sleep(time.Second/2 - 1)
		assert.Equal(t, []int{0}, w.sofar())
		time.Sleep(time.Nanosecond)
		assert.Equal(t, []int{0, 1}, w.sofar())
	})
}

func TestCancelOnAClockThatWasSetReturnsNothing(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
	clk.set(2 * time.Hour)
	require.True(t, l.Allow(1))
	r, err := l.Reserve(1, -1)
	require.NoError(t, err)
	clk.set(far)
	assert.Zero(t, r.Delay())
	r.Cancel()
	assert.EqualValues(t, 2, l.Snapshot().Admitted)
	clk.set(2 * time.Hour)
	assert.Equal(t, time.Second, r.Delay())
	clk.set(time.Hour)
	r.Cancel() // it is due at once, because the limiter restarts full
	assert.EqualValues(t, 2, l.Snapshot().Admitted)
	assert.Zero(t, few(l))
}

// A call that is due, but still asleep, keeps the reservation behind it in the line.
func TestCancelReturnsNothingIfTheReservationIsDueBehindASleeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
		require.True(t, l.Allow(1))
		w := queued(t, l, 1)
		r, err := l.Reserve(1, -1)
		require.NoError(t, err)
		clk.set(2 * time.Second) // wakes no sleeper
		assert.Zero(t, r.Delay())
		r.Cancel()
		assert.EqualValues(t, 2, l.Snapshot().Admitted)
		clk.Advance(time.Second)
		assert.Equal(t, []int{0}, w.sofar())
	})
}

func TestTheConfigOfAPipelineNeedsALimiterThatWasMade(t *testing.T) {
	assert.NoError(t, pipeline.StandardConfig{Limiter: ratelimit.NewLimiter(ratelimit.Config{Limit: 1})}.Validate())
	assert.ErrorContains(t, pipeline.StandardConfig{Limiter: &ratelimit.Limiter{}}.Validate(),
		"Limiter: ratelimit: zero Limiter, want one made by NewLimiter")
}

// The cost of so many tokens overflows.
func TestAHugeNumberOfTokensIsRefused(t *testing.T) {
	for _, n := range ints(1<<58, 1<<60, 1<<62, math.MaxInt64) {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 2, MaxWait: -1, Clock: clk, Cost: func(context.Context) int { return n }})
		assert.False(t, l.Allow(n), "%d", n)
		clk.readings = []reading{{then: func() { l.SetRate(1, 0, 3) }}}
		assert.False(t, l.Allow(n), "%d", n)
		_, err := l.Reserve(n, -1)
		assert.ErrorIs(t, err, ratelimit.ErrCost, "%d", n)
		assert.ErrorIs(t, l.Wait(t.Context(), n), ratelimit.ErrCost, "%d", n)
		assert.ErrorIs(t, ratelimit.New[int](l).Refusal(t.Context(), 0), ratelimit.ErrCost, "%d", n)
		assert.Equal(t, "cost", reasonOf(t.Context(), t, l), "%d", n)
		assert.Equal(t, 3, l.Snapshot().Tokens)
	}
}

// A call that was served ahead of a reservation moves up with it, and so does the one
// behind it, although another reservation follows.
func TestACallMovesUpBehindATokenTakenAheadOfACancelledReservation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 3})
		require.Equal(t, 3, few(l))
		last := lastOfFour(t, l)
		w := queued(t, l, 2)
		behind, err := l.Reserve(1, -1)
		require.NoError(t, err)
		time.Sleep(3500 * time.Millisecond)
		require.Equal(t, []int{0}, w.sofar(), "at 3 s, ahead of the reservation at 4 s")
		last.Cancel()
		assert.Equal(t, []int{0, 1}, w.sofar(), "at 3.5 s instead of 4 s")
		assert.Equal(t, 1500*time.Millisecond, behind.Delay(), "it keeps its time")
	})
}

func TestAPauseOfNoTimeChangesNothing(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 5, Clock: clk})
	clk.set(2 * time.Hour)
	require.True(t, l.Allow(3))
	for _, d := range []time.Duration{0, -1, -time.Second, -3 * time.Hour, math.MinInt64} {
		l.Pause(d)
	}
	assert.Zero(t, l.Snapshot().Paused)
	clk.set(2*time.Hour - time.Second) // the bucket is older
	assert.Equal(t, 1, few(l))

	clk.set(3 * time.Hour)
	l.Pause(time.Minute)
	clk.Advance(time.Second)
	l.Pause(time.Minute - time.Second) // the same end
	clk.set(3*time.Hour - time.Second) // and the bucket is no younger
	assert.Zero(t, few(l))
}

func TestAWaitOfAnyLengthMayBeAllowed(t *testing.T) {
	for _, most := range []time.Duration{time.Second, year, 20 * year, 100 * year, math.MaxInt64} {
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: most, Clock: fake.NewClock(fake.AutoAdvance())})
		require.True(t, l.Allow(1))
		_, err := ratelimit.Do(t.Context(), l, succeed)
		require.NoError(t, err, "%v", most)
		r, err := l.Reserve(1, most)
		require.NoError(t, err, "%v", most)
		assert.Equal(t, time.Second, r.Delay())
	}
}
