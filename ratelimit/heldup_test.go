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

func TestACallWhoseTokensBecomeAvailableMeanwhileDoesNotWait(t *testing.T) {
	for name, call := range map[string]func(*ratelimit.Limiter) error{
		"Wait":    func(l *ratelimit.Limiter) error { return l.Wait(t.Context(), 1) },
		"Reserve": func(l *ratelimit.Limiter) error { _, err := l.Reserve(1, time.Hour); return err },
		"Do": func(l *ratelimit.Limiter) error {
			chain, rec := observed(ratelimit.New[int](l))
			_, err := chain.Call(succeed).Do(t.Context())
			assert.Empty(t, rec.Events())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			for old := range 3 {
				clk := newStaged()
				l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: -1, Clock: clk})
				clk.Advance(time.Hour)
				require.True(t, l.Allow(1))
				clk.Advance(time.Second)
				clk.readings = make([]reading, old)
				for i := range clk.readings {
					clk.readings[i].off = -time.Second // there is no token
				}
				require.NoError(t, call(l))
				clk.readings = nil
				s := l.Snapshot()
				assert.EqualValues(t, 2, s.Admitted)
				assert.Zero(t, s.Rejected)
				assert.Zero(t, s.Waiting)
				assert.False(t, l.Allow(1))
			}
		})
	}
}

// The tokens are there, but another call takes them, or SetRate lowers the burst, before
// the call joins the line.
func TestACallThatFindsItsTokensGoneIsRefusedWithTheReason(t *testing.T) {
	for _, c := range []struct {
		reason string
		err    error
		during func(*ratelimit.Limiter)
	}{
		{"max_wait", ratelimit.ErrExceeded, func(l *ratelimit.Limiter) { l.Pause(time.Minute) }},
		{"cost", ratelimit.ErrCost, func(l *ratelimit.Limiter) { l.SetRate(1, 0, 1) }},
		{"", nil, func(l *ratelimit.Limiter) { l.SetRate(2, 0, 2) }},
	} {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{
			Limit: 1, Burst: 3, MaxWait: time.Second, Clock: clk, Cost: func(context.Context) int { return 2 },
		})
		clk.Advance(time.Hour)
		require.True(t, l.Allow(3))
		clk.Advance(3 * time.Second)
		const old = -2 * time.Second
		clk.readings = []reading{{off: old}, {off: old}, {off: old, then: func() { c.during(l) }}}
		chain, rec := observed(ratelimit.New[int](l))
		_, err := chain.Call(succeed).Do(t.Context())
		if c.err == nil {
			require.NoError(t, err)
			assert.EqualValues(t, 2, l.Snapshot().Admitted)
			continue
		}
		require.ErrorIs(t, err, c.err)
		require.Len(t, rec.Events(), 1)
		assert.Equal(t, c.reason, rec.Events()[0].Reason)
		assert.EqualValues(t, 1, l.Snapshot().Rejected)
		assert.EqualValues(t, 1, l.Snapshot().Admitted)
	}
}

// A reading older than the last step of the line is no sign that the clock was set back.
func TestAStepThatIsHeldUpRestartsNothing(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
	require.True(t, l.Allow(1))
	clk.readings = []reading{{}, {then: func() {
		clk.Advance(time.Second)
		require.True(t, l.Allow(1))
		r, err := l.Reserve(1, -1)
		require.NoError(t, err)
		require.Equal(t, time.Second, r.Delay())
	}}}
	r, err := l.Reserve(1, -1)
	require.NoError(t, err)
	assert.Equal(t, 2*time.Second, r.Delay())
	assert.Equal(t, -2, l.Snapshot().Tokens)
}

