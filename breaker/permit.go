package breaker

import (
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// Permit is the admission of one call, made by [Circuit.Acquire]. The zero Permit reports
// to no circuit. A Permit must not be copied, since each copy could report; go vet finds
// copies. It is safe for concurrent use.
type Permit struct {
	_ noCopy
	admission
	// reported is taken by the first of several Records at the same time, so that one
	// admission counts once and gives one permit back.
	reported atomic.Uint32
}

// noCopy makes go vet report copies of structs that contain it.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// Record reports how the call ended. The first Record counts and returns true, whatever
// goroutine calls it. Later ones do nothing and return false, as does Record of the zero
// Permit. An outcome other than Success and Ignored, such as Undecided, is a Failure.
//
// An Ignored call that lasted for at least SlowCall counts as slow: its caller gave up. An
// Ignored probe decides nothing, however long it lasted.
//
// Record emits no event, since an event belongs to a call of a pipeline. Functions given to
// OnStateChange and [Circuit.Watch] are called.
func (p *Permit) Record(o policy.Outcome) bool {
	if p.gen == nil || !p.reported.CompareAndSwap(0, 1) {
		return false
	}
	r := report{outcome: o, abandoned: true}
	defer p.endIfLost() // if the user's clock panics
	p.measure(&r)
	p.end(&r)
	return true
}

// admission is the right to report the end of one call, to the stay that admitted it.
type admission struct {
	ended   bool // the end has been reported
	gen     *generation
	started int64  // on the circuit's time, or unmeasured
	round   uint16 // of a half-open state's permits
	free    bool   // admitted by a circuit in shadow that would refuse: it does not count
}

// unmeasured is the start of a call whose duration does not matter.
const unmeasured = math.MinInt64

// measure reads the clock for a report if the duration of the call matters to the circuit,
// and returns the duration.
func (a *admission) measure(r *report) (took time.Duration) {
	if a.started == unmeasured {
		return 0
	}
	r.now, r.read = a.gen.circuit.time.Now(), true
	took = time.Duration(r.now - a.started)
	r.slow = a.isSlow(took)
	return max(0, took) // the clock may have been set back
}

// isSlow reports whether a call that took so long is slow by the rules in force now.
func (a *admission) isSlow(took time.Duration) bool {
	rules := a.gen.inForce()
	if rules == nil {
		rules = a.gen.rules
	}
	limit := rules.cold.SlowCall
	return limit > 0 && took >= limit
}

// end counts the call in the stay that admitted it. It returns the generation that the call
// moved the circuit to, or nil.
func (a *admission) end(r *report) *generation {
	a.ended = true
	switch {
	case a.free:
		return nil
	case a.gen.state == Closed:
		return a.gen.countClosed(r)
	case a.gen.state == HalfOpen:
		return a.endProbe(r)
	}
	return nil
}

// endIfLost, deferred, counts a call whose end was not reported because the user's clock
// panicked, so that its permit is given back.
func (a *admission) endIfLost() {
	if !a.ended {
		a.end(&report{outcome: policy.Failure, cause: policy.ErrNoReturn})
	}
}

// endProbe gives the permit back after the probe was counted. In the other order, a circuit
// that has its verdict could admit another probe. It is deferred since a function of the
// Config may call runtime.Goexit.
func (a *admission) endProbe(r *report) *generation {
	defer a.gen.shut.probation.giveBack(a.round)
	return a.gen.countProbe(r)
}
