package ratelimit_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/ratelimit"
)

func TestARefusalReadsTheClockOnce(t *testing.T) {
	clk := newSettable()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 5, Clock: clk})
	p := ratelimit.New[int](l)
	clk.set(time.Hour)
	require.Equal(t, 5, drain(l))
	for _, pass := range []func(){
		func() {}, // the bucket is empty
		func() { clk.set(time.Hour + time.Second/2) },
		func() { l.Pause(time.Hour) },
	} {
		pass()
		assert.Equal(t, 1, clk.Of(func() { assert.False(t, l.Allow(1)) }))
		assert.Equal(t, 1, clk.Of(func() {
			_, err := p.Do(t.Context(), succeed)
			assert.ErrorIs(t, err, ratelimit.ErrExceeded)
		}))
	}
}

func TestARetryAfterThatHasPassedReadsTheClockOnce(t *testing.T) {
	clk := newSettable()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
	require.Equal(t, 1, drain(l))
	_, err := l.Reserve(1, 0)
	clk.set(time.Hour)
	assert.Equal(t, 1, clk.Of(func() { refusedFor(t, err, 0) }))
}

func TestASnapshotWithoutAPauseReadsTheClockOnce(t *testing.T) {
	clk := newSettable()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 5, Clock: clk})
	for tokens := range 5 {
		assert.Equal(t, 1, clk.Of(func() { assert.Equal(t, 5-tokens, l.Snapshot().Tokens) }))
		require.True(t, l.Allow(1))
	}
}

// A call that finds no token, when it is due, in the line, before its sleep, and after it.
func TestAWaitReadsTheClockOnceForEachOfItsSteps(t *testing.T) {
	clk := newSettable(fake.AutoAdvance())
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
	require.True(t, l.Allow(1))
	assert.Equal(t, 5, clk.Of(func() { assert.NoError(t, l.Wait(t.Context(), 1)) }))
	assert.Equal(t, []time.Duration{time.Second}, clk.Sleeps())
}

// A function of WithPause returns 0 for most calls.
func TestAPauseThatChangesNothingAllocatesNothing(t *testing.T) {
	clk := newSettable()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Clock: clk})
	assert.Zero(t, testing.AllocsPerRun(100, func() { l.Pause(0) }))
	assert.Zero(t, clk.Of(func() { l.Pause(0) }))
	l.Pause(time.Hour)
	assert.Zero(t, testing.AllocsPerRun(100, func() { l.Pause(time.Hour) }))
}

// sleepless is a clock whose sleeps end with their contexts, and are counted.
type sleepless struct {
	*fake.Clock
	sleeps atomic.Int64
}

func (s *sleepless) Sleep(ctx context.Context, _ time.Duration) error {
	s.sleeps.Add(1)
	<-ctx.Done()
	return ctx.Err()
}

func TestACallThatLeavesBehindTheFirstDoesNotWakeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := &sleepless{Clock: fake.NewClock()}
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
		require.True(t, l.Allow(1))
		w := queue(l, 3)
		w.cancels[1]()
		synctest.Wait()
		assert.EqualValues(t, 1, clk.sleeps.Load())
		w.cancels[0]()
		synctest.Wait()
		assert.EqualValues(t, 2, clk.sleeps.Load(), "the third is the first now")
		w.cancels[2]()
		w.end()
	})
}
