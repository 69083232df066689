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
