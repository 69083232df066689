package breaker

import (
	"math"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/policy"
)

// admission says which stay of the circuit in which state admitted a call.
type admission struct {
	recorded bool // an end has been reported
	gen      *generation
	started  int64 // on the circuit's clock, or unmeasured
	round    uint32
	free     bool // let through by a circuit in shadow: it counts for nothing
}

// unmeasured is the start of a call whose time does not matter.
const unmeasured = math.MinInt64

// report is how a call ended.
type report struct {
	outcome   policy.Outcome
	abandoned bool // Ignored because the caller left
	slow      bool
	read      bool
	now       int64 // on the circuit's clock, if read
	cause     error
}

// measure reads the clock for a report if the time of the call matters to the circuit,
// and returns that time.
func (a *admission) measure(r *report) (took time.Duration) {
	if a.started == unmeasured {
		return 0
	}
	r.now, r.read = a.gen.circuit.time.Now(), true
	took = time.Duration(r.now - a.started)
	r.slow = a.isSlow(took)
	return max(0, took) // a clock may have been set back
}

// isSlow reports whether the circuit counts a call that took so long as slow, by the
// rules in force when the call ends.
func (a *admission) isSlow(took time.Duration) bool {
	rules := a.gen.inForce()
	if rules == nil {
		rules = a.gen.rules
	}
	limit := rules.rare.SlowCall
	return limit > 0 && a.started != unmeasured && took >= limit
}

// record reports to the stay that admitted the call, and returns the generation that
// this moved the circuit to, or nil.
func (a *admission) record(r *report) *generation {
	a.recorded = true
	switch {
	case a.free:
		return nil
	case a.gen.state == Closed:
		return a.gen.recordClosed(r)
	case a.gen.state == HalfOpen:
		return a.recordProbe(r)
	}
	return nil
}

// recordLost, deferred, records a call whose end could not be reported, since the
// user's clock panicked. Its place goes back.
func (a *admission) recordLost() {
	if !a.recorded {
		a.record(&report{outcome: policy.Failure, cause: policy.ErrNoReturn})
	}
}

// recordProbe gives the probe's place back after its verdict: the other way round, the
// next probe could be let in by a circuit that has its verdict. By defer, since a
// function of the Config may end the goroutine.
func (a *admission) recordProbe(r *report) *generation {
	defer a.gen.shut.probation.release(a.round)
	return a.gen.recordProbe(r)
}

// Permit is the admission of one call, made by [Circuit.Acquire]. The zero Permit
// reports to no circuit. A Permit must not be copied, each copy could report; go vet
// finds copies. It may be used by several goroutines.
type Permit struct {
	_ noCopy
	admission
	// reported is taken by the first of several Records at the same time, so that one
	// admission counts once and gives one place back.
	reported atomic.Uint32
}

// noCopy makes go vet report copies of what has it as a field.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// Record reports how the call ended, and returns whether it was the first to do so:
// the first Record counts, from whichever goroutine, and later ones do nothing. An
// outcome that is neither Success nor Ignored, such as Undecided, is a Failure.
//
// An Ignored call that lasted for at least SlowCall counts as slow: its caller gave
// up on it. Record returns false for the zero Permit.
func (p *Permit) Record(o policy.Outcome) bool {
	if p.gen == nil || !p.reported.CompareAndSwap(0, 1) {
		return false
	}
	r := report{outcome: o, abandoned: true}
	p.measure(&r)
	p.record(&r)
	return true
}
