package policy_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// due is a clock whose timers are always due.
type due struct {
	policy.Clock
	asked *[]time.Duration
}

func (c due) After(d time.Duration) <-chan time.Time {
	*c.asked = append(*c.asked, d)
	ch := make(chan time.Time, 1)
	ch <- time.Time{}
	return ch
}

func TestSleepSetsATimerForAPositiveTimeOnly(t *testing.T) {
	var asked []time.Duration
	for _, d := range []time.Duration{-1, 0, 1, 2} {
		require.NoError(t, policy.Sleep(t.Context(), due{asked: &asked}, d))
	}
	assert.Equal(t, []time.Duration{1, 2}, asked)
}

func TestAfterFuncNeverCallsAFunctionThatStopPrevented(t *testing.T) {
	for range 200 { // the timer is due, and the goroutine that waits for it picks either
		synctest.Test(t, func(t *testing.T) {
			var asked []time.Duration
			called := false
			prevented := policy.AfterFunc(due{asked: &asked}, time.Second, func() { called = true })()
			synctest.Wait()
			assert.NotEqual(t, prevented, called)
		})
	}
}

func TestAStoppedAfterFuncLeavesNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if one is left
		assert.True(t, policy.AfterFunc(plain{fake.NewClock()}, time.Second, func() {})())
	})
}

func TestAfterFuncOfANanosecondCanBeStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		assert.True(t, policy.AfterFunc(nil, 1, func() { t.Error("called") })())
		time.Sleep(time.Second)
	})
}

func TestNowIsTheTimeOnTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := fake.NewClock()
		clk.Advance(time.Hour)
		assert.Equal(t, clk.Now(), policy.Now(clk))
		assert.Equal(t, time.Now(), policy.Now(nil))
	})
}

func TestAnOutcomeWithoutANameReadsAsItsNumber(t *testing.T) {
	assert.Equal(t, "outcome(4)", (policy.Ignored + 1).String())
}
