package throttle

import atomic "github.com/ductile-go/ductile/internal/atomicx"

// mood is what spares most calls a look at the window: while it is calm, no call is
// rejected, however much time passes. It turns tense when a request that was not accepted
// is counted, and calm again when a look finds that no such request matters any more.
//
// The word holds a kind and a ticket, which each look gets anew. A look takes the word from
// tense to looking, reads the window, and takes it to calm if it still stands as the look
// left it. A request that is counted meanwhile takes it to tense. Without a state of its
// own for the look, a request counted after the look had read the window and before it
// stored calm would stay unnoticed. Without the ticket, it would stay unnoticed if another
// look began in between.
type mood struct{ word atomic.Uint64 }

const (
	calm = iota // the zero mood
	looking
	tense
	kinds = 4
)

func (m *mood) calm() bool { return m.word.Load()%kinds == calm }

// worsen makes the mood tense. It must be called after the request has been counted: a look
// that begins later then finds it.
func (m *mood) worsen() {
	for w := m.word.Load(); w%kinds != tense; w = m.word.Load() {
		if m.word.CompareAndSwap(w, w-w%kinds+tense) {
			return
		}
	}
}

// look begins a look if the mood is tense, and returns its ticket for calmDown.
func (m *mood) look() (ticket uint64, ok bool) {
	w := m.word.Load()
	if w%kinds != tense {
		return 0, false // calm, or another goroutine looks
	}
	ticket = w - tense + kinds + looking
	return ticket, m.word.CompareAndSwap(w, ticket)
}

// calmDown ends a look that found nothing. It does nothing if a request was counted since.
func (m *mood) calmDown(ticket uint64) { m.word.CompareAndSwap(ticket, ticket-looking+calm) }

// stayTense ends a look that found something.
func (m *mood) stayTense(ticket uint64) { m.word.CompareAndSwap(ticket, ticket-looking+tense) }
