package linear

import (
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/policy"
)

// maxGuests is how many calls come to a gate in one history.
const maxGuests = 32

// gateFault is a mistake that a gate could make.
type gateFault string

const (
	barges          gateFault = "a newcomer takes a place while others wait"
	overfull        gateFault = "the queue takes one too many"
	displacesOldest gateFault = "the oldest of the lowest is displaced"
	keepsGrant      gateFault = "a caller who leaves keeps the place that it was granted"
	keepsLimit      gateFault = "SetLimit changes nothing"
	looksFirst      gateFault = "places are looked for in one step and taken in another"
	losesWakeUps    gateFault = "a release serves no waiter"
	alwaysIdle      gateFault = "a gate in use is idle"
)

// gateSpec is what a gate does, one operation at a time.
type gateSpec struct {
	cfg  bulkhead.Config
	held int // places that are out when the history begins, for all of it
	// The highs are the guests of a high priority.
	highs [maxGuests]bool
}

// guestStage is what has become of a call.
type guestStage uint8

const (
	absent guestStage = iota
	queued
	granted // from the queue, and its caller has yet to take the place
	inside
	turnedAway
	over
)

// gateState is a value that == can compare.
type gateState struct {
	limit, in          int
	stage              [maxGuests]guestStage
	queue              [maxGuests]int8 // the guests that wait, in the order in which they are served
	n                  int
	admitted, rejected int
	fault              gateFault // of a double; "" otherwise
}

func (sp gateSpec) begin() gateState {
	return gateState{limit: sp.cfg.Limit, in: sp.held, admitted: sp.held}
}

func (s *gateState) enter(id int) {
	s.in++
	s.admitted++
	s.stage[id] = inside
}

// arrive is a call that takes a place, joins the queue, or is refused.
func (sp gateSpec) arrive(s gateState, id int, waits bool) gateState {
	most := sp.cfg.MaxQueue
	if s.fault == overfull {
		most++
	}
	switch {
	case s.in < s.limit && (s.n == 0 || s.fault == barges):
		s.enter(id)
	case !waits || most == 0:
		s.stage[id] = turnedAway
	case s.n < most:
		s.join(sp, id)
	default:
		least := int(s.queue[s.n-1]) // the newest of the lowest: first come, first served within a priority
		if sp.highs[least] || !sp.highs[id] {
			s.stage[id] = turnedAway
			break
		}
		if s.fault == displacesOldest {
			for _, o := range s.queue[:s.n] {
				if !sp.highs[o] {
					least = int(o)
					break
				}
			}
		}
		s.remove(least)
		s.stage[least] = turnedAway
		s.join(sp, id)
	}
	return s
}

func (s *gateState) join(sp gateSpec, id int) {
	at := s.n
	for at > 0 && sp.highs[id] && !sp.highs[s.queue[at-1]] {
		at--
	}
	copy(s.queue[at+1:], s.queue[at:s.n])
	s.queue[at] = int8(id)
	s.n++
	s.stage[id] = queued
}

func (s *gateState) remove(id int) {
	at := slices.Index(s.queue[:s.n], int8(id))
	copy(s.queue[at:], s.queue[at+1:s.n])
	s.n--
	s.queue[s.n] = 0
}

// handOver gives free places to guests that wait.
func (s *gateState) handOver() {
	for s.n > 0 && s.in < s.limit {
		id := int(s.queue[0])
		s.remove(id)
		s.stage[id] = granted
		s.in++
	}
}

func (s gateState) release(id int) gateState {
	s.stage[id] = over
	s.in--
	s.handOver()
	return s
}

func (s gateState) setLimit(n int) gateState {
	if s.fault != keepsLimit {
		s.limit = n
	}
	s.handOver()
	return s
}

// accept is a caller that takes the place that it was granted.
func (s gateState) accept(id int) gateState {
	if s.stage[id] == granted {
		s.stage[id] = inside
		s.admitted++
	}
	return s
}

// leave is a caller whose context has ended while it waited.
func (s gateState) leave(id int) gateState {
	if s.stage[id] == queued {
		s.remove(id)
		s.stage[id] = over
		return s
	}
	if s.fault == keepsGrant {
		s.stage[id] = over
		return s
	}
	return s.release(id)
}

func (s gateState) snapshot() bulkhead.Snapshot {
	return bulkhead.Snapshot{
		Name: name, Limit: s.limit, InUse: s.in, Waiting: s.n, Admitted: int64(s.admitted), Rejected: int64(s.rejected),
	}
}

// gateKind is what an operation does. A call is two or three: it comes, it ends, and if
// it is refused that is counted.
type gateKind uint8

const (
	comes gateKind = iota
	ends
	counts
	releases
	limits
	looks
	asksIdle
)

type gateInput struct {
	kind  gateKind
	id    int // of a guest, or a limit
	waits bool
}

// gateEnd is how a call came back.
type gateEnd uint8

const (
	getsIn gateEnd = iota
	isFull
	hasLeft
)

type gateOutput struct {
	end  gateEnd
	seen bulkhead.Snapshot
	idle bool
}

// step reports whether an operation may have come out as it did in s, and the state
// after it.
func (sp gateSpec) step(s gateState, in gateInput, out gateOutput) (bool, gateState) {
	switch in.kind {
	case comes:
		return true, sp.arrive(s, in.id, in.waits)
	case ends:
		stage := s.stage[in.id]
		switch out.end {
		case getsIn:
			return stage == inside || stage == granted, s.accept(in.id)
		case isFull:
			return stage == turnedAway, s
		}
		if stage != queued && stage != granted {
			return false, s
		}
		return true, s.leave(in.id)
	case counts:
		s.rejected++
		return s.stage[in.id] == turnedAway, s
	case releases:
		return s.stage[in.id] == inside, s.release(in.id)
	case limits:
		return true, s.setLimit(in.id)
	case looks:
		return out.seen == s.snapshot(), s
	}
	return !out.idle || s.in == 0 && s.n == 0, s // false may be said of a gate that is in use before and after
}

func (sp gateSpec) model() porcupine.Model {
	return porcupine.Model{
		Init:              func() any { return sp.begin() },
		Step:              func(s, in, out any) (bool, any) { return sp.step(s.(gateState), in.(gateInput), out.(gateOutput)) },
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v: %+v", in, out) },
		DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s.(gateState).snapshot()) },
	}
}

// priority returns that of a guest.
func (sp gateSpec) priority(id int) policy.Priority {
	if sp.highs[id] {
		return policy.High
	}
	return policy.Normal
}
