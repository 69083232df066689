package breaker

import (
	"math"
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

// The cause of a move may be large, and the circuit may have closed since.
func TestACircuitForgetsAMoveOnceItsListenersWereCalled(t *testing.T) {
	c := NewCircuit(Config{OnStateChange: func(Transition) {}})
	c.Isolate("")
	assert.Nil(t, c.announcer.Load().move)
	assert.Empty(t, c.announcer.Load().pending)
}

func TestAWatcherIsNotCalledForAMoveBeforeWatch(t *testing.T) {
	c := NewCircuit(Config{})
	var early, late []State
	c.Watch(func(tr Transition) {
		if early = append(early, tr.To); tr.To == Isolated {
			c.Reset() // announced after this function has returned
			c.Watch(func(tr Transition) { late = append(late, tr.To) })
		}
	})
	c.Isolate("")
	assert.Empty(t, late)
	assert.Equal(t, []State{Isolated, Closed}, early)
	c.Trip(0, "")
	assert.Equal(t, []State{Open}, late)
	assert.Equal(t, []State{Isolated, Closed, Open}, early)
}

func TestListenersAreCalledWhenTheNumbersOfStatesWrap(t *testing.T) {
	for _, ahead := range []uint32{1 << 30, 1 << 31, math.MaxUint32 - 2, math.MaxUint32 - 1, math.MaxUint32} {
		var on, early, late int
		c := NewCircuit(Config{OnStateChange: func(Transition) { on++ }})
		c.Watch(func(Transition) { early++ })
		c.Isolate("")
		c.gen.Load().seq += ahead // as after so many moves
		c.Watch(func(Transition) { late++ })
		for range 2 {
			c.Reset()
			c.Isolate("")
		}
		assert.Equal(t, []int{5, 5, 4}, []int{on, early, late}, "%d moves later", ahead)
	}
}
