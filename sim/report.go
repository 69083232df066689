package sim

import (
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// Report is what a run showed. It is not changed after Run has returned it.
type Report struct {
	Scenario    Scenario      // as it ran, with its defaults
	Results     []*Result     // one a variant, in their order
	Checks      []Check       // of each condition of each expectation, for each variant
	Interrupted time.Duration // the virtual time that all variants had reached when the run was interrupted; 0 if it was not

	atOnce bool // the run was interrupted before a variant had moved, so Interrupted is 0
}

// interrupted returns how much of the run was simulated, 0 for all of it. A run of which
// nothing was is taken for the shortest there is.
func (r *Report) interrupted() time.Duration {
	if r.atOnce {
		return 1
	}
	return r.Interrupted
}

// Result returns the result of a variant, or nil if there is none of that name.
func (r *Report) Result(variant string) *Result {
	for _, x := range r.Results {
		if x.Variant == variant {
			return x
		}
	}
	return nil
}

// Result is what one variant showed.
//
// Recovery is the time from the end of the last fault until calls succeed as before for the
// rest of the run: in each later stretch of a second, in steps of a tenth, the share of
// calls that succeed is that before the faults, less 1 % and less what chance explains
// (three standard deviations for that number of calls). It is negative if the faults last to
// the end, or if calls do not succeed as before in the last stretch in which the outcome of
// most calls is known. It is 0 without faults.
type Result struct {
	Variant               string
	Verdict               string // one sentence
	Recovery              time.Duration
	Before, During, After Totals            // the faults; Before is without Warmup, and all of the run without faults
	Points                []Point           // one a second of the run
	Services              []ServiceLine     // in the order of the scenario
	Circuits              []CircuitLine     // in the order of clients, services and replicas
	Classes               []ClassLine       // one a class, or none if there are none
	Pipelines             map[string]string // the policies of each client and service, as String returns them

	seconds []bin
}

// Point is one second of a result. Calls, Succeeded and times are of calls that began in it.
type Point struct {
	At                       time.Duration
	Calls, Succeeded         int64
	Requests, Served, Wasted int64         // as in Totals
	P50, P99                 time.Duration // as in Totals
	Queue                    int           // requests waiting in all services, at the end of the second
}

// ServiceLine is one service over time.
type ServiceLine struct {
	Name   string
	Points []ServicePoint
}

// ServicePoint is one second of a service, of all replicas together.
type ServicePoint struct {
	Requests, Served, Wasted int64
	Hits                     int64 // of the requests: answered by the cache
	Queue, Busy              int   // at the end of the second
	Capacity                 int   // workers at the end of the second; 0 means no limit, or none left
}

// CircuitLine is the states of one circuit over time.
type CircuitLine struct {
	Client  string // or service
	Replica int    // from 1
	Name    string
	Spans   []Span
}

// Span is a stretch of time in one state. Closed stretches are left out.
type Span struct {
	From, To time.Duration
	State    breaker.State
}

// ClassLine is one class of calls over time.
type ClassLine struct {
	Client, Name string
	Priority     policy.Priority
	Points       []ClassPoint
}

// ClassPoint is one second of a class: the calls that began in it.
type ClassPoint struct{ Calls, Succeeded int64 }

// Check is the outcome of one condition of an expectation.
type Check struct {
	Variant  string
	Expected string // "amplification <= 1.2, during"
	Got      string // "1.21"
	OK       bool
}
