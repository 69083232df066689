package breaker

import (
	"math/bits"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// callWindow counts the last size calls.
//
// A call is counted by one addition to one word. The word numbers the calls, and holds how
// many failed and how many were slow since the window was made. The sum that the addition
// returns is stored in the call's place of a ring. So the window that ends with a call is
// the difference between its word and the word of size calls before, exactly as it was at the
// addition. No reader sees half of a call. A goroutine that is descheduled before it has
// stored its word leaves only its own place out of date.
type callWindow struct {
	size uint64
	ring []atomic.Uint64 // the word of each call, at its number; zero while unused
	now  atomic.Uint64   // the word that was given last, without its end
	// full is set by the first calls whose numbers reach size, and never cleared. It is
	// read before a word is given; see upTo.
	full atomic.Bool
}

// word is the state of the window after one call, and how that call ended.
//
//	 63          44 43          24 23           3 2    0
//	+--------------+--------------+--------------+------+
//	|  slow calls  |   failures   |    number    | end  |
//	+--------------+--------------+--------------+------+
//	    20 bits        20 bits        21 bits     3 bits
//
// A field may overflow into the next. The difference of two words is right all the same
// if it is less than a field.
type word uint64

const (
	endedWell word = 1 << iota // how a call ended: one of these two,
	endedBadly
	endedSlow // and this too if it was slow

	oneCall    word = 1 << 3
	oneFailure word = 1 << 24
	oneSlow    word = 1 << 44

	endMask    = oneCall - 1
	numberMask = oneFailure - oneCall
	fieldMask  = 1<<20 - 1 // of failures, and of slow calls, after a division

	// maxWindowCalls fits in a field, and lets numbers go twice round its ring.
	maxWindowCalls = 1 << 19
)

// endOf returns how a call ended, as a word.
func endOf(ok, slow bool) word {
	end := endedBadly
	if ok {
		end = endedWell
	}
	if slow {
		end |= endedSlow
	}
	return end
}

// weight is what a call that ended as w says adds to the window's word.
func (w word) weight() word {
	return oneCall + w&endedBadly*(oneFailure/endedBadly) + w&endedSlow*(oneSlow/endedSlow)
}

// number returns the number of w's call, times oneCall. Numbers wrap.
func (w word) number() word { return w & numberMask }

// sums returns w without the end of its call.
func (w word) sums() word { return w &^ endMask }

// isSameCall reports whether w and v are words of one call.
func (w word) isSameCall(v word) bool { return (w ^ v).number() == 0 }

// isLater reports whether w is of a later call than v: by up to half of all numbers ahead.
func (w word) isLater(v word) bool { return int64((w.number()-v.number())<<40) > 0 }

// totals returns those of n calls that have added up to w.
func (w word) totals(n word) Counts {
	failures := int64(w / oneFailure & fieldMask)
	return Counts{Successes: int64(n) - failures, Failures: failures, Slow: int64(w / oneSlow & fieldMask)}
}

// slack is how many places the ring has at least beyond the window. So many calls may come
// before a descheduled goroutine finds that the place it needs has been reused.
const slack = 8

func newCallWindow(n int) *callWindow {
	return &callWindow{size: uint64(n), ring: make([]atomic.Uint64, 1<<bits.Len(uint(n+slack-1)))}
}

// span returns the calls of a full window, as a difference of numbers.
func (w *callWindow) span() word { return word(w.size) * oneCall }

// place returns the place of the call that a word numbers.
func (w *callWindow) place(of word) *atomic.Uint64 {
	return &w.ring[uint64(of/oneCall)&uint64(len(w.ring)-1)]
}

func (w *callWindow) load(of word) word { return word(w.place(of).Load()) }

// count counts a call and returns the totals of the window that ends with it.
func (w *callWindow) count(end word) Counts {
	// One more success changes nothing if the window holds nothing else, and needs no
	// number. So a healthy dependency costs no shared write. The window holds nothing else
	// if the word of size calls ago differs from the last one only by its number.
	if end == endedWell {
		begin := word(w.now.Load()) - w.span()
		if w.load(begin).sums() == begin {
			return Counts{Successes: int64(w.size)}
		}
	}
	full := w.full.Load()
	now := word(w.now.Add(uint64(end.weight())))
	if !full {
		w.fill(now)
	}
	w.store(now | end)
	return w.upTo(now, end.weight(), full)
}

// fill marks the window as full if now is the word of its last call, or of a later one.
func (w *callWindow) fill(now word) {
	if now.number() >= w.span() && !w.full.Load() { // load before store: every call reads this line
		w.full.Store(true)
	}
}

// store puts a word in its place. A goroutine that was descheduled for a whole lap finds
// the word of a later call there, and leaves it.
func (w *callWindow) store(one word) {
	place := w.place(one)
	for {
		old := place.Load()
		if word(old).isLater(one) || place.CompareAndSwap(old, uint64(one)) {
			return
		}
	}
}

// upTo returns the totals of the window that ends with now, to which its call has added
// last. full says whether the window was full before now was given.
//
// While the window is not full, now itself holds the totals. The ring does not show that
// it is not full. The place before the first call is unused at first, but after slack more
// calls it holds the word of a later one. A descheduled goroutine that finds it would count
// the missing calls as successes and miss a trip. The number in now does not show it either,
// since numbers wrap after 2,097,152 calls. So the flag is read before the word is given: if
// it was not set then, numbers had not wrapped.
//
// In a full window, the call before the first one has stored where the window began, or
// else the first call has, plus its own weight. If neither has stored its word yet, or
// both places have been reused, the next calls are asked in turn, and the calls before
// them count as successes: what is not known opens no circuit.
func (w *callWindow) upTo(now, last word, full bool) Counts {
	if !full && now.number() <= w.span() {
		return now.totals(now.number() / oneCall)
	}
	begin := now - w.span()
	if one := w.load(begin); one.isSameCall(begin) {
		return (now - one.sums()).totals(word(w.size))
	}
	for begin != now {
		begin += oneCall
		if one := w.load(begin); one.isSameCall(begin) {
			return (now - one.sums() + one.weight()).totals(word(w.size))
		}
	}
	return last.totals(word(w.size))
}

// counts returns the current totals.
func (w *callWindow) counts() Counts {
	full := w.full.Load()
	return w.upTo(word(w.now.Load()), 0, full)
}
