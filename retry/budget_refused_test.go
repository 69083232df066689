package retry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

// held is a clock of a caller that is held up: its next reading is from the beginning. The
// third reading after that calls then.
type held struct {
	*fake.Clock
	begun time.Time
	reads int // 0 if nothing is held up
	then  func()
}

func (h *held) Now() time.Time {
	now := h.Clock.Now()
	if h.reads == 0 {
		return now
	}
	h.reads++
	switch h.reads {
	case 2:
		return h.begun
	case 4:
		h.reads = 1
		h.then()
		h.reads = 0
	}
	return now
}

// A refused retry is counted for a moment, and a GiveBack in this moment removes it. The
// clock is read in this moment because the caller was held up after its first reading.
func TestARefusedRetryThatWasGivenBackIsNotUncountedTwice(t *testing.T) {
	clk := &held{Clock: fake.NewClock()}
	clk.begun = clk.Clock.Now().Add(3 * time.Second)
	cfg := retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: 0.1, Window: 10 * time.Second, Clock: clk}
	b := retry.NewBudget(cfg)
	clk.Advance(time.Hour + 5*time.Second)
	require.True(t, b.Take())
	cfg.MinPerSecond = retry.NoMinimum
	require.NoError(t, b.Reconfigure(cfg))
	given := false
	clk.reads, clk.then = 1, func() { b.GiveBack(); given = true }
	require.False(t, b.Take())
	require.True(t, given)
	clk.Set(clk.begun) // where only the refused retry would count
	assert.Zero(t, b.Snapshot().Retries)
}
