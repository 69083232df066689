package breaker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnOpenCircuitReadsTheClockOnlyNearItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCircuit(Config{RecoveryTimeout: 16 * time.Second})
		c.Trip(0)
		g := c.gen.Load()
		time.Sleep(15*time.Second - 1)
		synctest.Wait()
		assert.False(t, g.near.Load())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		assert.True(t, g.near.Load())
		time.Sleep(time.Second - 1)
		_, err := c.Acquire()
		require.ErrorIs(t, err, ErrOpen)
		time.Sleep(time.Nanosecond)
		_, err = c.Acquire()
		require.NoError(t, err, "the probe is let in to the nanosecond")
	})
}

func TestAShortOpenPeriodArmsNoTimer(t *testing.T) {
	c := NewCircuit(Config{})
	c.Trip(shortest - 1)
	assert.Nil(t, c.gen.Load().timer)
	assert.True(t, c.gen.Load().near.Load())
}

func TestLeavingTheOpenStateStopsItsTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, leave := range map[string]func(*Circuit){
			"reset": (*Circuit).Reset, "isolate": (*Circuit).Isolate, "trip again": func(c *Circuit) { c.Trip(time.Hour) },
		} {
			c := NewCircuit(Config{})
			c.Trip(time.Minute)
			g := c.gen.Load()
			leave(c)
			assert.False(t, g.timer.Stop(), name)
			c.Reset()
		}
	})
}

// A timer made in a bubble of testing/synctest never fires once the bubble is
// gone, and a package's circuit may well be tripped in one.
func TestATimerThatNeverFiresShutsNoCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCircuit(Config{RecoveryTimeout: time.Minute})
		c.Trip(0)
		c.gen.Load().timer.Stop()
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

func TestTheShortestOpenPeriodThatIsWorthATimerHasOne(t *testing.T) {
	c := NewCircuit(Config{})
	c.Trip(shortest)
	assert.NotNil(t, c.gen.Load().timer)
	c.Reset()
}

// A permit that is held for long would otherwise hold every later state.
func TestAStateThatWasToldOfLetsGoOfTheNext(t *testing.T) {
	c := NewCircuit(Config{OnStateChange: func(Transition) {}})
	first := c.gen.Load()
	c.Isolate()
	c.Reset()
	assert.Nil(t, first.next.Load())
}
