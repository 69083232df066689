package breaker

import atomic "github.com/ductile-go/ductile/internal/atomicx"

// probation is what a half-open state counts.
type probation struct {
	// word holds, from the top, 16 bits that count grants, 16 that number the round,
	// and 32 for the permits of that round that are out; see admit. That the first
	// two wrap does not matter: a caller would have to be held up for exactly so
	// many grants, or a permit for so many recovery timeouts.
	word    atomic.Uint64
	granted atomic.Int64 // when the last permit was
	// ended holds, in 32 bits each, the probes that were good and, above, those that
	// were bad: failed or slow. One word, so that of probes that end at once each sees
	// totals of its own, and the one that completes ProbeCalls sees all of them.
	ended atomic.Uint64
	// slow holds, in 32 bits each, the slow successes among them and, above, the slow
	// failures. Added after ended and read before it, so that no reader sees more
	// slow probes than bad ones.
	slow atomic.Uint64
}

const oneBad = 1 << 32

// end counts a probe that succeeded or failed and returns the totals.
func (p *probation) end(ok, slow bool) (good, bad int64) {
	n := uint64(1)
	if !ok || slow {
		n = oneBad
	}
	ended := p.ended.Add(n)
	switch {
	case slow && ok:
		p.slow.Add(1)
	case slow:
		p.slow.Add(oneBad)
	}
	return int64(uint32(ended)), int64(ended / oneBad)
}

// counts returns the totals.
func (p *probation) counts() Counts {
	slow := p.slow.Load()
	ended := p.ended.Load()
	slowSuccesses := int64(uint32(slow))
	return Counts{
		Successes: int64(uint32(ended)) + slowSuccesses,
		Failures:  int64(ended/oneBad) - slowSuccesses,
		Slow:      slowSuccesses + int64(slow/oneBad),
	}
}

// admit takes a permit of g, if one is left, and returns its round.
//
// When all permits have been out for as long as the rules have patience, the next
// caller begins a round with a fresh set: permits of an earlier round still report, but
// give nothing back. The time of a grant is raised before the word is swapped. The
// other way round, a caller between the two steps would leave the last permit out
// with the time of the one before it, and another could begin a round too soon.
//
// Grants are counted in the word so that a round is begun only from the very word
// that was found to be overdue. Without it, a permit that is given back and granted
// anew meanwhile leaves the word as it was, and the round would come on top of a
// probe that has only begun.
//
// The clock is read after the time of the last grant: a time before that is of a
// clock that has been set back, and not of a goroutine that was held up.
//
// A caller whose swap fails because a permit came back goes by the time that it found,
// not by the one that it has raised itself: nothing has been granted since.
func (p *probation) admit(g *generation) (round uint32, ok bool) {
	var found, raised int64
	var grants uint64
	for again := false; ; again = true {
		word, granted := p.word.Load(), p.granted.Load()
		if again && granted == raised && word/oneGrant == grants {
			granted = found
		}
		now := g.circuit.now()
		found, raised, grants = granted, now, word/oneGrant
		round, out := roundOf(word), uint32(word)
		taken := word + oneGrant + 1
		if int64(out) >= int64(g.rules.maxProbes) {
			if now >= granted && now-granted < int64(g.rules.patience()) {
				return 0, false
			}
			round = roundOf(word + oneRound)
			taken = (word+oneGrant)&^(oneGrant-1) | uint64(round)*oneRound | 1
		}
		if now < granted {
			p.granted.CompareAndSwap(granted, now)
		} else {
			raise(&p.granted, now)
		}
		if p.word.CompareAndSwap(word, taken) {
			return round, true
		}
	}
}

const (
	oneRound = 1 << 32
	oneGrant = 1 << 48
)

func roundOf(word uint64) uint32 { return uint32(uint16(word / oneRound)) }

// release gives a permit back, unless its round is over.
func (p *probation) release(round uint32) {
	for {
		word := p.word.Load()
		if roundOf(word) != round || uint32(word) == 0 {
			return
		}
		if p.word.CompareAndSwap(word, word-1) {
			return
		}
	}
}

// raise sets v to at least n.
func raise(v *atomic.Int64, n int64) {
	for {
		old := v.Load()
		if old >= n || v.CompareAndSwap(old, n) {
			return
		}
	}
}
