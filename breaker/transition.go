package breaker

import (
	"log/slog"
	"time"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// Why a circuit moves: the Reason of a [Transition]. After [Circuit.Isolate] and
// [Circuit.Trip] it is the text that they were given instead.
const (
	// ReasonFailures is a FailureThreshold reached.
	ReasonFailures = "failures"
	// ReasonFailureRate is a FailureRate reached.
	ReasonFailureRate = "failure_rate"
	// ReasonSlowRate is a SlowRate reached.
	ReasonSlowRate = "slow_rate"
	// ReasonRecoveryElapsed is the end of an open state, to half-open.
	ReasonRecoveryElapsed = "recovery_elapsed"
	// ReasonProbeFailed is a probe that failed, or with ProbeCalls too many that did.
	ReasonProbeFailed = "probe_failed"
	// ReasonProbeSlow is a probe that succeeded after SlowCall or more, or with
	// ProbeCalls too many that did.
	ReasonProbeSlow = "probe_slow"
	// ReasonProbesSucceeded is a half-open state that closes.
	ReasonProbesSucceeded = "probes_succeeded"
	// ReasonNoVerdict is a half-open state whose probes are all Ignored. See [Config].
	ReasonNoVerdict = "no_verdict"
	// ReasonReset is a call of Reset.
	ReasonReset = "reset"
	// ReasonReconfigured is a call of Reconfigure, which moves to the same state.
	ReasonReconfigured = "reconfigured"
)

// how is the reason of a move, and the state that was left, in one byte.
type how uint8

const (
	byHand how = iota // its text is the rejection's; a new circuit has none
	failures
	failureRate
	slowRate
	recoveryElapsed
	probeFailed
	probeSlow
	probesSucceeded
	noVerdict
	reset

	leftState = 1 << 4 // times the state that was left
)

var reasons = [...]string{
	failures: ReasonFailures, failureRate: ReasonFailureRate, slowRate: ReasonSlowRate,
	recoveryElapsed: ReasonRecoveryElapsed, probeFailed: ReasonProbeFailed, probeSlow: ReasonProbeSlow,
	probesSucceeded: ReasonProbesSucceeded, noVerdict: ReasonNoVerdict, reset: ReasonReset,
}

// from returns the state before.
func (g *generation) from() State { return State(g.how / leftState) }

// reason returns why the state was entered.
func (g *generation) reason() string {
	why := g.how % leftState
	if why == byHand && g.shut != nil {
		return g.shut.rejection.Reason
	}
	return reasons[why]
}

// Transition is one move of a circuit. Its JSON has the cause as text.
type Transition struct {
	Name   string    `json:"name,omitempty"`
	From   State     `json:"from"`
	To     State     `json:"to"`
	At     time.Time `json:"at,omitzero"`
	Counts Counts    `json:"counts,omitzero"` // what the state that was left had counted
	Cause  error     `json:"-"`               // the error of the call that opened the circuit, if a call with an error did
	// Reason is what Isolate or Trip were given, or one of the constants, from
	// ReasonFailures to ReasonReconfigured.
	Reason string `json:"reason,omitempty"`
	Shadow bool   `json:"shadow,omitempty"` // by Config.Shadow: the circuit refuses no call because of this
}

// LogValue returns the fields that are not zero, and the states.
func (t Transition) LogValue() slog.Value {
	return logvalue.Group(append([]slog.Attr{
		slog.String("name", t.Name),
		slog.String("from", t.From.String()),
		slog.String("to", t.To.String()),
		slog.Time("at", t.At),
		{Key: "counts", Value: t.Counts.LogValue()},
		slog.String("reason", t.Reason),
		slog.Any("cause", t.Cause),
	}, shadowed(t.Shadow)...)...)
}

// transition returns what listeners get for the entry of to, or nil if that is not a
// move.
func (c *Circuit) transition(to, from *generation) *Transition {
	t := &Transition{
		Name: c.name, From: to.from(), To: to.state, Reason: to.reason(), Shadow: to.rules.shadow,
	}
	at := to.entered
	switch {
	case to.root != to: // the same stay under other rules
		at, t.From, t.Reason = c.time.Now(), to.state, ReasonReconfigured
	case to.from() == to.state: // tripped again while open, or reset while closed
		return nil
	}
	t.At, t.Counts = c.time.When(at), from.counts(at)
	if to.state == Open {
		t.Cause = to.shut.rejection.Cause
	}
	return t
}
