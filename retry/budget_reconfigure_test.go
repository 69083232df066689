package retry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

// readClock calls a function when it is read.
type readClock struct {
	*fake.Clock
	read func()
}

func (c *readClock) Now() time.Time {
	c.read()
	return c.Clock.Now()
}

// listed is a clock that == cannot compare.
type listed struct {
	*fake.Clock
	hook func()
}

func TestReconfigureAcceptsAClockThatCannotBeCompared(t *testing.T) {
	clk := listed{Clock: fake.NewClock(), hook: func() {}}
	b := retry.NewBudget(retry.BudgetConfig{Clock: clk})
	require.NoError(t, b.Reconfigure(retry.BudgetConfig{Ratio: 0.5, Clock: clk}))
	assert.InDelta(t, 0.5, b.Config().Ratio, 0)
	assert.ErrorContains(t, b.Reconfigure(retry.BudgetConfig{Clock: clk.Clock}), "retry: BudgetConfig.Clock differs")
}

func TestReconfigureReadsTheClockWithoutALock(t *testing.T) {
	clk := &readClock{fake.NewClock(), func() {}}
	b := retry.NewBudget(retry.BudgetConfig{Clock: clk})
	b.Call()
	window := func(d time.Duration) error { return b.Reconfigure(retry.BudgetConfig{Window: d, Clock: clk}) }
	clk.read = func() {
		clk.read = func() {}
		assert.NoError(t, window(time.Hour))
	}
	require.NoError(t, window(time.Minute))
	assert.Equal(t, time.Minute, b.Config().Window, "the one that ends last is in force")
	assert.EqualValues(t, 1, b.Snapshot().Calls)
}
