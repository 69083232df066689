package hedge_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/retry"
)

// timed is a fake clock that counts its pending timers.
type timed struct {
	*fake.Clock
	pending atomic.Int64
}

func (c *timed) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c.pending.Add(1)
	stopped := c.Clock.AfterFunc(d, func() {
		c.pending.Add(-1)
		f()
	})
	return func() bool {
		was := stopped()
		if was {
			c.pending.Add(-1)
		}
		return was
	}
}

// unsure is a number of timers that is not defined.
const unsure = -1

// armed returns the number of pending timers of the call.
func (m *model) armed() (n int) {
	switch {
	case m.over:
		return 0
	case m.gone: // a timer may fire in vain
		return unsure
	}
	if m.now < m.cfg.Delay { // the first timer, until the call returns
		n++
	}
	if m.decided == 0 && m.timer > 0 && m.timer != m.cfg.Delay {
		n++
	}
	return n
}

// checkTimers compares the pending timers after the nth moment with the model's.
func (m *model) checkTimers(t *testing.T, clk *timed, n int, seed uint64) {
	t.Helper()
	want := m.timers[n]
	if want == unsure {
		return
	}
	if m.times[n] < m.leaves { // the caller's own
		want++
	}
	require.EqualValues(t, want, clk.pending.Load(), "timers at %v, seed %d: %+v", m.times[n], seed, m.script)
}

// advance moves a clock from one moment of the model to the next, and calls check after
// each.
func advance(times []time.Duration, add func(time.Duration), check func(n int)) func() {
	return func() {
		now := time.Duration(0)
		for n, at := range times {
			synctest.Wait()
			add(at - now)
			now = at
			synctest.Wait()
			check(n)
		}
		synctest.Wait()
	}
}

func TestADelayOfOneNanosecondStartsAttemptsOneNanosecondApart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		start := time.Now()
		var begun notes[time.Duration]
		h := hedge.New[int](hedge.Config{Delay: 1, MaxExtra: 2, Budget: hedge.NoBudget})
		_, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
			begun.add(time.Since(start))
			return after(time.Second, 1, nil)(ctx)
		})
		require.NoError(t, err)
		assert.Equal(t, []time.Duration{0, 1, 2}, begun.get())
	})
}

func TestWithoutADelayNoAttemptStartsByTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := hedge.New[int](hedge.Config{MinCalls: 1 << 30, MaxExtra: 3, OnFailure: true, Budget: hedge.NoBudget})
		v, err := h.Do(t.Context(), attempts{after(ms, 0, errDown), after(time.Second, 2, nil)}.run)
		require.NoError(t, err)
		assert.Equal(t, 2, v)
	})
}

func TestACallWithoutARetryAfterDoesNotSleep(t *testing.T) {
	clk := fake.NewClock()
	h := hedge.New[int](hedge.Config{Delay: time.Hour, OnFailure: true, Clock: clk})
	v, err := h.Do(t.Context(), fake.NewFunc[int]().Fail(errDown).Return(2).Do)
	require.NoError(t, err)
	assert.Equal(t, 2, v)
	assert.Empty(t, clk.Sleeps())
	assert.Zero(t, clk.Waiters())
}

func TestTheLongestRetryAfterThatIsFollowed(t *testing.T) {
	for _, c := range []struct{ hint, deadline, took time.Duration }{
		{retry.DefaultMaxRetryAfter, time.Hour, retry.DefaultMaxRetryAfter},
		{time.Second - 1, time.Second, time.Second - 1},
		{time.Second, time.Second, 0},
	} {
		inBubble(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
			defer cancel()
			h := hedge.New[int](hedge.Config{Delay: 2 * time.Hour, OnFailure: true})
			d := took(func() {
				_, err := h.Do(ctx, attempts{after(0, 0, retry.After(errDown, c.hint)), after(0, 2, nil)}.run)
				assert.Equal(t, c.took > 0, err == nil)
			})
			assert.Equal(t, c.took, d)
		})
	}
}

