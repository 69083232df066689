package sim

import (
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// Report is what a run showed.
type Report struct {
	Scenario    Scenario      // as it ran, with its defaults
	Results     []*Result     // one a variant, in their order
	Checks      []Check       // one an expectation and variant
	Interrupted time.Duration // the virtual time at which the run was interrupted; 0 if it was not
}

// Result is what one variant showed.
type Result struct {
	Variant string
	Verdict string // one sentence
	// Recovery is the time from the end of the last fault until calls succeed as before.
	// It is negative if they do not before the end, and 0 without faults.
	Recovery              time.Duration
	Before, During, After Totals
	Points                []Point           // one a second of the run
	Services              []ServiceLine     // in the order of the scenario
	Circuits              []CircuitLine     // in the order of clients and replicas
	Classes               []ClassLine       // one a class, or none if there are none
	Pipelines             map[string]string // the policies of each client, as String returns them
}

// Point is one second of a result. Calls, Succeeded and times are of calls that began in it.
type Point struct {
	At                       time.Duration
	Calls, Succeeded         int64
	Requests, Served, Wasted int64         // that reached a service; answered; answered for a caller that had gone
	P50, P99                 time.Duration // of calls, failed ones included; 0 without calls
	Queue                    int           // requests waiting in all services, at the end of the second
}

// ServiceLine is one service over time.
type ServiceLine struct {
	Name   string
	Points []ServicePoint
}

// ServicePoint is one second of a service.
type ServicePoint struct {
	Requests, Served, Wasted int64
	Queue, Busy              int // at the end of the second
	Capacity                 int // workers at the end of the second; 0 means no limit
}

// CircuitLine is the states of one circuit over time.
type CircuitLine struct {
	Client  string
	Replica int
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

// ClassPoint is one second of a class.
type ClassPoint struct{ Calls, Succeeded int64 }

// Totals are sums over a stretch of time.
type Totals struct {
	Calls, Succeeded, Requests, Served, Wasted int64
	Mean, P50, P99                             time.Duration
}

// Check is the outcome of one expectation.
type Check struct {
	Variant  string
	Expected string // "amplification <= 1.2, during"
	Got      string // "1.21"
	OK       bool
}
