package linear

import (
	"slices"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// fault is a mistake that a circuit could make.
type fault string

const (
	lateCounts  fault = "a late result counts for the state that is"
	overAdmits  fault = "places are looked for in one step and taken in another"
	losesUpdate fault = "two failures at once count as one"
	leaksPlace  fault = "an ignored probe keeps its place"
	tellsTwice  fault = "of two who open, both tell"
	forgets     fault = "a success does not end the row"
	movesLate   fault = "a failure moves the circuit after its Record has returned"
	tellsNew    fault = "what is told of a move is what the new state has counted"
	shrinks     fault = "Trip ends the growth of the recovery time"
)

var faults = []fault{lateCounts, overAdmits, losesUpdate, leaksPlace, tellsTwice, forgets, movesLate, tellsNew, shrinks}

// double is a circuit that does what the specification says, under a lock, but
// for its fault: it shows that the checker can fail.
type double struct {
	spec  spec
	clk   *jumpy
	fault fault

	mu   sync.Mutex
	s    state
	told []breaker.Transition
	late []int
}

func newDouble(cfg breaker.Config, clk *jumpy, f fault) subject {
	return &double{spec: spec{cfg}, clk: clk, fault: f}
}

// change does one step in one critical section.
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
	d.tell()
	return s
}

// tell notes what has been entered in the path, and empties it.
func (d *double) tell() {
	for _, e := range d.s.path[:d.s.moves] {
		if d.fault == tellsNew {
			e.counts = breaker.Counts{}
		}
		d.told = append(d.told, breaker.Transition{
			Name: name, From: e.from, To: e.to, At: start.Add(time.Duration(e.at)), Counts: e.counts,
		})
	}
	d.s.moves = 0
}

func (d *double) Acquire(id int) (admitted bool, by breaker.State) {
	if d.fault == overAdmits {
		seen := d.change(d.spec.look)
		d.clk.yield()
		if seen.state == breaker.HalfOpen && seen.out < d.spec.cfg.HalfOpenMaxCalls {
			d.change(func(s state) state {
				s.out++
				s.granted = s.now
				s.permits[id] = permit{held, seen.gen, s.round, s.now, false}
				return s
			})
			return true, 0
		}
	}
	d.change(func(s state) state {
		s, admitted = d.spec.acquire(s, id)
		by = s.state
		return s
	})
	return admitted, by
}

func (d *double) Record(id int, o policy.Outcome) {
	seen := d.change(func(s state) state { return s })
	d.clk.yield()
	d.change(func(s state) state {
		switch d.fault {
		case lateCounts:
			s.permits[id].gen = s.gen
		case losesUpdate:
			if s.gen == seen.gen {
				s.row, s.n, s.records = seen.row, seen.n, seen.records
			}
		}
		row := s.row
		s = d.spec.count(s, id, o)
		if d.fault == forgets && s.row == 0 {
			s.row = row
		}
		return s
	})
	d.clk.yield()
	if d.spec.judgesLater() {
		d.change(func(s state) state { return d.spec.judge(s, id) })
	}
	d.change(func(s state) state {
		gen := s.permits[id].gen
		if d.fault == leaksPlace && o == policy.Ignored {
			s.permits[id].gen = -1
		}
		if d.fault == movesLate {
			d.late = append(d.late, id)
			return s
		}
		if d.fault == tellsTwice && s.permits[id].stage == opening && gen == s.gen-1 && s.state == breaker.Open {
			s.path[s.moves] = entry{from: breaker.Closed, to: breaker.Open, at: s.now}
			s.moves++
		}
		return d.spec.move(s, id)
	})
}

func (d *double) State() breaker.State { return d.change(d.spec.look).state }

func (d *double) Snapshot() breaker.Snapshot {
	s := d.change(d.spec.look)
	return breaker.Snapshot{State: s.state, RetryAfter: d.spec.retryAfter(s), Counts: d.spec.counts(s)}
}

func (d *double) Isolate() {
	d.change(func(s state) state { return d.spec.force(s, breaker.Isolated, 0) })
}

func (d *double) Reset() {
	d.change(func(s state) state { return d.spec.force(s, breaker.Closed, 0) })
}

func (d *double) Trip(period time.Duration) {
	d.change(func(s state) state {
		if d.fault == shrinks {
			s.reopening = 0
		}
		return d.spec.force(s, breaker.Open, period)
	})
}

func (d *double) Told() []breaker.Transition {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.told)
}
