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
	due kind = iota // the first half of acquire and look: the move that time has brought
	acquire
	count // the first part of a Record
	judge // the second, where that is not at the same moment
	move  // the last
	look  // State, or the state that Snapshot shows
	isolate
	reset
	trip
	advance // of the clock, while nothing else runs
	settle  // Snapshot and the transitions, while nothing else runs
)

// input is an operation's.
type input struct {
	kind    kind
	id      int // of a permit
	outcome policy.Outcome
	d       time.Duration
	// rivals is how many other Acquires ran at the same time. Each may have held a
	// place, or the beginning of a round, that it did not keep.
	rivals int
}

// output is what an operation returned.
type output struct {
	admitted bool
	state    breaker.State
	after    time.Duration
	counts   breaker.Counts
	told     []breaker.Transition // since the last settle
}

// notAsked stands for what State does not tell and Snapshot does.
const notAsked = -1

// model is the specification as the checker wants it.
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

// step reports whether an operation may have come out as it did in s, and the
// state after it.
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
	case reset:
		return true, sp.force(s, breaker.Closed, 0)
	case trip:
		return true, sp.force(s, breaker.Open, in.d)
	case advance:
		s.now += int64(in.d)
		s.seen = seen{}.with(sp.counts(s))
		return true, s
	}
	s = sp.look(s)
	ok := out.state == s.state && out.after == sp.retryAfter(s) &&
		out.counts == sp.counts(s) && slices.EqualFunc(out.told, s.path[:s.moves], isTold)
	s.path, s.moves = [maxPath]entry{}, 0
	return ok, s
}

func (sp spec) stepAcquire(s state, in input, out output) (bool, state) {
	s = sp.look(s)
	next, admitted := sp.acquire(s, in.id)
	if admitted == out.admitted {
		return admitted || out.state == s.state, next
	}
	rivals := s.state == breaker.HalfOpen && in.rivals > 0 && s.out+in.rivals >= sp.cfg.HalfOpenMaxCalls
	return admitted && rivals && out.state == s.state, sp.refuse(s)
}

func (sp spec) retryAfter(s state) time.Duration {
	if s.state != breaker.Open {
		return 0
	}
	return time.Duration(s.until - s.now)
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
	case reset:
		return "Reset"
	case trip:
		return fmt.Sprintf("Trip(%v)", in.d)
	case advance:
		return fmt.Sprintf("%v pass", in.d)
	}
	return fmt.Sprintf("at rest: %v, %v, %+v, told %+v", out.state, out.after, out.counts, out.told)
}

// String is a state as a picture of a history shows it.
func (s state) String() string {
	parts := []string{
		fmt.Sprintf("%v, generation %d, at %v", s.state, s.gen, time.Duration(s.now)),
		fmt.Sprintf("row %d, window %d, probes %d of round %d", s.row, s.n, s.out, s.round),
	}
	for id, p := range s.permits {
		if p.stage > unknown && p.stage < done {
			parts = append(parts, fmt.Sprintf("permit %d: generation %d, stage %d", id, p.gen, p.stage))
		}
	}
	return strings.Join(parts, "\n")
}