// A discard is the only user's function that runs between the end of an attempt and the
// start of the next.
func TestASlowDiscardDelaysOnlyAnAttemptThatFollowsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		onFailure bool
		hint      time.Duration // of the failure at 32 ms
		discards  time.Duration // how long the discard takes, at 32 ms
		fifth     time.Duration // when the fifth attempt starts
	}{
		"by time":                       {false, 5 * ms, 6 * ms, 40 * ms},
		"on failure, longer than hint":  {true, 5 * ms, 6 * ms, 37 * ms},
		"on failure, as long as hint":   {true, 5 * ms, 5 * ms, 37 * ms},
		"on failure, shorter than hint": {true, 5 * ms, 5*ms - 1, 37 * ms},
		"on failure, quick":             {true, 5 * ms, 0, 37 * ms},
		"on failure, no hint":           {true, 0, 6 * ms, 38 * ms},
		"on failure, no hint, quick":    {true, 0, 0, 32 * ms},
	} {
		inBubble(t, func(t *testing.T) {
			start := time.Now()
			var begun notes[time.Duration]
			h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 4, OnFailure: c.onFailure, Budget: hedge.NoBudget}).
				WithDiscard(func(int) { time.Sleep(c.discards) })
			third := errDown
			if c.hint > 0 {
				third = retry.After(errDown, c.hint)
			}
			run := attempts{
				after(time.Second, 1, nil), after(21*ms, 8, retry.Permanent(errDown)),
				after(12*ms, 0, third), after(time.Second, 4, nil), after(time.Second, 5, nil),
			}
			_, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
				begun.add(time.Since(start))
				return run.run(ctx)
			})
			require.NoError(t, err)
			assert.Equal(t, []time.Duration{0, 10 * ms, 20 * ms, 30 * ms, c.fifth}, begun.get(), name)
		})
	}
}

// The third attempt fails at 29 ms, while the second one's value is discarded.
func TestASlowDiscardNeitherEndsHedgingNorShortensARetryAfter(t *testing.T) {
	for _, takes := range []time.Duration{0, 1, ms, 5 * ms, 10 * ms} {
		inBubble(t, func(t *testing.T) {
			start := time.Now()
			var begun notes[time.Duration]
			h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 4, Budget: hedge.NoBudget}).
				WithDiscard(func(int) { time.Sleep(takes) })
			run := attempts{
				after(time.Second, 1, nil), after(11*ms, 8, errDown), after(9*ms, 0, retry.After(errDown, 5*ms)),
				after(time.Second, 4, nil), after(time.Second, 5, nil),
			}
			_, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
				begun.add(time.Since(start))
				return run.run(ctx)
			})
			require.NoError(t, err)
			assert.Equal(t, []time.Duration{0, 10 * ms, 20 * ms, 34 * ms, 44 * ms}, begun.get(), "%v", takes)
		})
	}
}

// A failure starts the next attempt once the value of the one before is discarded. Until
// then, another attempt has failed with a RetryAfter.
func TestAFailureDuringASlowDiscardDelaysTheNextAttempt(t *testing.T) {
	for hint, fifth := range map[time.Duration]time.Duration{
		4 * ms: 30 * ms, 5 * ms: 30 * ms, 5*ms + 1: 30*ms + 1, 5*ms + 2: 30*ms + 2, 22 * ms: 47 * ms,
	} {
		inBubble(t, func(t *testing.T) {
			start := time.Now()
			var begun notes[time.Duration]
			h := hedge.New[int](hedge.Config{Delay: 10 * ms, MaxExtra: 4, Budget: hedge.NoBudget, OnFailure: true}).
				WithDiscard(func(v int) { time.Sleep(time.Duration(v) * ms) })
			run := attempts{
				after(time.Second, 1, nil),
				after(2*ms, 15, errDown),                                    // begins at 10 ms; is discarded from 15 to 30 ms
				after(3*ms, 0, errDown),                                     // begins at 12 ms
				after(3*ms, 0, retry.Permanent(retry.After(errDown, hint))), // begins at 22 ms
				after(time.Second, 5, nil),
			}
			_, err := h.Do(t.Context(), func(ctx context.Context) (int, error) {
				begun.add(time.Since(start))
				return run.run(ctx)
			})
			require.NoError(t, err)
			assert.Equal(t, []time.Duration{0, 10 * ms, 12 * ms, 22 * ms, fifth}, begun.get(), "%v", hint)
		})
	}
}
