package breaker

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// play counts calls that end as how says: S is a success and F a failure; s and f are slow
// ones.
func (w *callWindow) play(how string) (last Counts) {
	for _, c := range how {
		last = w.count(endOf(c == 'S' || c == 's', c == 's' || c == 'f'))
	}
	return last
}

// recount returns the totals of the last n calls of how.
func recount(n int, how string) (c Counts) {
	for _, end := range how[max(0, len(how)-n):] {
		switch end {
		case 'S', 's':
			c.Successes++
		default:
			c.Failures++
		}
		if end == 's' || end == 'f' {
			c.Slow++
		}
	}
	return c
}

func TestAWindowOfCallsCountsTheLastSoMany(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 2, 3, 7, 8, 9, 100} {
		w := newCallWindow(n)
		how := ""
		for i := range 600 {
			how += string("SFsf"[rnd.IntN(4)])
			if i%20 > 10 {
				how = how[:len(how)-1] + "S"
			}
			want := recount(n, how)
			require.Equal(t, want, w.play(how[len(how)-1:]), "%d of %s", n, how)
			require.Equal(t, want, w.counts())
		}
	}
}

func TestACallIsLaterByUpToHalfOfAllNumbers(t *testing.T) {
	const half = numberMask/2 + oneCall/2
	assert.True(t, (3 * oneCall).isLater(2*oneCall|endedWell))
	assert.False(t, (2*oneCall | endedWell).isLater(3*oneCall))
	assert.True(t, (half - oneCall).isLater(0))
	assert.False(t, (half + oneCall).isLater(0))
	assert.True(t, word(0).isLater(numberMask), "the numbers have gone round")
}

func TestTotalsAreExactWhenNumbersWrap(t *testing.T) {
	w := newCallWindow(3)
	for range 1<<21 + 2 {
		if got := w.count(endedBadly | endedSlow).Failures; got > 3 {
			t.Fatalf("%d failures in a window of 3", got) // two million assertions would take long
		}
	}
	assert.Equal(t, Counts{Failures: 3, Slow: 3}, w.counts())
	assert.Equal(t, Counts{Successes: 1, Failures: 2, Slow: 2}, w.play("S"))
	assert.Equal(t, Counts{Successes: 2, Failures: 1}, w.play("SSSF"))
}

func TestTheLongestWindowCanHoldOnlyFailures(t *testing.T) {
	w := newCallWindow(maxWindowCalls)
	for range maxWindowCalls + 2 {
		w.count(endedBadly | endedSlow)
	}
	assert.Equal(t, Counts{Failures: maxWindowCalls, Slow: maxWindowCalls}, w.counts())
}

func TestASuccessInAWindowOfSuccessesWritesNothing(t *testing.T) {
	w := newCallWindow(4)
	w.play("FSSSSS")
	before := w.now.Load()
	assert.Equal(t, Counts{Successes: 4}, w.play("SSSS"))
	assert.Equal(t, before, w.now.Load())
	assert.Equal(t, Counts{Successes: 3, Failures: 1}, w.play("F"))
	assert.Equal(t, Counts{Successes: 3, Failures: 1}, w.play("SSS"))
	assert.Equal(t, Counts{Successes: 4}, w.play("S"))
}

// A call that has a number and has not stored its word yet counts, and changes the count of
// no other.
func TestACallThatStoresItsWordLateCounts(t *testing.T) {
	w := newCallWindow(4)
	w.play("SFSS")
	held := word(w.now.Add(uint64(endedBadly.weight())))
	assert.Equal(t, Counts{Successes: 2, Failures: 2}, w.play("F"), "of SSFF, not of FSSF")
	assert.Equal(t, Counts{Successes: 1, Failures: 3}, w.play("F"))
	assert.Equal(t, Counts{Successes: 1, Failures: 3}, w.play("S"), "of FFFS: where the first began is known")
	assert.Equal(t, Counts{Successes: 2, Failures: 2}, w.play("S"), "of FFSS, from the first of them")
	w.store(held | endedBadly)
	assert.Equal(t, Counts{Successes: 2, Failures: 2}, w.counts())
	assert.Equal(t, Counts{Successes: 3, Failures: 1}, w.play("S"))
}

// Two calls that have both not stored their words for nearly a window look the same.
func TestCallsThatHaveNotStoredTheirWordsCountAsSuccesses(t *testing.T) {
	w := newCallWindow(3)
	w.now.Add(uint64(endedBadly.weight()))
	w.now.Add(uint64(endedBadly.weight()))
	assert.Equal(t, Counts{Successes: 1, Failures: 2}, w.play("S"), "nothing was before")
	assert.Equal(t, Counts{Successes: 2, Failures: 1}, w.play("F"), "of FSF")
	assert.Equal(t, Counts{Successes: 2, Failures: 1}, w.play("S"))
	assert.Equal(t, Counts{Successes: 1, Failures: 2}, w.play("F"))
}

// A call that continues when all the places that it would ask have been reused still counts
// itself, and leaves its place to the later call that has it.
func TestACallThatIsALapLateStillCountsItself(t *testing.T) {
	w := newCallWindow(4)
	word := word(w.now.Add(uint64((endedBadly | endedSlow).weight())))
	for range 2 * len(w.ring) {
		w.play("F")
	}
	now := w.place(word).Load()
	w.store(word | endedBadly)
	assert.Equal(t, now, w.place(word).Load())
	assert.Equal(t, Counts{Successes: 3, Failures: 1, Slow: 1}, w.upTo(word, (endedBadly|endedSlow).weight(), true))
}

func TestTheSmallestWindowIsExactAfterConcurrentCalls(t *testing.T) {
	for range 20 {
		w := newCallWindow(1)
		var storm sync.WaitGroup
		for g := range 4 {
			storm.Go(func() {
				for i := range 500 {
					w.count(endOf((g+i)%2 == 0, i%3 == 0))
				}
			})
		}
		storm.Wait()
		last := w.load(word(w.now.Load()))
		require.Equal(t, last.weight().totals(1), w.counts())
	}
}

// Memory that is not needed would be multiplied by the circuits of a program.
func TestARingIsTheSmallestThatHasItsSlack(t *testing.T) {
	for n := 1; n <= 300; n++ {
		places := len(newCallWindow(n).ring)
		require.GreaterOrEqual(t, places, n+slack, "%d calls", n)
		require.Less(t, places/2, n+slack, "%d calls", n)
	}
}

// The call that had the place in between has not stored its word.
func TestAPlaceTakesTheWordOfACallWhoseNumberHasComeRound(t *testing.T) {
	w := newCallWindow(1)
	w.store(3*oneCall | endedBadly)
	again := 3*oneCall + 5*oneFailure | endedWell
	w.store(again)
	assert.Equal(t, again, w.load(3*oneCall))
}
