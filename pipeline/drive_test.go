package pipeline_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
)

// drive moves the clock to its next waiter until over is closed. It moves the clock only
// while the call waits: moved once more, the clock would fire what the call has left on it.
func drive(t *testing.T, clk *fake.Clock, over <-chan struct{}) {
	t.Helper()
	for {
		synctest.Wait()
		select {
		case <-over:
			return
		default:
			_, ok := clk.AdvanceToNext()
			require.True(t, ok, "the call waits, and not for its clock")
		}
	}
}

func TestDriveMovesNoClockAfterTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := fake.NewClock()
		over := make(chan struct{})
		go func() {
			defer close(over)
			_ = clk.Sleep(t.Context(), time.Second)
			clk.NewTimer(time.Second) // left behind
		}()
		drive(t, clk, over)
		assert.Equal(t, 1, clk.Waiters())
	})
}
