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

// Config says when a circuit opens and how it recovers. The zero Config opens after 5
// failures in a row, stays open for 30 s, and then allows 3 probes in flight, one success
// of which closes it.
//
// There are three ways to count. Without a window, the circuit counts failures in a row,
// and a success resets the count. With Window, it counts the calls of that time, in 10
// buckets. With WindowCalls, it counts that many of the latest calls. If several conditions are
// set, the first that is met opens the circuit. Conditions are checked when a failure or
// a slow call is counted, never at a success.
//
// The first rule that applies decides what a call means:
//
//  1. A panic or runtime.Goexit is a Failure.
//  2. An error marked by [Judge] means what the mark says.
//  3. Any other error is Ignored if the caller's own context was cancelled.
//  4. The function of [Breaker.WithClassifier] decides, unless it returns Undecided.
//  5. Classify decides, unless it returns Undecided.
//  6. A nil error is a Success, policy.ErrRejected is Ignored, any other is a Failure.
//
// By rule 3 a closed circuit cannot open on a dependency whose callers always cancel
// before a limit inside of the breaker is reached. Put a policy.Timeout inside of it, or
// set SlowCall. A half-open circuit whose probes are all Ignored reopens for
// RecoveryTimeout after 10 of them in a row, or after three times HalfOpenMaxCalls if
// that is more.
//
// The functions of a Config are called by many goroutines at once, except OnStateChange.
// JSON leaves out the functions, Clock and Rand.
type Config struct {
	// Name is used in errors, events and Snapshot. It may be empty.
	Name string `json:"name,omitempty"`

	// FailureThreshold is how many failures open the circuit: in a row, or in the window
	// if there is one. 0 means 5, or WindowCalls if that is less. With a FailureRate, 0
	// means that only the rate opens the circuit.
	FailureThreshold int `json:"failure_threshold,omitempty"`
	// FailureRate opens the circuit when at least this share of the window's calls has
	// failed. It is above 0 and at most 1, and needs a window. 0 means no such condition.
	FailureRate float64 `json:"failure_rate,omitempty"`
	// SlowCall is the duration from which a call counts as slow. It needs SlowRate. A slow
	// probe that succeeds reopens the circuit. A call that its caller cancelled after
	// SlowCall or later counts as slow and not as a failure; such a probe is Ignored.
	SlowCall time.Duration `json:"slow_call,omitempty"`
	// SlowRate opens the circuit when at least this share of the window's calls was slow.
	// It is above 0 and at most 1, and needs a window and SlowCall.
	SlowRate float64 `json:"slow_rate,omitempty"`
	// Window is the length of a rolling time window. 0 means none. If the clock is set
	// back by more than two windows, counting begins anew.
	Window time.Duration `json:"window,omitempty"`
	// WindowCalls is the length of a window of calls, at most 524,288. 0 means none.
	WindowCalls int `json:"window_calls,omitempty"`
	// MinCalls is how many calls a window must hold before its rates are checked. 0 means
	// 20, or WindowCalls if that is less.
	MinCalls int `json:"min_calls,omitempty"`

	// RecoveryTimeout is how long the circuit stays open before it admits probes. 0 means
	// 30 s, and NoWait means no time at all.
	RecoveryTimeout time.Duration `json:"recovery_timeout,omitempty"`
	// MaxRecoveryTimeout, if set, makes the recovery timeout double at each reopening, up
	// to this limit, until the circuit closes. 0 means that it does not double. Jitter comes
	// on top.
	MaxRecoveryTimeout time.Duration `json:"max_recovery_timeout,omitempty"`
	// RecoveryJitter lengthens the time by a random share of up to RecoveryJitter, which is
	// at most 1, so that many replicas do not probe at the same time.
	RecoveryJitter float64 `json:"recovery_jitter,omitempty"`
	// HalfOpenMaxCalls is how many probes may be in flight at a time. 0 means 3. If all of
	// them have been out for RecoveryTimeout, and for at least 1 s, without a verdict, as
	// many more are admitted.
	HalfOpenMaxCalls int `json:"half_open_max_calls,omitempty"`
	// SuccessThreshold is how many successful probes close the circuit, at most 1,048,576.
	// 0 means 1. A single probe that fails reopens it.
	SuccessThreshold int `json:"success_threshold,omitempty"`
	// ProbeCalls, if set, is how many probes must have ended before half-open is judged, by
	// their share of failures instead of by the first failure. It is at most 1,048,576.
	// Ignored probes do not count, and slow ones count as failed. It excludes
	// SuccessThreshold.
	ProbeCalls int `json:"probe_calls,omitempty"`
	// ProbeFailureRate reopens the circuit if at least this share of ProbeCalls has
	// failed; a smaller share closes it. It is above 0 and at most 1, and needs
	// ProbeCalls. 0 means 0.5.
	ProbeFailureRate float64 `json:"probe_failure_rate,omitempty"`

	// Classify returns what an error means; err is nil for a success. If nil, the default
	// rule decides.
	Classify func(error) policy.Outcome `json:"-"`
	// RecoveryFor returns how long the circuit stays open when a call opens it, for
	// example for as long as a server's Retry-After says. If nil, RecoveryTimeout decides.
	// See [Opening].
	RecoveryFor func(Opening) time.Duration `json:"-"`
	// Shadow makes the circuit count, move and emit events without refusing calls, to show
	// what it would do. Isolate and Trip still refuse. There is no Rejected event, and the
	// other events have the Reason "shadow", or "slow" for a slow call. In half-open, only
	// calls that got a permit count.
	Shadow bool `json:"shadow,omitempty"`
	// OnStateChange is called for every move, once and in order, on the goroutine of a
	// call that moved the circuit. No lock is held, so it may call the circuit. A panic in
	// it is logged and recovered. See also [Circuit.Watch].
	OnStateChange func(Transition) `json:"-"`
	// Clock measures the circuit's time. Nil means real time.
	Clock policy.Clock `json:"-"`
	// Rand returns numbers in [0,1) for RecoveryJitter. Nil means math/rand/v2. Numbers
	// out of range are clamped. A panic in it is logged and means no jitter.
	Rand func() float64 `json:"-"`
}

// Opening describes to [Config].RecoveryFor the opening of a circuit by a call.
//
// What RecoveryFor returns is limited to MaxRecoveryTimeout, or without one to the longer
// of 1 h and Default. Negative means 0. Jitter comes on top.
type Opening struct {
	Cause     error         // the error of that call; nil if it was slow and did not fail
	Reopening int           // how often the circuit has reopened since it was closed; 0 at first
	Default   time.Duration // how long it would stay open, before jitter
}

// WithDefaults returns c with the defaults filled in. The result is valid if c is.
func (c Config) WithDefaults() Config { return c.withDefaults() }

// withDefaults fills in the defaults. The result is valid if c is, and has no more
// defaults to fill in.
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
