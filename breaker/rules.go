package breaker

import (
	"time"

	"github.com/ductile-go/ductile/policy"
)

// rules is a Config with its defaults, laid out for programs that have a hundred thousand
// circuits. The hot half, which every circuit sets, is in the struct itself. The cold
// half is behind a pointer that plain circuits share.
//
// The conversions in both directions use unkeyed literals. A field that is added to
// Config and not to one of the halves does not compile.
type rules struct {
	recovery  time.Duration // RecoveryTimeout; 0 for NoWait
	cold      *coldRules
	threshold int32 // FailureThreshold; 0 if only a rate opens
	maxProbes int32 // HalfOpenMaxCalls
	enough    int32 // SuccessThreshold; 0 with ProbeCalls
	shadow    bool
}

// coldRules are the fields of a Config that few circuits set.
type coldRules struct {
	coldNumbers
	coldFuncs
}

// coldNumbers are those that == compares.
type coldNumbers struct {
	FailureRate        float64
	SlowCall           time.Duration
	SlowRate           float64
	Window             time.Duration
	WindowCalls        int
	MinCalls           int
	MaxRecoveryTimeout time.Duration
	RecoveryJitter     float64
	ProbeCalls         int
	ProbeFailureRate   float64
}

// coldFuncs are the functions, and the clock.
type coldFuncs struct {
	Classify      func(error) policy.Outcome
	RecoveryFor   func(Opening) time.Duration
	OnStateChange func(Transition)
	Clock         policy.Clock
	Rand          func() float64
}

func (f *coldFuncs) none() bool {
	return f.Classify == nil && f.RecoveryFor == nil && f.OnStateChange == nil && f.Clock == nil && f.Rand == nil
}

// sharedCold is the cold half of circuits that set none of it.
var sharedCold = &coldRules{}

// rulesOf lays out a config whose defaults are filled in.
func rulesOf(cfg Config) rules {
	numbers := coldNumbers{
		cfg.FailureRate, cfg.SlowCall, cfg.SlowRate, cfg.Window, cfg.WindowCalls, cfg.MinCalls,
		cfg.MaxRecoveryTimeout, cfg.RecoveryJitter, cfg.ProbeCalls, cfg.ProbeFailureRate,
	}
	funcs := coldFuncs{cfg.Classify, cfg.RecoveryFor, cfg.OnStateChange, cfg.Clock, cfg.Rand}
	cold := sharedCold
	if numbers != (coldNumbers{}) || !funcs.none() {
		cold = &coldRules{numbers, funcs}
	}
	return rules{
		max(0, cfg.RecoveryTimeout), cold, int32(cfg.FailureThreshold),
		int32(cfg.HalfOpenMaxCalls), int32(cfg.SuccessThreshold), cfg.Shadow,
	}
}

// config returns the config that rulesOf was given.
func (r *rules) config(name string) Config {
	c, recovery := r.cold, r.recovery
	if recovery == 0 {
		recovery = NoWait
	}
	return Config{
		name, int(r.threshold), c.FailureRate, c.SlowCall, c.SlowRate, c.Window, c.WindowCalls, c.MinCalls,
		recovery, c.MaxRecoveryTimeout, c.RecoveryJitter, int(r.maxProbes), int(r.enough), c.ProbeCalls, c.ProbeFailureRate,
		c.Classify, c.RecoveryFor, r.shadow, c.OnStateChange, c.Clock, c.Rand,
	}
}

// trips returns why the totals of a window open the circuit, or 0 if they do not.
func (r *rules) trips(counts Counts) why {
	if r.threshold > 0 && counts.Failures >= int64(r.threshold) {
		return failures
	}
	total := counts.Successes + counts.Failures
	if total < int64(r.cold.MinCalls) { // at least 1 if there is a rate
		return 0
	}
	switch {
	case r.cold.FailureRate > 0 && share(counts.Failures, total) >= r.cold.FailureRate:
		return failureRate
	case r.cold.SlowRate > 0 && share(counts.Slow, total) >= r.cold.SlowRate:
		return slowRate
	}
	return 0
}

// share divides rather than multiplies the rate: 11.0/20 is the float64 0.55, but 0.55*20
// is more than 11.
func share(n, total int64) float64 { return float64(n) / float64(total) }

// patience is how long all permits of a half-open state must be out before a fresh set is
// granted. It is at least a second, or NoWait would void HalfOpenMaxCalls.
func (r *rules) patience() time.Duration { return max(r.recovery, time.Second) }

// retryHint is when a call that a half-open state refused may ask again.
func (r *rules) retryHint() time.Duration {
	return min(max(r.recovery/16, 10*time.Millisecond), time.Second)
}

// hopeless is how many Ignored probes in a row reopen a half-open circuit.
func (r *rules) hopeless() int64 { return max(10, 3*int64(r.maxProbes)) }
