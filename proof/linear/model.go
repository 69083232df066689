package linear

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// kind is what an operation does.
type kind uint8

const (
	due kind = iota // the first part of acquire and look: the move of an open circuit whose time has elapsed
	acquire
	count // the first part of a Record
	judge // the second, where that is not at the same moment
	move  // the last
	look  // State, or the state that Snapshot shows
	isolate
	resets
	trip
	reconfigures
	advance // of the clock, while nothing else runs
	settle  // Snapshot and the transitions, while nothing else runs
)

// input is what an operation was called with.
type input struct {
	kind    kind
	id      int // of a permit, or of a config
	outcome policy.Outcome
	d       time.Duration
	// rivals is how many other Acquires ran at the same time. Each may have taken a permit,
	// or the start of a round, that it did not keep.
	rivals int
}

// output is what an operation returned.
type output struct {
	admitted bool
	free     bool // admitted in shadow without a permit
	state    breaker.State
	after    time.Duration
	rest     rest
}

// rest is what a Snapshot and the listeners show while nothing runs.
type rest struct {
	counts breaker.Counts
	reason string
	since  time.Time
	shadow bool
	told   []breaker.Transition // by Watch, since the last rest
	moves  []breaker.Transition // by OnStateChange
}

// notAsked is the after of State, which returns no RetryAfter.
const notAsked = -1

// model returns the specification in the form that the checker needs.
func (sp spec) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{} },
		Step: func(s, in, out any) (bool, any) {
			ok, next := sp.step(s.(state), in.(input), out.(output))
			next.seen = next.seen.with(sp.counts(next))
			return ok, next
		},
		DescribeOperation: func(in, out any) string { return describe(in.(input), out.(output)) },
		DescribeState:     func(s any) string { return s.(state).String() },
	}
}

// step reports whether an operation may return out in state s, and returns the state after
// it.
func (sp spec) step(s state, in input, out output) (bool, state) {
	switch in.kind {
	case due:
		return true, sp.look(s)
	case acquire:
		return sp.stepAcquire(s, in, out)
	case count:
		return s.permits[in.id].stage == held, sp.count(s, in.id, in.outcome)
	case move:
		stage := s.permits[in.id].stage
		return stage > counted && stage < done, sp.move(s, in.id)
	case judge:
		return s.permits[in.id].stage > held, sp.judge(s, in.id)
	case look:
		s = sp.look(s)
		return out.state == s.state && (out.after == notAsked || out.after == sp.retryAfter(s)), s
	case isolate:
		return true, sp.force(s, breaker.Isolated, 0)
	case resets:
		return true, sp.force(s, breaker.Closed, 0)
	case trip:
		return true, sp.force(s, breaker.Open, in.d)
	case reconfigures:
		return true, sp.reconfigure(s, in.id)
	case advance:
		s.now += int64(in.d)
		s.seen = seen{}.with(sp.counts(s))
		return true, s
	}
	return sp.stepSettle(sp.look(s), out)
}

func (sp spec) stepAcquire(s state, in input, out output) (bool, state) {
	s = sp.look(s)
	next, admitted := sp.acquire(s, in.id)
	free := admitted && next.permits[in.id].free
	if admitted == out.admitted && free == out.free {
		return admitted || out.state == s.state, next
	}
	refused, letThrough := sp.refuse(s, in.id)
	rivals := s.state == breaker.HalfOpen && in.rivals > 0 && s.out+in.rivals >= sp.cfg(s).HalfOpenMaxCalls
	return admitted && !free && rivals && out.admitted == letThrough && (out.admitted || out.state == s.state), refused
}

// stepSettle compares everything that can be seen.
func (sp spec) stepSettle(s state, out output) (bool, state) {
	counts := sp.counts(s)
	same := out.rest.counts == counts
	if s.state == breaker.Open {
		same = out.rest.counts.Rejected == counts.Rejected && s.shows(out.rest.counts)
		s.opened = seen{}.with(out.rest.counts) // from now on it stays
	}
	ok := same && out.state == s.state && out.after == sp.retryAfter(s) && out.rest.shadow == sp.cfg(s).Shadow &&
		reasons[s.why] == out.rest.reason && out.rest.since.Equal(start.Add(time.Duration(s.entered))) &&
		slices.EqualFunc(out.rest.told, s.path[:s.moves], isTold) &&
		slices.Equal(out.rest.moves, slices.DeleteFunc(slices.Clone(out.rest.told), isReconfigured))
	s.path, s.moves = [maxPath]entry{}, 0
	return ok, s
}

// shows reports whether an open state may show c, apart from Rejected.
func (s state) shows(c breaker.Counts) bool {
	c.Rejected = 0
	opened := s.opened
	opened[4] |= 1
	return opened.with(c) == opened
}

func isReconfigured(t breaker.Transition) bool { return t.From == t.To }

// isTold reports whether t is the transition of e. It has no cause, since the calls of a
// history have no errors.
func isTold(t breaker.Transition, e entry) bool {
	return t.Name == name && t.From == e.from && t.To == e.to && t.At.Equal(start.Add(time.Duration(e.at))) &&
		t.Cause == nil && reasons[e.why] == t.Reason && t.Shadow == e.shadow && e.seen.with(t.Counts) == e.seen
}

func describe(in input, out output) string {
	switch in.kind {
	case due:
		return "looks"
	case acquire:
		if out.admitted {
			return fmt.Sprintf("Acquire: %d admitted", in.id)
		}
		return fmt.Sprintf("Acquire: %d refused, %v", in.id, out.state)
	case count:
		return fmt.Sprintf("Record(%d, %v): counts", in.id, in.outcome)
	case judge:
		return fmt.Sprintf("Record(%d): judges", in.id)
	case move:
		return fmt.Sprintf("Record(%d): moves", in.id)
	case look:
		return fmt.Sprintf("State: %v, %v", out.state, out.after)
	case isolate:
		return "Isolate"
	case resets:
		return "Reset"
	case trip:
		return fmt.Sprintf("Trip(%v)", in.d)
	case reconfigures:
		return fmt.Sprintf("Reconfigure: config %d", in.id)
	case advance:
		return fmt.Sprintf("%v pass", in.d)
	}
	return fmt.Sprintf("at rest: %v, %v, %+v", out.state, out.after, out.rest)
}

// String returns a state as the picture of a history shows it.
func (s state) String() string {
	parts := []string{
		fmt.Sprintf("%v, %q, stay %d, config %d, at %v", s.state, reasons[s.why], s.gen, s.cfg, time.Duration(s.now)),
		fmt.Sprintf("row %d, window %d, probes %d of round %d, %d passed", s.row, s.n, s.out, s.round, s.passed),
	}
	for id, p := range s.permits {
		if p.stage > unknown && p.stage < done {
			parts = append(parts, fmt.Sprintf("permit %d: stay %d, stage %d", id, p.gen, p.stage))
		}
	}
	return strings.Join(parts, "\n")
}
