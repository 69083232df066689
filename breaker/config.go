package breaker

import (
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Defaults of [Config].
const (
	DefaultFailureThreshold = 5
	DefaultRecoveryTimeout  = 30 * time.Second
	DefaultHalfOpenMaxCalls = 3
	DefaultSuccessThreshold = 1
	DefaultMinCalls         = 20
	DefaultProbeFailureRate = 0.5
)

// NoWait as [Config].RecoveryTimeout makes an open circuit half-open at once.
const NoWait time.Duration = -1

// Config says when a circuit opens and how it recovers. The zero Config opens
// after 5 failures in a row, for 30 s, and lets 3 probes at a time through, one
// success of which closes it.
//
// There are three ways to count. Without a window, failures in a row: a success
// resets the count. With Window, what happened in that time, in 10 buckets.
// With WindowCalls, the last so many calls. A circuit with more than one
// condition opens on the first that is met, and only a failure or a slow call
// makes it look.
//
// What a call means is decided by the first of these rules that applies. A panic or
// runtime.Goexit is a Failure. An error marked by [Judge] is what the mark says. Any
// other error while the caller's own context is cancelled is Ignored. Then the function
// of [Breaker.WithClassifier] is asked, then Classify; either may return Undecided. Last,
// a nil error is a Success, policy.ErrRejected is Ignored, and the rest is a Failure.
//
// Since an error of a caller that cancelled is Ignored, a closed circuit cannot open on
// a dependency whose callers always cancel before any limit inside of the breaker is
// reached. Put a policy.Timeout inside of it, or set SlowCall. A half-open circuit whose
// probes are all Ignored reopens: after ten in a row without another, or three times
// HalfOpenMaxCalls if that is more, for RecoveryTimeout.
//
// A Config's functions are called on the goroutines of the calls, of many at once,
// except OnStateChange. JSON leaves out functions, Clock and Rand.
type Config struct {
	Name string `json:"name,omitempty"` // for errors, events and Snapshot

	// FailureThreshold is how many failures open the circuit: in a row, or within
	// the window where there is one. 0 means 5 (WindowCalls if that is less), or,
	// with a FailureRate, that the rate alone decides.
	FailureThreshold int `json:"failure_threshold,omitempty"`
	// FailureRate, above 0 and at most 1, opens when at least this share of the
	// window's calls has failed. It needs a window.
	FailureRate float64 `json:"failure_rate,omitempty"`
	// SlowCall is how long a call takes, at least, to be slow. With SlowRate. A probe
	// that succeeds slowly reopens the circuit as one that fails. A call that its
	// caller cancelled after SlowCall or later counts as slow, and not as a failure.
	SlowCall time.Duration `json:"slow_call,omitempty"`
	// SlowRate, above 0 and at most 1, opens when at least this share of the
	// window's calls was slow. It needs a window and SlowCall.
	SlowRate float64 `json:"slow_rate,omitempty"`
	// Window is the length of a rolling time window. 0 means none. If the clock is
	// set back by more than two windows, it begins anew.
	Window time.Duration `json:"window,omitempty"`
	// WindowCalls is the length of a window of calls, at most 524,288. 0 means none.
	WindowCalls int `json:"window_calls,omitempty"`
	// MinCalls is how many calls a window holds before rates are judged. 0 means
	// 20, or WindowCalls if that is less.
	MinCalls int `json:"min_calls,omitempty"`

	// RecoveryTimeout is how long the circuit stays open before it lets probes
	// through. 0 means 30 s, NoWait not at all.
	RecoveryTimeout time.Duration `json:"recovery_timeout,omitempty"`
	// MaxRecoveryTimeout, if set, makes the time double at each re-opening up to
	// this. Closing resets it. Jitter comes on top.
	MaxRecoveryTimeout time.Duration `json:"max_recovery_timeout,omitempty"`
	// RecoveryJitter, at most 1, adds a random share up to this to the time, so
	// that many replicas do not probe at once.
	RecoveryJitter float64 `json:"recovery_jitter,omitempty"`
	// HalfOpenMaxCalls is how many probes may be in flight at a time. 0 means 3. When
	// all of them have been out for RecoveryTimeout, and for at least 1 s, without a
	// verdict, as many more are let through.
	HalfOpenMaxCalls int `json:"half_open_max_calls,omitempty"`
	// SuccessThreshold is how many successful probes close the circuit, at most 1,048,576.
	// 0 means 1.
	// One probe that fails reopens it.
	SuccessThreshold int `json:"success_threshold,omitempty"`
	// ProbeCalls, if set, is how many probes have to end before half-open is judged, at
	// most 1,048,576: by their share of failures, instead of by the first failure. Ignored probes do
	// not count, and slow ones count as failed. Not with SuccessThreshold.
	ProbeCalls int `json:"probe_calls,omitempty"`
	// ProbeFailureRate, above 0 and at most 1, reopens when at least this share of
	// ProbeCalls has failed; less closes. 0 means 0.5. It needs ProbeCalls.
	ProbeFailureRate float64 `json:"probe_failure_rate,omitempty"`

	// Classify says what an error means; err is nil for a success. It is not asked about a panic, a marked
	// error or a caller that cancelled. Nil, and Undecided, mean the default rule.
	Classify func(error) policy.Outcome `json:"-"`
	// RecoveryFor, if set, returns how long the circuit is to stay open when a call
	// opens it: what a server asked for by Retry-After, say. See [Opening].
	RecoveryFor func(Opening) time.Duration `json:"-"`
	// Shadow makes the circuit count, move and tell as ever but refuse no call, to see
	// what it would do. Isolate and Trip still refuse. There is no Rejected event, the
	// other events have the Reason "shadow" (a slow call's Judged "slow"), and half-open
	// counts only the calls that got a permit.
	Shadow bool `json:"shadow,omitempty"`
	// OnStateChange hears every move, once, in order, outside any lock, on the
	// goroutine of a call that moved the circuit. It may call back into the
	// circuit. A panic in it is logged and goes no further. See also Circuit.Watch.
	OnStateChange func(Transition) `json:"-"`
	// Clock is what the circuit measures time on. Nil means real time.
	Clock policy.Clock `json:"-"`
	// Rand, in [0,1), is for RecoveryJitter. Nil means math/rand/v2. What is out of
	// range is clamped, and a panic is logged and means no jitter.
	Rand func() float64 `json:"-"`
}

// Opening is what RecoveryFor is told when a call opens the circuit.
type Opening struct {
	Cause     error         // the error of that call; nil if it was slow
	Reopening int           // how many times the circuit has re-opened since it was closed; 0 at first
	Default   time.Duration // how long it would stay open, before jitter
}

// withDefaults fills in the defaults. Filling in twice changes nothing, and what is
// filled in is valid.
func (c Config) withDefaults() Config {
	if c.FailureThreshold == 0 && c.FailureRate == 0 {
		c.FailureThreshold = atMost(DefaultFailureThreshold, c.WindowCalls)
	}
	if c.MinCalls == 0 && (c.FailureRate > 0 || c.SlowRate > 0) {
		c.MinCalls = atMost(DefaultMinCalls, c.WindowCalls)
	}
	if c.RecoveryTimeout == 0 {
		c.RecoveryTimeout = DefaultRecoveryTimeout
	}
	if c.HalfOpenMaxCalls == 0 {
		c.HalfOpenMaxCalls = DefaultHalfOpenMaxCalls
	}
	if c.ProbeCalls > 0 && c.ProbeFailureRate == 0 {
		c.ProbeFailureRate = DefaultProbeFailureRate
	}
	if c.ProbeCalls == 0 && c.SuccessThreshold == 0 {
		c.SuccessThreshold = DefaultSuccessThreshold
	}
	return c
}

// atMost returns n, or limit if that is set and less.
func atMost(n, limit int) int {
	if limit > 0 && limit < n {
		return limit
	}
	return n
}
