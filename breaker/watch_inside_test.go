package breaker

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAWatcherThatAnEarlierOneStopsIsNotCalled(t *testing.T) {
	c := NewCircuit(Config{})
	var stop func()
	called := 0
	c.Watch(func(Transition) { stop() })
	stop = c.Watch(func(Transition) { called++ })
	c.Isolate("")
	c.Reset()
	assert.Zero(t, called)
}

func TestAWatcherThatMovesTheCircuitIsCalledAgainOnlyAfterItHasReturned(t *testing.T) {
	c := NewCircuit(Config{})
	var heard []State
	inside := false
	c.Watch(func(tr Transition) {
		assert.False(t, inside, "called for %v before it has returned", tr.To)
		inside = true
		defer func() { inside = false }()
		if heard = append(heard, tr.To); tr.To == Isolated {
			c.Reset()
		}
	})
	c.Isolate("")
	assert.Equal(t, []State{Isolated, Closed}, heard)
}

// Otherwise what its function references would live as long as the circuit.
func TestAStoppedWatcherIsForgotten(t *testing.T) {
	c := NewCircuit(Config{})
	var stops []func()
	for range 3 {
		stops = append(stops, c.Watch(func(Transition) {}))
	}
	for left := len(stops); left > 0; left-- {
		require.Len(t, c.announcer.Load().list(), left)
		stops[left-1]()
	}
	assert.Empty(t, c.announcer.Load().list())
}
