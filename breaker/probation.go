package breaker

import atomic "github.com/ductile-go/ductile/internal/atomicx"

// probation counts the probes of a half-open state.
type probation struct {
	// permits is a permitWord: how many permits are out, and of which round.
	permits atomic.Uint64
	granted atomic.Int64 // when the last permit was
	// ended is a probeTotals. It is one word, so that each of several probes that end
	// concurrently sees different totals, and the one that completes ProbeCalls sees all.
	ended atomic.Uint64
	// slowFailures is how many of the failures were slow. Only Counts shows it; no verdict
	// uses it. So a reader may see such a failure before it sees that it was slow.
	slowFailures atomic.Int64
}

// permitWord says which permits of a half-open state are out.
//
//	 63        48 47        32 31                    0
//	+------------+------------+-----------------------+
//	|   grants   |   round    |   out in this round   |
//	+------------+------------+-----------------------+
//
// Grants and rounds wrap. That does no harm: a goroutine would have to be descheduled for
// exactly 65,536 grants, or a permit be out for as many recovery timeouts.
type permitWord uint64

const (
	oneRound permitWord = 1 << 32
	oneGrant permitWord = 1 << 48
)

func (w permitWord) out() uint32        { return uint32(w) }
func (w permitWord) round() uint16      { return uint16(w / oneRound) }
func (w permitWord) grants() permitWord { return w / oneGrant }

// newRound returns w with the first permit of a new round out.
func (w permitWord) newRound() permitWord {
	round := permitWord((w + oneRound).round())
	return (w+oneGrant)&^(oneGrant-1) | round*oneRound | 1
}

// probeTotals is how many probes ended in which way.
//
//	 62          42 41          21 20           0
//	+--------------+--------------+--------------+
//	|    failed    | slow success |     good     |
//	+--------------+--------------+--------------+
//
// A verdict comes after at most maxProbeCalls probes, so no field overflows before it.
type probeTotals uint64

const (
	oneGood probeTotals = 1 << (21 * iota)
	oneSlowSuccess
	oneFailed

	probeField = oneSlowSuccess - 1

	// maxProbeCalls is how many probes a verdict may need.
	maxProbeCalls = 1 << 20
)

func (t probeTotals) good() int64          { return int64(t & probeField) }
func (t probeTotals) slowSuccesses() int64 { return int64(t / oneSlowSuccess & probeField) }
func (t probeTotals) failed() int64        { return int64(t / oneFailed & probeField) }

// bad returns how many failed or were slow.
func (t probeTotals) bad() int64 { return t.slowSuccesses() + t.failed() }

// count counts a probe that succeeded or failed and returns the totals.
func (p *probation) count(ok, slow bool) probeTotals {
	one := oneFailed
	switch {
	case ok && !slow:
		one = oneGood
	case ok:
		one = oneSlowSuccess
	}
	ended := probeTotals(p.ended.Add(uint64(one)))
	if slow && !ok {
		p.slowFailures.Add(1)
	}
	return ended
}

// counts returns the totals. It reads the slow failures first. In the other order, it could
// return more slow failures than failures.
func (p *probation) counts() Counts {
	slowFailures := p.slowFailures.Load()
	ended := probeTotals(p.ended.Load())
	return Counts{
		Successes: ended.good() + ended.slowSuccesses(),
		Failures:  ended.failed(),
		Slow:      ended.slowSuccesses() + slowFailures,
	}
}

// take takes a permit of g, if one is left, and returns its round.
//
// When all permits have been out for as long as the rules have patience, the next caller
// begins a round with a fresh set. Permits of an earlier round still count when they
// report, but are not given back. The time of the grant is raised before the word is
// swapped. In the other order, a goroutine between the two steps would see the last permit
// out with the time of the one before it, and begin a round too soon.
//
// The word counts grants so that a round begins only if nothing was granted since the word
// was found overdue. Without that count, a permit that is given back and granted again leaves
// the word unchanged, and the new round would start beside a probe that has only just begun.
//
// The clock is read after the time of the last grant. A reading before that time is of a
// clock that was set back, and not of a goroutine that was descheduled.
//
// The rules are read after the word, in each iteration. The swap succeeds only if the word has
// not changed, so the permit was available under these rules. With older rules, more probes
// could be admitted than a Reconfigure allows.
//
// If the swap fails because a permit was given back, the next iteration uses the time of the
// last grant that it had found, and not the time that it has stored itself: nothing was
// granted in between.
func (p *probation) take(g *generation) (round uint16, ok bool) {
	var found, raised int64
	var grants permitWord
	for again := false; ; again = true {
		old, last := permitWord(p.permits.Load()), p.granted.Load()
		granted := last
		if again && granted == raised && old.grants() == grants {
			granted = found
		}
		rules := g.inForce()
		if rules == nil {
			rules = g.rules // the stay is over, as the caller will see
		}
		now := g.circuit.time.Now()
		found, raised, grants = granted, now, old.grants()
		taken := old + oneGrant + 1
		if int64(old.out()) >= int64(rules.maxProbes) {
			if now >= granted && uint64(now-granted) < uint64(rules.patience()) { // the difference may exceed an int64
				return 0, false
			}
			taken = old.newRound()
		}
		if now < granted {
			p.granted.CompareAndSwap(granted, now)
		} else {
			raise(&p.granted, last, now)
		}
		if p.permits.CompareAndSwap(uint64(old), uint64(taken)) {
			return taken.round(), true
		}
	}
}

// giveBack gives a permit back, unless its round is over. It never makes fewer than none
// out, as two reports by copies of one permit could.
func (p *probation) giveBack(round uint16) {
	for {
		old := permitWord(p.permits.Load())
		if old.round() != round || old.out() == 0 || p.permits.CompareAndSwap(uint64(old), uint64(old-1)) {
			return
		}
	}
}

// raise sets v to at least n, unless v is less than from, which it was before: then a clock
// was set back meanwhile, and n is a time that is still to come.
func raise(v *atomic.Int64, from, n int64) {
	for {
		old := v.Load()
		if old >= n || old < from || v.CompareAndSwap(old, n) {
			return
		}
	}
}
