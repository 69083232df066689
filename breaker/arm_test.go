package breaker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

func TestAnOpenCircuitReadsTheClockOnlyNearItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCircuit(Config{RecoveryTimeout: 16 * time.Second})
		c.Trip(0, "")
		g := c.gen.Load()
		time.Sleep(15*time.Second - 1)
		synctest.Wait()
		assert.False(t, g.shut.opening.near.Load())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		assert.True(t, g.shut.opening.near.Load())
		time.Sleep(time.Second - 1)
		_, err := c.Acquire()
		require.ErrorIs(t, err, ErrOpen)
		time.Sleep(time.Nanosecond)
		_, err = c.Acquire()
		require.NoError(t, err, "the probe is admitted at the exact nanosecond")
	})
}

func TestAShortOpenPeriodArmsNoTimer(t *testing.T) {
	c := NewCircuit(Config{})
	c.Trip(shortest-1, "")
	assert.Nil(t, c.gen.Load().shut.opening.near)
}

// A timer made in a bubble of testing/synctest never fires once the bubble is gone, and a
// package-level circuit may be tripped in one.
func TestACircuitRecoversIfItsTimerNeverFires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCircuit(Config{RecoveryTimeout: time.Minute})
		c.Trip(0, "")
		c.gen.Load().shut.opening.near = new(atomic.Bool) // no timer sets this one
		time.Sleep(time.Minute)
		var refused int
		for ; refused < 2*unreadMost; refused++ {
			if _, err := c.Acquire(); err == nil {
				break
			}
		}
		assert.Less(t, refused, unreadMost)
		assert.Equal(t, HalfOpen, c.State())
	})
}

func TestAnOpenPeriodOfASecondArmsATimer(t *testing.T) {
	c := NewCircuit(Config{})
	c.Trip(shortest, "")
	assert.NotNil(t, c.gen.Load().shut.opening.near)
}

// Otherwise a permit that is held for long would retain every later state.
func TestAnAnnouncedStateDoesNotRetainTheNext(t *testing.T) {
	c := NewCircuit(Config{OnStateChange: func(Transition) {}})
	first := c.gen.Load()
	c.Isolate("")
	c.Reset()
	assert.Nil(t, first.next.Load())
}
