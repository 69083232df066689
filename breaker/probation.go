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
	// ended is a probesEnded. One word, so that of probes that end at once each sees
	// totals of its own, and the one that completes ProbeCalls sees all of them.
	ended atomic.Uint64
	// slowFailures is how many of the failures were slow. It is for Counts alone: no
	// verdict looks at it, and a reader may see such a failure before it is slow.
	slowFailures atomic.Int64
}

// probesEnded is how many probes ended in which way, in three fields of 21 bits: from
// the bottom the good ones, those that succeeded slowly, and those that failed. A verdict
// comes after at most maxProbes of them, so no field overflows before it.
type probesEnded uint64

const (
	oneGood = 1 << (21 * iota)
	oneSlowSuccess
	oneFailedProbe

	probeField = oneSlowSuccess - 1

	// maxProbes is how many probes a verdict may need.
	maxProbes = 1 << 20
)

func (e probesEnded) good() int64          { return int64(e & probeField) }
func (e probesEnded) slowSuccesses() int64 { return int64(e / oneSlowSuccess & probeField) }
func (e probesEnded) failed() int64        { return int64(e / oneFailedProbe & probeField) }

// bad returns how many were failed or slow.
func (e probesEnded) bad() int64 { return e.slowSuccesses() + e.failed() }

// end counts a probe that succeeded or failed and returns the totals.
func (p *probation) end(ok, slow bool) probesEnded {
	var one uint64
	switch {
	case ok && !slow:
		one = oneGood
	case ok:
		one = oneSlowSuccess
	default:
		one = oneFailedProbe
	}
	ended := probesEnded(p.ended.Add(one))
	if slow && !ok {
		p.slowFailures.Add(1)
	}
	return ended
}

// counts returns the totals. The slow failures are read first: a failure that comes in
// between is then not slow yet, rather than slow and not there.
func (p *probation) counts() Counts {
	slowFailures := p.slowFailures.Load()
	ended := probesEnded(p.ended.Load())
	return Counts{
		Successes: ended.good() + ended.slowSuccesses(),
		Failures:  ended.failed(),
		Slow:      ended.slowSuccesses() + slowFailures,
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
// The rules are read after the word, anew each time: the permit is taken only from that
// word, so it was there to be taken under these rules. Rules read before could be those
// of a Reconfigure ago, and let in more probes than the circuit has places by now.
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
		rules := g.inForce()
		if rules == nil {
			rules = g.rules // the stay is over, as the caller will see
		}
		now := g.circuit.time.Now()
		found, raised, grants = granted, now, word/oneGrant
		round, out := roundOf(word), uint32(word)
		taken := word + oneGrant + 1
		if int64(out) >= int64(rules.maxProbes) {
			if now >= granted && now-granted < int64(rules.patience()) {
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
