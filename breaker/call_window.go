package breaker

import (
	"math/bits"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// callWindow counts the last size calls.
//
// A call is counted by one addition to one word, which numbers the calls and holds
// how many of them failed and how many were slow since the window was made. What
// the addition returns is kept in the call's place of a ring. So the window that
// ends with a call is the difference between its word and the one of size calls
// before, exactly as it was at the moment of the addition: no reader sees half of a
// call, and a goroutine that is held up afterwards hides nothing from the others but
// what is in its place.
//
// The fields may overflow into each other. Of two words that are less than a field
// apart, the difference is right all the same.
type callWindow struct {
	size uint64
	ring []atomic.Uint64 // a call's word and how it ended, at its number; zero while unused
	now  atomic.Uint64   // the word that was given last
	// full is set by the first calls whose numbers reach size, and never cleared. It
	// is read before a word is given, see upTo.
	full atomic.Bool
}

// A word is, from the bottom, three bits of a slot for how the call ended, 21 for
// its number, 20 for the failures up to it and 20 for the slow calls.
const (
	oneCall    = 1 << 3
	oneFailure = 1 << 24
	oneSlow    = 1 << 44

	numbers = oneFailure - oneCall
	field   = 1<<20 - 1

	maxWindowCalls = 1 << 19 // a field holds it, and numbers go twice round its ring
)

// How a call ended, in the lowest bits of its slot.
const (
	slotSuccess = 1 << iota
	slotFailure
	slotSlow

	slotMask = oneCall - 1
)

func slotOf(ok, slow bool) uint64 {
	slot := uint64(slotFailure)
	if ok {
		slot = slotSuccess
	}
	if slow {
		slot |= slotSlow
	}
	return slot
}

// weight is what a call that ended as slot says adds to the word.
func weight(slot uint64) uint64 {
	return oneCall + slot&slotFailure*(oneFailure/slotFailure) + slot&slotSlow*(oneSlow/slotSlow)
}

// slack is how many places the ring has at least beyond the window: so many calls
// may come before the word where a window began is lost to a caller held up.
const slack = 8

func newCallWindow(n int) *callWindow {
	return &callWindow{size: uint64(n), ring: make([]atomic.Uint64, 1<<bits.Len(uint(n+slack-1)))}
}

// at returns the place of the call whose number word has.
func (w *callWindow) at(word uint64) *atomic.Uint64 {
	return &w.ring[word/oneCall&uint64(len(w.ring)-1)]
}

// record counts a call that ended as outcome says, and returns the totals of the
// window that ends with it.
func (w *callWindow) record(outcome uint64) Counts {
	// A success more changes nothing where all are successes, and needs no number:
	// a service that is well costs no shared write. All are if the word of size
	// calls ago differs from the last one by their number alone.
	if outcome == slotSuccess {
		begin := w.now.Load() - w.size*oneCall
		if w.at(begin).Load()&^slotMask == begin {
			return Counts{Successes: int64(w.size)}
		}
	}
	full := w.full.Load()
	word := w.now.Add(weight(outcome))
	if !full {
		w.fill(word)
	}
	w.keep(word | outcome)
	return w.upTo(word, weight(outcome), full)
}

// fill says that the window is full if the call of a word is its last or a later one.
func (w *callWindow) fill(word uint64) {
	if word&numbers >= w.size*oneCall && !w.full.Load() { // load before store: every call reads this line
		w.full.Store(true)
	}
}

// keep puts a slot in its place. A caller who has been held up for a lap finds a
// later call there, and leaves it.
func (w *callWindow) keep(slot uint64) {
	place := w.at(slot)
	for {
		old := place.Load()
		if isLater(old, slot) || place.CompareAndSwap(old, slot) {
			return
		}
	}
}

// upTo returns the totals of the window that ends with word, to which its call
// has added last. full says whether the window was full before word was given.
//
// While the window is not full, word itself has the totals. That it is not cannot be
// seen from the ring afterwards: the place before the window's first call is unused at
// first, but a caller that is held up finds a later call there once the ring has gone
// round, which takes no more than slack calls. (Taken for a full window, the missing
// calls would pass for successes, and a trip at just the rate would be missed.) Nor
// from word alone: its numbers go round after 2,097,152 calls, and a full window has
// low numbers again. So the flag is read before the word is given: if it was not set
// then, the calls numbered beyond size were still on their way here, and the numbers
// had not gone round.
//
// In a full window, the call before its first has kept where it began, or else its
// first call, less what that has added. If neither has come to it yet, or a lap has
// taken both places, the next call is asked, and those before it pass for successes: no
// circuit opens on what it does not know.
func (w *callWindow) upTo(word, last uint64, full bool) Counts {
	begin := word - w.size*oneCall
	if !full && word&numbers <= w.size*oneCall {
		return totals(word&numbers/oneCall, word)
	}
	if slot := w.at(begin).Load(); isSame(slot, begin) {
		return totals(w.size, word-slot&^slotMask)
	}
	for begin != word {
		begin += oneCall
		if slot := w.at(begin).Load(); isSame(slot, begin) {
			return totals(w.size, word-slot&^slotMask+weight(slot))
		}
	}
	return totals(w.size, last)
}

// counts returns the totals as of now.
func (w *callWindow) counts() Counts {
	full := w.full.Load()
	return w.upTo(w.now.Load(), 0, full)
}

// totals are those of n calls that have added up to sum.
func totals(n, sum uint64) Counts {
	failures := int64(sum / oneFailure & field)
	return Counts{Successes: int64(n) - failures, Failures: failures, Slow: int64(sum / oneSlow & field)}
}

func isSame(slot, word uint64) bool { return (slot^word)&numbers == 0 }

// isLater reports whether slot a is of a later call than b. Numbers go round.
func isLater(a, b uint64) bool { return int64((a&numbers-b&numbers)<<40) > 0 }
