package fake_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
)

func TestAPanicInAFiredFunctionLeavesTheClockUsable(t *testing.T) {
	for _, clk := range []*fake.Clock{fake.NewClock(), fake.NewClock(fake.AutoAdvance())} {
		clk.AfterFunc(time.Second, func() { panic("boom") })
		assert.PanicsWithValue(t, "boom", func() { clk.Advance(time.Minute) })
		exited := make(chan struct{})
		clk.AfterFunc(time.Second, runtime.Goexit)
		go func() {
			defer close(exited)
			clk.Advance(time.Minute)
		}()
		<-exited
		begun := clk.Now()
		clk.Advance(time.Minute)
		assert.Equal(t, time.Minute, clk.Now().Sub(begun))
	}
}

func TestAnAutomaticClockIsCleanInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := fake.NewClock(fake.AutoAdvance())
		assert.Equal(t, []time.Duration{2, 1, 3}, atOnce(t, clk, 2, 1, 3))
		ctx, cancel := clk.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		assert.Equal(t, "done", selected(ctx.Done(), clk.After(5*time.Second)))
	})
}

func TestAClockFromOutsideABubbleMayBeUsedInIt(t *testing.T) {
	for _, clk := range []*fake.Clock{fake.NewClock(), fake.NewClock(fake.AutoAdvance())} {
		synctest.Test(t, func(t *testing.T) {
			_, cancel := clk.WithTimeout(t.Context(), time.Second)
			cancel()
			clk.NewTimer(time.Second).Stop()
			clk.AfterFunc(time.Second, func() {})()
			clk.Advance(time.Second)
		})
		_, cancel := clk.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, clk.BlockUntil(t.Context(), 1))
		clk.Advance(time.Second)
		assert.Zero(t, clk.Waiters())
	}
}
