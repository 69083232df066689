package breaker

import (
	"time"

	"github.com/ductile-go/ductile/policy"
)

// rules is a Config with its defaults, laid out for a program that has a hundred
// thousand circuits: what every circuit has is in here, and what few have is
// behind a pointer that the others share.
type rules struct {
	name      string
	recovery  time.Duration // RecoveryTimeout
	born      int64         // on real time: when the circuit was made, in nanoseconds since epoch
	threshold int32         // FailureThreshold; 0 with a FailureRate alone
	maxProbes int32         // HalfOpenMaxCalls
	enough    int32         // SuccessThreshold
	rare      *rareRules
}

// rareRules is a Config of whose fields the ones above are not to be used.
type rareRules struct {
	Config
	born time.Time // with a Clock: when the circuit was made, on it
}

// common is what circuits have that count in a row, on real time, with nobody
// listening.
var common = &rareRules{}

func rulesOf(cfg Config) rules {
	r := rules{
		name: cfg.Name, recovery: cfg.RecoveryTimeout,
		threshold: int32(cfg.FailureThreshold),
		maxProbes: int32(cfg.HalfOpenMaxCalls),
		enough:    int32(cfg.SuccessThreshold),
		born:      int64(time.Since(epoch)),
		rare:      common,
	}
	seldom := cfg.Window > 0 || cfg.WindowCalls > 0 || cfg.MaxRecoveryTimeout > 0 || cfg.RecoveryJitter > 0 ||
		cfg.Classify != nil || cfg.OnStateChange != nil || cfg.Clock != nil
	if seldom {
		r.rare = &rareRules{Config: cfg}
		if cfg.Clock != nil {
			r.rare.born = cfg.Clock.Now()
		}
	}
	return r
}

// epoch is where real time begins for circuits. time.Since of a fixed time reads
// the monotonic clock alone, in half the time that time.Now takes.
var epoch = time.Now()

// now returns the nanoseconds since the circuit was made, by the monotonic
// reading of its clock where that has one.
func (r *rules) now() int64 {
	if r.rare.Clock == nil {
		return int64(time.Since(epoch)) - r.born
	}
	return int64(r.rare.Clock.Now().Sub(r.rare.born))
}

// when returns the time that now was at, as the clock tells it today: of a wall
// clock that was set meanwhile, what it would have said.
func (r *rules) when(at int64) time.Time {
	return policy.Now(r.rare.Clock).Add(time.Duration(at - r.now()))
}

// trips reports whether the totals of a window open the circuit.
func (r *rules) trips(counts Counts) bool {
	if r.threshold > 0 && counts.Failures >= int64(r.threshold) {
		return true
	}
	total := counts.Successes + counts.Failures
	if total < int64(r.rare.MinCalls) { // which is 1 at least
		return false
	}
	// Divided, not multiplied: 11/20 is the float that 0.55 is, 0.55*20 is more
	// than 11.
	share := func(n int64) float64 { return float64(n) / float64(total) }
	return r.rare.FailureRate > 0 && share(counts.Failures) >= r.rare.FailureRate ||
		r.rare.SlowRate > 0 && share(counts.Slow) >= r.rare.SlowRate
}
