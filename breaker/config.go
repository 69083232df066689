package breaker

import (
	"errors"
	"fmt"
	"math"
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
)

// Config says when a circuit opens and how it recovers. The zero Config opens
// after 5 failures in a row, for 30 s, and lets 3 probes at a time through, one
// success of which closes it.
//
// There are three ways to count. Without a window, failures in a row: a success
// begins a new row. With Window, what happened in that time, in 10 buckets.
// With WindowCalls, the last so many calls. A circuit with more than one
// condition opens on the first that is met, and only a failure or a slow call
// makes it look. Its functions are called on the goroutines of the calls, of many
// at once, except OnStateChange.
type Config struct {
	Name string // for errors, events and Snapshot

	// FailureThreshold is how many failures open the circuit: in a row, or within
	// the window where there is one. 0 means 5 (WindowCalls if that is less), or,
	// with a FailureRate, that the rate alone decides.
	FailureThreshold int
	// FailureRate, above 0 and at most 1, opens when at least this share of the
	// window's calls has failed. It needs a window.
	FailureRate float64
	// SlowCall is how long a call takes, at least, to be slow. With SlowRate.
	SlowCall time.Duration
	// SlowRate, above 0 and at most 1, opens when at least this share of the
	// window's calls was slow. It needs a window and SlowCall.
	SlowRate float64
	// Window is the length of a rolling time window. 0 means none. If the clock is
	// set back by more than two windows, it begins anew.
	Window time.Duration
	// WindowCalls is the length of a window of calls, at most 524,288. 0 means none.
	WindowCalls int
	// MinCalls is how many calls a window holds before rates are judged. 0 means
	// 20, or WindowCalls if that is less.
	MinCalls int

	// RecoveryTimeout is how long the circuit stays open before it lets probes
	// through. 0 means 30 s.
	RecoveryTimeout time.Duration
	// MaxRecoveryTimeout, if set, makes the time double at each re-opening up to
	// this. Closing resets it. Jitter comes on top.
	MaxRecoveryTimeout time.Duration
	// RecoveryJitter, at most 1, adds a random share up to this to the time, so
	// that many replicas do not probe at once.
	RecoveryJitter float64
	// HalfOpenMaxCalls is how many probes may be in flight at a time. 0 means 3.
	HalfOpenMaxCalls int
	// SuccessThreshold is how many successful probes close the circuit. 0 means 1.
	SuccessThreshold int

	// Classify says what an error means. It is not asked about a panic, nor
	// about context.Canceled of a caller that was cancelled. Nil means: a nil
	// error is Success, policy.ErrRejected is Ignored, the rest is Failure.
	Classify func(error) policy.Outcome
	// OnStateChange hears every move, once, in order, outside any lock, on the
	// goroutine of a call that moved the circuit. It may call back into the
	// circuit. A panic in it is logged and goes no further.
	OnStateChange func(Transition)
	Clock         policy.Clock   // nil means real time
	Rand          func() float64 // in [0,1), for RecoveryJitter; nil means math/rand/v2
}

// Validate returns nil for a config that [NewCircuit] takes, or all that is
// wrong with it, each fault naming its field.
func (c Config) Validate() error {
	var faults []error
	fault := func(field string, value any, want string) {
		faults = append(faults, fmt.Errorf("breaker: Config.%s is %v, want %s", field, value, want))
	}
	for _, f := range []struct {
		field string
		value int
	}{
		{"FailureThreshold", c.FailureThreshold}, {"WindowCalls", c.WindowCalls}, {"MinCalls", c.MinCalls},
		{"HalfOpenMaxCalls", c.HalfOpenMaxCalls}, {"SuccessThreshold", c.SuccessThreshold},
	} {
		if f.value < 0 || f.value > math.MaxInt32 {
			fault(f.field, f.value, "0 to 2147483647")
		}
	}
	for _, f := range []struct {
		field string
		value time.Duration
	}{
		{"SlowCall", c.SlowCall}, {"Window", c.Window}, {"RecoveryTimeout", c.RecoveryTimeout},
		{"MaxRecoveryTimeout", c.MaxRecoveryTimeout},
	} {
		if f.value < 0 {
			fault(f.field, f.value, "0 or more")
		}
	}
	for _, f := range []struct {
		field string
		value float64
	}{
		{"FailureRate", c.FailureRate}, {"SlowRate", c.SlowRate}, {"RecoveryJitter", c.RecoveryJitter},
	} {
		if !(f.value >= 0 && f.value <= 1) { // so that NaN is refused
			fault(f.field, f.value, "0 to 1")
		}
	}
	c.validateWindow(fault)
	if r := c.withDefaults().RecoveryTimeout; c.MaxRecoveryTimeout > 0 && c.MaxRecoveryTimeout < r {
		fault("MaxRecoveryTimeout", c.MaxRecoveryTimeout, fmt.Sprintf("at least RecoveryTimeout, %v", r))
	}
	return errors.Join(faults...)
}

// validateWindow finds what would never act.
func (c Config) validateWindow(fault func(field string, value any, want string)) {
	windowed := c.Window > 0 || c.WindowCalls > 0
	if c.Window > 0 && c.WindowCalls > 0 {
		fault("WindowCalls", c.WindowCalls, "0 beside Window: a window is of time or of calls")
	}
	if c.Window > 0 && c.Window < buckets {
		fault("Window", c.Window, fmt.Sprintf("at least %v, a nanosecond for each bucket", time.Duration(buckets)))
	}
	if c.WindowCalls > maxWindowCalls {
		fault("WindowCalls", c.WindowCalls, fmt.Sprintf("at most %d", maxWindowCalls))
	}
	if c.WindowCalls > 0 && c.FailureThreshold > c.WindowCalls {
		fault("FailureThreshold", c.FailureThreshold, fmt.Sprintf("at most WindowCalls, %d", c.WindowCalls))
	}
	if c.WindowCalls > 0 && c.MinCalls > c.WindowCalls {
		fault("MinCalls", c.MinCalls, fmt.Sprintf("at most WindowCalls, %d", c.WindowCalls))
	}
	if c.FailureRate > 0 && !windowed {
		fault("FailureRate", c.FailureRate, "0 without Window or WindowCalls")
	}
	if c.SlowRate > 0 && !windowed {
		fault("SlowRate", c.SlowRate, "0 without Window or WindowCalls")
	}
	if c.MinCalls > 0 && c.FailureRate == 0 && c.SlowRate == 0 {
		fault("MinCalls", c.MinCalls, "0 without FailureRate or SlowRate: FailureThreshold does not wait for it")
	}
	if c.SlowRate > 0 && c.SlowCall == 0 {
		fault("SlowCall", c.SlowCall, "more than 0 with SlowRate")
	}
	if c.SlowCall > 0 && c.SlowRate == 0 {
		fault("SlowRate", c.SlowRate, "more than 0 with SlowCall")
	}
}

func (c Config) withDefaults() Config {
	if c.FailureThreshold == 0 && c.FailureRate == 0 {
		c.FailureThreshold = atMost(DefaultFailureThreshold, c.WindowCalls)
	}
	if c.MinCalls == 0 {
		c.MinCalls = atMost(DefaultMinCalls, c.WindowCalls)
	}
	if c.RecoveryTimeout == 0 {
		c.RecoveryTimeout = DefaultRecoveryTimeout
	}
	if c.HalfOpenMaxCalls == 0 {
		c.HalfOpenMaxCalls = DefaultHalfOpenMaxCalls
	}
	if c.SuccessThreshold == 0 {
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
