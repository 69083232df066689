package linear

import (
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// fault is a mistake that a circuit could have.
type fault string

const (
	lateCounts  fault = "a late result counts for the current state"
	overAdmits  fault = "permits are looked for in one step and taken in another"
	losesUpdate fault = "two failures at once count as one"
	leaksPlace  fault = "an ignored probe keeps its permit"
	tellsTwice  fault = "of two calls that open the circuit, both report the move"
	forgets     fault = "a success does not reset the row"
	movesLate   fault = "a failure moves the circuit after its Record has returned"
	tellsNew    fault = "a transition has the counts of the new state"
	shrinks     fault = "Trip ends the growth of the recovery timeout"
	forgetsAll  fault = "Reconfigure resets the row"
	reclocks    fault = "Reconfigure restarts the recovery timeout"
	hides       fault = "Reconfigure is not reported"
	refuses     fault = "a circuit in shadow refuses"
	admitsAll   fault = "a circuit in shadow lets calls through that Trip refuses"
	hopes       fault = "half-open waits for a verdict for ever"
	grows       fault = "no verdict makes the recovery timeout grow"
	hasty       fault = "the first of ProbeCalls probes decides"
	countsTwice fault = "of two Records of one permit, both count"
	invents     fault = "a caller that is held judges a window as full when it is not"
	impatient   fault = "a new round of permits begins before a second has passed"
	losesTrip   fault = "a verdict is lost if Reconfigure comes before its move"
	oldPlaces   fault = "permits are granted by the config before a Reconfigure"
	oldVerdict  fault = "a probe is judged by the config that was in force before it was counted"
	oldRow      fault = "a call of an earlier row counts in a later one"
	blames      fault = "slow probes reopen with the reason of failed ones"
)

var faults = []fault{
	lateCounts, overAdmits, losesUpdate, leaksPlace, tellsTwice, forgets, movesLate, tellsNew, shrinks, forgetsAll,
	reclocks, hides, refuses, admitsAll, hopes, grows, hasty, countsTwice, invents, impatient, losesTrip, oldPlaces,
	oldVerdict, oldRow, blames,
}

// double is a circuit that does what the specification says, under a lock, except for its
// fault. It shows that the checker can fail.
type double struct {
	spec  spec
	clk   *jumpy
	fault fault

	mu    sync.Mutex
	s     state
	told  []breaker.Transition
	late  []int
	place [maxPermits]int  // in the window, of what a permit recorded
	under [maxPermits]int  // the config in force when its verdict was reached, or before
	begun [maxPermits]bool // permits whose first Record has begun
}

func newDouble(cfgs []breaker.Config, clk *jumpy, f fault) subject {
	return &double{spec: spec{cfgs}, clk: clk, fault: f}
}

// change makes one step in one critical section.
func (d *double) change(do func(s state) state) state {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.s.now = int64(d.clk.Clock.Now().Sub(start))
	late := d.late
	d.late = nil
	s := do(d.s)
	d.s = s
	for _, id := range late {
		d.s = d.spec.move(d.s, id)
	}
	d.report()
	return s
}

// report moves the entries of the path to the transitions that Watch has reported.
func (d *double) report() {
	for _, e := range d.s.path[:d.s.moves] {
		if d.fault == tellsNew {
			e.counts = [5]uint8{}
		}
		if d.fault == hides && e.from == e.to {
			continue
		}
		n := func(i int) int64 { return int64(e.counts[i]) }
		d.told = append(d.told, breaker.Transition{
			Name: name, From: e.from, To: e.to, At: start.Add(time.Duration(e.at)),
			Counts: breaker.Counts{Successes: n(0), Failures: n(1), Slow: n(2), Ignored: n(3), Rejected: n(4)},
			Reason: reasons[e.why], Shadow: e.shadow,
		})
	}
	d.s.moves = 0
}

func (d *double) Acquire(id int) (admitted, free bool, by breaker.State) {
	if d.fault == oldPlaces {
		return d.acquireByOld(id)
	}
	if d.fault == overAdmits {
		seen := d.change(d.spec.look)
		d.clk.yield()
		if seen.state == breaker.HalfOpen && seen.out < d.spec.cfg(seen).HalfOpenMaxCalls {
			d.change(func(s state) state {
				s.out++
				s.granted = s.now
				s.permits[id] = permit{stage: held, gen: seen.gen, round: s.round, at: s.now}
				return s
			})
			return true, false, 0
		}
	}
	d.change(func(s state) state {
		s, admitted, by = d.acquire(s, id)
		free = admitted && s.permits[id].free
		return s
	})
	return admitted, free, by
}

// acquireByOld is Acquire by the config that was in force a moment before.
func (d *double) acquireByOld(id int) (admitted, free bool, by breaker.State) {
	old := d.change(d.spec.look).cfg
	d.clk.yield()
	d.change(func(s state) state {
		cfg := s.cfg
		if s.cfg = old; s.state != breaker.HalfOpen {
			s.cfg = cfg
		}
		s, admitted = d.spec.acquire(s, id)
		by, free, s.cfg = s.state, admitted && s.permits[id].free, cfg
		return s
	})
	return admitted, free, by
}

func (d *double) acquire(s state, id int) (_ state, admitted bool, by breaker.State) {
	s = d.spec.look(s)
	switch {
	case d.fault == refuses && d.spec.cfg(s).Shadow && s.state == breaker.Open:
		s.rejected++
		return s, false, s.state
	case d.fault == admitsAll && d.spec.cfg(s).Shadow && s.state == breaker.Open && s.forced:
		s.rejected++
		s.permits[id] = permit{stage: held, free: true}
		return s, true, 0
	case d.fault == impatient && s.state == breaker.HalfOpen && s.now-s.granted >= int64(d.spec.cfg(s).RecoveryTimeout):
		s.granted = s.now - int64(time.Hour)
	}
	s, admitted = d.spec.acquire(s, id)
	return s, admitted, s.state
}

func (d *double) Record(id int, o policy.Outcome) bool {
	seen, taken := d.begin(id)
	if taken && d.fault != countsTwice {
		return false
	}
	d.clk.yield()
	d.change(func(s state) state { return d.count(s, seen, id, o) })
	d.clk.yield()
	if d.spec.judgesApart() {
		d.change(func(s state) state { return d.judge(s, id) })
		d.clk.yield()
	}
	d.change(func(s state) state { return d.move(s, seen, id) })
	return true
}

// begin marks permit id as reported, and returns the state before and whether it was marked
// already.
func (d *double) begin(id int) (seen state, taken bool) {
	seen = d.change(func(s state) state { return s })
	d.mu.Lock()
	defer d.mu.Unlock()
	taken = d.begun[id]
	d.begun[id] = true
	return seen, taken
}

func (d *double) count(s, seen state, id int, o policy.Outcome) state {
	switch d.fault {
	case lateCounts:
		s.permits[id].gen = s.gen
	case oldRow:
		if !d.spec.windowed(s) && s.permits[id].gen == s.gen {
			s.permits[id].shape = s.shape
		}
	case losesUpdate:
		if s.gen == seen.gen {
			s.row, s.n, s.records = seen.row, seen.n, seen.records
		}
	}
	row, ended := s.row, s.successes+s.failures
	s = d.spec.count(s, id, o)
	p := &s.permits[id]
	switch {
	case d.fault == forgets && s.row == 0:
		s.row = row
	case d.fault == hopes && p.why == noVerdict:
		p.stage = judged
	case d.fault == blames && p.why == probeSlow:
		p.why = probeFailed
	case d.fault == hasty && s.successes+s.failures > ended && d.spec.cfg(s).ProbeCalls > 0:
		if p.stage = closing; p.bad {
			p.stage = opening
		}
	}
	d.place[id] = s.n
	if d.under[id] = s.cfg; d.fault == oldVerdict {
		d.under[id] = seen.cfg
	}
	return s
}

func (d *double) judge(s state, id int) state {
	cfg := s.cfg
	if d.fault == oldVerdict && s.state == breaker.HalfOpen {
		s.cfg = d.under[id]
	}
	s = d.spec.judge(s, id)
	d.under[id], s.cfg = cfg, cfg
	if p := &s.permits[id]; d.fault == blames && p.why == probeSlow {
		p.why = probeFailed
	}
	if d.fault == hopes && s.permits[id].why == noVerdict {
		s.permits[id].stage = judged
	}
	return s
}

func (d *double) move(s, _ state, id int) state {
	p := &s.permits[id]
	gen := p.gen
	if d.fault == leaksPlace && s.state == breaker.HalfOpen && p.totals[2] > 0 && p.stage == judged {
		p.gen = 255
	}
	if d.fault == losesTrip && d.under[id] != s.cfg {
		p.stage = judged
	}
	if d.fault == movesLate {
		d.late = append(d.late, id)
		return s
	}
	if d.fault == invents && p.gen == s.gen && s.n-d.place[id] >= 1 && s.n < d.spec.cfg(s).WindowCalls {
		p.stage = judged // as if the rest of the window were successes
	}
	if d.fault == tellsTwice && p.stage == opening && gen == s.gen-1 && s.state == breaker.Open {
		s.path[s.moves] = entryOf(s, breaker.Open, breaker.Counts{}, failures, false)
		s.path[s.moves].from = breaker.Closed
		s.moves++
	}
	verdict := p.why
	s = d.spec.move(s, id)
	if d.fault == grows && verdict == noVerdict && s.gen != gen && s.why == noVerdict {
		s.until += d.spec.recovery(s)
	}
	return s
}

func (d *double) State() breaker.State { return d.change(d.spec.look).state }

func (d *double) Snapshot() breaker.Snapshot {
	s := d.change(d.spec.look)
	snap := breaker.Snapshot{
		State: s.state, RetryAfter: d.spec.retryAfter(s), Counts: d.spec.counts(s), Reason: reasons[s.why],
		Since: start.Add(time.Duration(s.entered)), Shadow: d.spec.cfg(s).Shadow,
	}
	if s.state == breaker.Open {
		snap.Counts = s.opened.least()
		snap.Counts.Rejected = int64(s.rejected)
	}
	return snap
}

func (d *double) Isolate(string) {
	d.change(func(s state) state { return d.spec.force(s, breaker.Isolated, 0) })
}

func (d *double) Reset() {
	d.change(func(s state) state { return d.spec.force(s, breaker.Closed, 0) })
}

func (d *double) Trip(period time.Duration, _ string) {
	d.change(func(s state) state {
		if d.fault == shrinks {
			s.reopening = 0
		}
		return d.spec.force(s, breaker.Open, period)
	})
}

func (d *double) Reconfigure(k int) {
	d.change(func(s state) state {
		was := s.cfg
		s = d.spec.reconfigure(s, k)
		switch {
		case s.cfg == was:
		case d.fault == forgetsAll:
			s.row = 0
		case d.fault == reclocks && s.state == breaker.Open:
			s.entered = s.now
			s = d.spec.withEnd(s)
		}
		return s
	})
}

func (d *double) Told() (watched, moves []breaker.Transition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.told), slices.DeleteFunc(slices.Clone(d.told), isReconfigured)
}

// least returns the smallest counts in v.
func (v seen) least() breaker.Counts {
	n := func(i int) int64 { return int64(bits.TrailingZeros32(v[i])) }
	return breaker.Counts{Successes: n(0), Failures: n(1), Slow: n(2), Ignored: n(3)}
}
