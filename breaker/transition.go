package breaker

import (
	"log/slog"
	"time"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// The values of [Transition].Reason. After [Circuit.Isolate] and [Circuit.Trip], the Reason
// is the text that they were given instead.
const (
	// ReasonFailures means that FailureThreshold was reached.
	ReasonFailures = "failures"
	// ReasonFailureRate means that FailureRate was reached.
	ReasonFailureRate = "failure_rate"
	// ReasonSlowRate means that SlowRate was reached.
	ReasonSlowRate = "slow_rate"
	// ReasonRecoveryElapsed means that an open state ended and became half-open.
	ReasonRecoveryElapsed = "recovery_elapsed"
	// ReasonProbeFailed means that a probe failed, or with ProbeCalls, that too many probes
	// were bad and at least one of them failed.
	ReasonProbeFailed = "probe_failed"
	// ReasonProbeSlow means that a probe succeeded after SlowCall or later, or with
	// ProbeCalls, that too many did and none failed.
	ReasonProbeSlow = "probe_slow"
	// ReasonProbesSucceeded means that half-open closed the circuit.
	ReasonProbesSucceeded = "probes_succeeded"
	// ReasonNoVerdict means that half-open ended because its probes were all Ignored. See
	// [Config].
	ReasonNoVerdict = "no_verdict"
	// ReasonReset means a call of Reset.
	ReasonReset = "reset"
	// ReasonReconfigured means a call of Reconfigure, which keeps the state.
	ReasonReconfigured = "reconfigured"
)

// why is the reason of a move.
type why uint8

const (
	byHand why = iota // the rejection has the text; a new circuit has none
	failures
	failureRate
	slowRate
	recoveryElapsed
	probeFailed
	probeSlow
	probesSucceeded
	noVerdict
	reset
)

var reasons = [...]string{
	failures: ReasonFailures, failureRate: ReasonFailureRate, slowRate: ReasonSlowRate,
	recoveryElapsed: ReasonRecoveryElapsed, probeFailed: ReasonProbeFailed, probeSlow: ReasonProbeSlow,
	probesSucceeded: ReasonProbesSucceeded, noVerdict: ReasonNoVerdict, reset: ReasonReset,
}

// entry is why a state was entered, and from which state, in one byte: a generation is kept
// small.
type entry uint8

func entryOf(w why, from State) entry { return entry(w) | entry(from)<<4 }

func (e entry) why() why    { return why(e & 15) }
func (e entry) from() State { return State(e >> 4) }

// reason returns why the state was entered.
func (g *generation) reason() string {
	why := g.entry.why()
	if why == byHand && g.shut != nil {
		return g.shut.rejection.Reason
	}
	return reasons[why]
}

// Transition is one move of a circuit. In JSON, the cause is its text.
type Transition struct {
	Name   string    `json:"name,omitempty"`
	From   State     `json:"from"`
	To     State     `json:"to"`
	At     time.Time `json:"at,omitzero"`
	Counts Counts    `json:"counts,omitzero"` // of the state that was left
	Cause  error     `json:"-"`               // the error of the call that opened the circuit, or nil
	// Reason is one of the constants from ReasonFailures to ReasonReconfigured, or the text
	// that Isolate or Trip was given.
	Reason string `json:"reason,omitempty"`
	Shadow bool   `json:"shadow,omitempty"` // Config.Shadow is set: the circuit refuses no call because of this
}

// LogValue returns a group of the states and the fields that are not zero.
func (t Transition) LogValue() slog.Value {
	return logvalue.Group(
		slog.String("name", t.Name),
		slog.String("from", t.From.String()),
		slog.String("to", t.To.String()),
		slog.Time("at", t.At),
		slog.Attr{Key: "counts", Value: t.Counts.LogValue()},
		slog.String("reason", t.Reason),
		slog.Any("cause", t.Cause),
		slog.Bool("shadow", t.Shadow),
	)
}

// transition returns what listeners are given when from becomes to. It returns nil if that
// is no move: a Trip of an open circuit, or a Reset of a closed one.
func (c *Circuit) transition(to, from *generation) *Transition {
	t := &Transition{
		Name: c.name, From: to.entry.from(), To: to.state, Reason: to.reason(), Shadow: to.rules.shadow,
	}
	at := to.entered
	switch {
	case to.root != to: // the same stay under other rules
		at, t.From, t.Reason = c.time.Now(), to.state, ReasonReconfigured
	case t.From == t.To:
		return nil
	}
	t.At, t.Counts = c.time.When(at), from.counts(at)
	if to.state == Open {
		t.Cause = to.shut.rejection.Cause
	}
	return t
}
