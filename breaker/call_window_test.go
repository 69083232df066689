package breaker

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A number that was taken and not used yet pushes the oldest call out of the
// window, though its slot still holds it.
func TestConfirmedForgetsACallWhoseNumberIsTooOld(t *testing.T) {
	w := newCallWindow(4)
	for range 4 {
		w.record(slotFailure)
	}
	assert.Equal(t, Counts{Failures: 4}, w.confirmed())
	w.next.Add(1) // by a caller who is held up
	assert.Equal(t, Counts{Failures: 3}, w.confirmed())
	assert.Equal(t, Counts{Failures: 4}, w.counts())
}

// Calls that end while the slots are visited are not of the window that is looked
// at: with them it would hold calls that were never in one together.
func TestConfirmedLeavesOutCallsThatCameMeanwhile(t *testing.T) {
	w := newCallWindow(3)
	for range 3 {
		w.record(slotFailure)
	}
	w.slots[2].Store(6<<slotBits | slotFailure)
	assert.Equal(t, Counts{Failures: 2}, w.confirmed())
}

// A caller who is held up until its place has been taken twice over counts
// nowhere, and takes nothing from who has the place now.
func TestACallThatIsTooLateForItsPlaceChangesNothing(t *testing.T) {
	w := newCallWindow(2)
	w.record(slotFailure)
	w.record(slotFailure)
	w.next.Store(0) // the next number is one whose place is taken by a later one
	w.slots[0].Store(3<<slotBits | slotFailure)
	assert.Equal(t, Counts{Failures: 2}, w.record(slotSuccess))
	assert.Equal(t, Counts{Failures: 2}, w.counts())
	assert.EqualValues(t, 3, w.slots[0].Load()>>slotBits)
}

// In a window of one call everybody wants the same slot.
func TestTheSmallestWindowIsExactAfterAStorm(t *testing.T) {
	for range 20 {
		w := newCallWindow(1)
		var storm sync.WaitGroup
		for g := range 4 {
			storm.Go(func() {
				for i := range 500 {
					w.record(slotOf((g+i)%2 == 0, i%3 == 0))
				}
			})
		}
		storm.Wait()
		require.Equal(t, w.confirmed(), w.counts())
	}
}
