package breaker

import atomic "github.com/ductile-go/ductile/internal/atomicx"

// callWindow counts the last len(slots) calls.
//
// Each record takes the next number, puts its outcome into that number's slot,
// and adds the difference to one word that holds all three totals, so that a
// reader never sees half of a call. A record that is held up between these steps
// leaves an old outcome in its slot, or in the totals, for as long. The totals are
// exact when all is quiet, and a hint otherwise: who finds that they open the
// circuit asks confirmed, which looks at the slots and their numbers.
//
// A total may be below zero for a moment. Every one is kept bias above its value,
// so that it never borrows from its neighbour; two uses of one slot at one moment
// are len(slots) calls apart.
type callWindow struct {
	slots  []atomic.Uint64 // the number of a call and how it ended; zero while unused
	next   atomic.Uint64   // the number that was given last; 1 is the first
	totals atomic.Uint64
}

const (
	field = 21 // bits of a total
	bias  = 1 << 19
	mask  = 1<<field - 1

	oneSuccess = 1
	oneFailure = 1 << field
	oneSlow    = 1 << (2 * field)

	none = bias * (oneSuccess + oneFailure + oneSlow) // the totals of an empty window
)

func newCallWindow(n int) *callWindow {
	w := &callWindow{slots: make([]atomic.Uint64, n)}
	w.totals.Store(none)
	return w
}

// How a call ended, in the lowest bits of its slot.
const (
	slotSuccess = 1 << iota
	slotFailure
	slotSlow

	slotBits = 3
	slotMask = 1<<slotBits - 1
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

// weight is what a slot's content adds to the totals.
func weight(slot uint64) uint64 {
	var w uint64
	if slot&slotSuccess != 0 {
		w += oneSuccess
	}
	if slot&slotFailure != 0 {
		w += oneFailure
	}
	if slot&slotSlow != 0 {
		w += oneSlow
	}
	return w
}

// record counts a call that ended as outcome says, in the place of the oldest,
// and returns the totals.
func (w *callWindow) record(outcome uint64) Counts {
	// A success more changes nothing where all are successes, and needs no number:
	// a service that is well costs no shared write.
	if outcome == slotSuccess && w.totals.Load() == none+uint64(len(w.slots))*oneSuccess {
		return Counts{Successes: int64(len(w.slots))}
	}
	number := w.next.Add(1)
	slot := &w.slots[(number-1)%uint64(len(w.slots))]
	old := slot.Load()
	for old>>slotBits < number && !slot.CompareAndSwap(old, number<<slotBits|outcome) {
		old = slot.Load()
	}
	if old>>slotBits > number {
		return w.counts() // so late that its place in the window has been taken
	}
	if difference := weight(outcome) - weight(old&slotMask); difference != 0 {
		return unpack(w.totals.Add(difference))
	}
	return w.counts()
}

// confirmed returns the totals of the calls that have been recorded among the
// last len(slots) numbers. It visits every slot.
func (w *callWindow) confirmed() Counts {
	newest := w.next.Load()
	var totals uint64 = none
	for i := range w.slots {
		word := w.slots[i].Load()
		number := word >> slotBits
		if number <= newest && number+uint64(len(w.slots)) > newest {
			totals += weight(word & slotMask)
		}
	}
	return unpack(totals)
}

func (w *callWindow) counts() Counts { return unpack(w.totals.Load()) }

func unpack(totals uint64) Counts {
	total := func(shift int) int64 { return max(0, int64(totals>>shift&mask)-bias) }
	return Counts{Successes: total(0), Failures: total(field), Slow: total(2 * field)}
}
