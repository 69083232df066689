package storm

import (
	"fmt"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// settle compares the counts of the circuit with this account when no call is running.
//
// If callers share the pipeline, each call that ran while the circuit moved may have been
// counted by a state after its transition was made.
func (t *tally) settle(s *scene) (faults []string) {
	alone, now := s.alone, s.now()
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("circuit %s: ", t.circuit.Name())+fmt.Sprintf(format, args...))
	}
	snap := t.circuit.Snapshot()
	if snap.State != t.state {
		fault("the last move reported is to %v, and it is %v", t.state, snap.State)
	}
	loose := t.loose()
	want := t.counts(now)
	if rejected := want.Rejected; t.state == breaker.Open { // it shows what opened it
		want = t.opened
		want.Rejected = rejected
	}
	if alone && !loose && snap.Counts != want {
		fault("%v has counted %+v, want %+v", snap.State, snap.Counts, want)
	}
	if t.told != 0 || t.reconfigured != 0 {
		fault("Watch did not report %d moves and %d Reconfigures", t.told, t.reconfigured)
	}
	if snap.State == breaker.Open {
		snap.Counts = breaker.Counts{Rejected: snap.Counts.Rejected}
	}
	t.count(snap.Counts)
	unseen := t.mostIn * int64(t.stay)
	if alone {
		unseen = 0
	}
	if missing := t.refused - t.counted.Rejected; !loose && (missing < 0 || missing > unseen) {
		fault("counted %d refusals, and %d calls were refused", t.counted.Rejected, t.refused)
	}
	if loose && t.refused != 0 {
		fault("%d calls were refused in shadow", t.refused)
	}
	if !t.deaf && s.hears(policy.Rejected) && t.heard != t.refused {
		fault("%d refusals were told, and %d calls were refused", t.heard, t.refused)
	}
	if !t.deaf && s.hears(policy.StateChanged) && t.changes != t.caused {
		fault("%d changes of state were told by calls, and calls caused %d", t.changes, t.caused)
	}
	if alone {
		return faults // state by state, above
	}
	sum := t.counted.Successes + t.counted.Failures + t.counted.Ignored
	if missing := t.runs - sum; t.keeps() && !loose && (missing < 0 || missing > unseen) {
		fault("counted %d runs as %+v, and there were %d", sum, t.counted, t.runs)
	}
	return faults
}