// Two steps see that the clock was set back. The second one is held up while the first one
// restarts the line.
func TestTwoStepsRestartTheLimiterOnce(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 5, Clock: clk})
	clk.set(2 * time.Hour)
	require.Equal(t, 5, few(l))
	_, err := l.Reserve(1, -1)
	require.NoError(t, err)
	clk.set(time.Hour)
	clk.readings = []reading{{then: func() {
		l.Pause(time.Nanosecond)
		clk.Advance(time.Nanosecond)
		assert.Equal(t, 4, few(l), "the reservation has taken one")
	}}}
	l.SetRate(1, 0, 5) // looks only
	assert.Zero(t, few(l))
}

func TestASnapshotThatIsHeldUpDoesNotCountTokensTwice(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 5, Clock: clk})
	clk.set(2 * time.Hour)
	require.Equal(t, 5, few(l))
	clk.set(time.Hour)
	clk.readings = []reading{{}, {then: func() { assert.Equal(t, 5, few(l)) }}}
	assert.Zero(t, l.Snapshot().Tokens)
}

// A pause begins on a clock that is out of range, or becomes so while the call is held up.
func TestAPauseOnAClockOutOfRangeTakesItsTime(t *testing.T) {
	for _, meanwhile := range []bool{false, true} {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
		clk.set(2 * time.Hour)
		require.Equal(t, 5, few(l))
		if meanwhile {
			clk.readings = []reading{{then: func() {
				clk.set(far)
				assert.Equal(t, 5, few(l))
			}}}
		} else {
			clk.set(far)
		}
		l.Pause(time.Second)
		assert.Equal(t, time.Second, l.Snapshot().Paused)
		assert.Zero(t, few(l))
		clk.Advance(time.Second - 1)
		assert.Zero(t, few(l))
		clk.Advance(1)
		assert.Equal(t, 5, few(l))
	}
}

func TestACallWaitsAgainOnceItsClockIsBackInRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: -1, Clock: clk})
		clk.set(2 * time.Hour)
		require.True(t, l.Allow(1))
		w := queue(l, 1)
		clk.set(far)
		w.cancels[0]() // a step on the clock out of range
		w.end()
		clk.set(2 * time.Hour)
		assert.Equal(t, 1, few(l))
		events := waitFor(t, l, 2)
		for i := range 2 {
			assert.Len(t, events(policy.Waited), i)
			clk.Advance(time.Second - 1)
			assert.Len(t, events(policy.Waited), i)
			clk.Advance(1)
			assert.Len(t, events(policy.Waited), i+1)
		}
	})
}

// A call that SetRate refuses while it leaves is refused.
func TestACallThatIsRefusedWhileItLeavesIsCountedAsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 2, Clock: clk})
		require.True(t, l.Allow(2))
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 1)
		go func() { errs <- l.Wait(ctx, 2) }()
		synctest.Wait()
		clk.readings = []reading{{then: func() { l.SetRate(1, 0, 1) }}}
		cancel()
		require.ErrorIs(t, <-errs, ratelimit.ErrCost)
		assert.EqualValues(t, 1, l.Snapshot().Rejected)
		assert.Zero(t, l.Snapshot().Waiting)
		assert.Equal(t, -1, l.Snapshot().Tokens)
	})
}

// An observer takes so long that the tokens are due when the wait begins, and its caller has
// left meanwhile.
func TestACallWhoseCallerLeftBeforeItsTokensWereLookedForDoesNotRun(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, MaxWait: -1, Clock: clk})
	require.True(t, l.Allow(1))
	ctx, cancel := context.WithCancel(t.Context())
	linger := policy.Listener{Kinds: []policy.EventKind{policy.Queued}, Observe: func(context.Context, policy.Event) {
		clk.Advance(time.Second)
		cancel()
	}}
	_, err := policy.NewChain[int]("", []policy.Listener{linger}, ratelimit.New[int](l)).Call(func(context.Context) (int, error) {
		t.Error("the function runs")
		return 0, nil
	}).Do(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, policy.ErrRejected)
	assert.EqualValues(t, 1, l.Snapshot().Admitted)
	assert.True(t, l.Allow(1), "the token was given back")
}
