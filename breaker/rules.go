package breaker

import "time"

// rules is a Config with its defaults, laid out for a program that has a hundred
// thousand circuits: what every circuit has is in here, and what few have is
// behind a pointer that the others share.
type rules struct {
	recovery  time.Duration // RecoveryTimeout; 0 for NoWait
	rare      *rareRules
	threshold int32 // FailureThreshold; 0 with a FailureRate alone
	maxProbes int32 // HalfOpenMaxCalls
	enough    int32 // SuccessThreshold; 0 with ProbeCalls
	shadow    bool
}

// rareRules is the whole Config. Its fields that rules has too are not read from here.
type rareRules struct{ Config }

// common is shared by circuits that count in a row, on real time, and have no
// functions.
var common = &rareRules{}

// rulesOf lays out a config whose defaults are filled in.
func rulesOf(cfg Config) rules {
	r := rules{
		recovery: max(0, cfg.RecoveryTimeout), shadow: cfg.Shadow, rare: common,
		threshold: int32(cfg.FailureThreshold),
		maxProbes: int32(cfg.HalfOpenMaxCalls),
		enough:    int32(cfg.SuccessThreshold),
	}
	seldom := cfg.Window > 0 || cfg.WindowCalls > 0 || cfg.MaxRecoveryTimeout > 0 || cfg.RecoveryJitter > 0 ||
		cfg.ProbeCalls > 0 || cfg.Classify != nil || cfg.RecoveryFor != nil || cfg.OnStateChange != nil ||
		cfg.Clock != nil || cfg.Rand != nil
	if seldom {
		r.rare = &rareRules{cfg}
	}
	return r
}

// config returns what rulesOf was given.
func (r *rules) config(name string) Config {
	if r.rare != common {
		return r.rare.Config
	}
	cfg := Config{
		Name: name, FailureThreshold: int(r.threshold), RecoveryTimeout: r.recovery, Shadow: r.shadow,
		HalfOpenMaxCalls: int(r.maxProbes), SuccessThreshold: int(r.enough),
	}
	if r.recovery == 0 {
		cfg.RecoveryTimeout = NoWait
	}
	return cfg
}

// trips returns why the totals of a window open the circuit, or 0 if they do not.
func (r *rules) trips(counts Counts) how {
	if r.threshold > 0 && counts.Failures >= int64(r.threshold) {
		return failures
	}
	total := counts.Successes + counts.Failures
	if total < int64(r.rare.MinCalls) { // which is at least 1 with a rate
		return 0
	}
	switch {
	case r.rare.FailureRate > 0 && share(counts.Failures, total) >= r.rare.FailureRate:
		return failureRate
	case r.rare.SlowRate > 0 && share(counts.Slow, total) >= r.rare.SlowRate:
		return slowRate
	}
	return 0
}

// share divides, where multiplying the rate would not do: 11/20 is the float that
// 0.55 is, and 0.55*20 is more than 11.
func share(n, total int64) float64 { return float64(n) / float64(total) }

// patience is how long all permits of a half-open state have to be out before a
// fresh set is granted: at least a second, or NoWait would void HalfOpenMaxCalls.
func (r *rules) patience() time.Duration { return max(r.recovery, time.Second) }

// politely is when a call that a half-open state refused may ask again.
func (r *rules) politely() time.Duration {
	return min(max(r.recovery/16, 10*time.Millisecond), time.Second)
}

// hopeless is how many Ignored probes, with no other between them, reopen a
// half-open circuit: its callers come to no verdict.
func (r *rules) hopeless() int64 { return max(10, 3*int64(r.maxProbes)) }
