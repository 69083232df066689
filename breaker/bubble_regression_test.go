package breaker_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
)

// uses is everything that reads or leaves an open state.
var uses = map[string]func(t *testing.T, c *breaker.Circuit){
	"Reset": func(t *testing.T, c *breaker.Circuit) {
		c.Reset()
		assert.Equal(t, breaker.Closed, c.State())
	},
	"Isolate": func(t *testing.T, c *breaker.Circuit) {
		c.Isolate("")
		assert.Equal(t, breaker.Isolated, c.State())
	},
	"Trip": func(t *testing.T, c *breaker.Circuit) {
		c.Trip(time.Hour, "")
		assert.Equal(t, breaker.Open, c.State())
	},
	"State":    func(_ *testing.T, c *breaker.Circuit) { c.State() },
	"Snapshot": func(_ *testing.T, c *breaker.Circuit) { c.Snapshot() },
	"Idle":     func(_ *testing.T, c *breaker.Circuit) { c.Idle() },
	"Do": func(t *testing.T, c *breaker.Circuit) {
		for range 600 { // more than between two looks at the clock
			_, _ = breaker.Do(t.Context(), c, succeed)
		}
	},
	"Reconfigure": func(t *testing.T, c *breaker.Circuit) {
		require.NoError(t, c.Reconfigure(breaker.Config{RecoveryTimeout: 2 * time.Minute}))
	},
}

func TestACircuitThatOpenedInABubbleCanBeUsedOutside(t *testing.T) {
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			c := breaker.NewCircuit(breaker.Config{RecoveryTimeout: time.Minute})
			synctest.Test(t, func(*testing.T) { c.Trip(0, "") })
			use(t, c)
			synctest.Test(t, func(t *testing.T) { use(t, c) })
		})
	}
}

func TestACircuitThatOpenedOutsideCanBeUsedInABubble(t *testing.T) {
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			c := breaker.NewCircuit(breaker.Config{RecoveryTimeout: time.Minute})
			c.Trip(0, "")
			synctest.Test(t, func(t *testing.T) { use(t, c) })
			use(t, c)
		})
	}
}

func TestACircuitOfOneBubbleCanBeUsedInAnother(t *testing.T) {
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			var c *breaker.Circuit
			synctest.Test(t, func(*testing.T) {
				c = breaker.NewCircuit(breaker.Config{RecoveryTimeout: time.Minute})
				c.Trip(0, "")
			})
			synctest.Test(t, func(t *testing.T) { use(t, c) })
		})
	}
}

func TestAnOpenCircuitKeepsNoBubbleFromEnding(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		began := time.Now()
		breaker.NewCircuit(breaker.Config{}).Trip(time.Hour, "")
		assert.Zero(t, time.Since(began))
	})
}

func TestADroppedOpenCircuitIsCollectedBeforeItsTimerFires(t *testing.T) {
	c := breaker.NewCircuit(breaker.Config{RecoveryTimeout: time.Hour})
	c.Trip(0, "")
	_, err := c.Acquire()
	require.ErrorIs(t, err, breaker.ErrOpen)
	dropped := weak.Make(c)
	runtime.KeepAlive(c)
	c = nil
	for range 10 {
		runtime.GC()
	}
	assert.Nil(t, dropped.Value())
}
