package gate

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAllWaysInCountAdmissionsBeyondTheRangeOfTheWord(t *testing.T) {
	const free = 9
	quarter := int64(1) << (countBits - 2)
	for name, enter := range map[string]func(*Gate){
		"take":          func(g *Gate) { g.main.take() },
		"admit":         func(g *Gate) { g.main.admit() },
		"Enter":         func(g *Gate) { g.Enter() },
		"enterAnywhere": func(g *Gate) { g.enterAnywhere() },
	} {
		for at := int64(1); at <= 8; at++ {
			g := made(Config{Limit: free})
			before := at*quarter - 2
			g.main.word.Add(before << partBits)
			g.main.halves.Store(before / (2 * quarter))
			for n := range int64(4) {
				require.Equal(t, before+n, g.main.admitted(), "%s, quarter %d", name, at)
				enter(g)
			}
			require.Equal(t, (before+4)/(2*quarter), g.main.halves.Load(), "%s, quarter %d", name, at)
		}
	}
}

func TestTakeReportsHowManyPlacesAreLeft(t *testing.T) {
	c := counted(0, 3, 0)
	for left := int64(2); left >= 0; left-- {
		ok, n := c.take()
		assert.True(t, ok)
		assert.Equal(t, left, n)
	}
	ok, n := c.take()
	assert.False(t, ok)
	assert.Zero(t, n)
	assert.EqualValues(t, 3, c.admitted())
}

// Two goroutines take from one cell until it is empty. They never get the same place.
func TestConcurrentTakesGetDifferentPlaces(t *testing.T) {
	const free = 5000
	twoProcessors(t)
	for range 50 {
		c := counted(0, free, 0)
		var taken atomic.Int64
		takeAll := func() {
			for ok, _ := c.take(); ok; ok, _ = c.take() {
				taken.Add(1)
			}
		}
		together(takeAll, takeAll)
		require.EqualValues(t, free, taken.Load())
		require.EqualValues(t, free, c.admitted())
	}
}

func TestPlacesAreSharedEvenlyAmongCells(t *testing.T) {
	for n := range int64(40) {
		s := spread{make([]Cell, 8)}
		s.add(n)
		free, moment := s.free()
		require.Equal(t, n, free)
		require.True(t, moment)
		for i := range s.cells {
			require.InDelta(t, float64(n)/8, float64(places(s.cells[i].word.Load())), 0.9, "cell %d of %d places", i, n)
		}
	}
}
