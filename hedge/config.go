package hedge

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Defaults of [Config].
const (
	DefaultQuantile = 0.95
	DefaultMinDelay = time.Millisecond
	DefaultMinCalls = 100
	DefaultMaxExtra = 1
)

// AtOnce is the Delay that starts the extra attempts together with the first.
const AtOnce time.Duration = -1

// NoBudget is the Budget that allows every extra attempt.
var NoBudget = new(retry.Budget)

// maxExtra bounds MaxExtra.
const maxExtra = 16

// leastAgain is the minimum time between two requests for a refused token.
const leastAgain = time.Millisecond

// Config sets when extra attempts start, and how many. The zero Config is the documented
// default. Its functions are called on the goroutines of attempts and must be safe for
// concurrent use.
type Config struct {
	Name string // for events; empty is fine

	// Delay is the time between the starts of two attempts. 0 means a learned delay,
	// [AtOnce] no delay.
	Delay time.Duration
	// Quantile is the share of first attempts that finish before a learned delay. It is
	// more than 0 and less than 1; 0 means 0.95. The learned delay is at most 10 % longer
	// than this quantile of the latencies.
	Quantile float64
	// MinDelay and MaxDelay bound a learned delay. A MinDelay of 0 means 1 ms, or MaxDelay
	// if that is less; a MaxDelay of 0 means no bound.
	MinDelay time.Duration
	MaxDelay time.Duration
	// MinCalls is the number of latencies needed before a delay is learned. Until then no
	// attempt starts by time. 0 means 100.
	MinCalls int

	// MaxExtra is the number of extra attempts per call, at most 16. 0 means 1.
	MaxExtra int
	// Budget bounds the extra attempts of all calls. Nil means a budget of the hedge's
	// own: 10 % of the calls, plus one per second. If the budget is exhausted, an extra
	// attempt that is due does not start, and the hedge asks again after another Delay, at
	// least 1 ms, or not at all with AtOnce. A budget may be shared with other hedges and
	// with retries, which then count each call once. [NoBudget] means no bound.
	Budget *retry.Budget `json:"-"`

	// OnFailure starts the next attempt as soon as one fails. If no other is running, it
	// runs on the caller's goroutine, except with Abandon. If the error has a
	// [policy.RetryAfter], the attempt waits that long; if that is more than 30 s, or past
	// the caller's deadline, no further attempt starts. With AtOnce, OnFailure has no
	// effect. Without OnFailure, a first attempt that fails before another has started ends
	// the call.
	OnFailure bool
	// HedgeIf reports, with OnFailure, whether an error justifies another attempt. Nil
	// means [retry.Retryable]. It is not called for rejections and permanent errors, which
	// never start an attempt, nor for a nil error with a value that WithCondition rejected,
	// which always does.
	HedgeIf func(error) bool `json:"-"`
	// Abandon also runs the first attempt on its own goroutine. The call then returns with
	// the first success, or when the caller's context ends, even if the function ignores
	// its context.
	Abandon bool
	Clock   policy.Clock `json:"-"` // nil means real time
}

// Validate returns nil if [New] accepts the config, or all its faults, each with the
// field's name.
func (c Config) Validate() error {
	faults := fault.Of("hedge: Config")
	if c.Delay < 0 && c.Delay != AtOnce {
		faults.Add("Delay", c.Delay, "AtOnce (-1ns), 0 for a learned delay, or more than 0")
	}
	if c.Quantile != 0 && !(c.Quantile > 0 && c.Quantile < 1) { // written so that NaN fails
		faults.Add("Quantile", c.Quantile, "0 for 0.95, or more than 0 and less than 1")
	}
	if c.MinDelay < 0 {
		faults.Add("MinDelay", c.MinDelay, "0 or more")
	}
	if c.MaxDelay < 0 || c.MaxDelay > 0 && c.MaxDelay < c.MinDelay {
		faults.Add("MaxDelay", c.MaxDelay, fmt.Sprintf("0 for no bound, or at least MinDelay, %v", c.MinDelay))
	}
	if c.MinCalls < 0 {
		faults.Add("MinCalls", c.MinCalls, "0 for 100, or more")
	}
	c.validateLearning(faults)
	if c.MaxExtra < 0 || c.MaxExtra > maxExtra {
		faults.Add("MaxExtra", c.MaxExtra, fmt.Sprintf("0 for 1, or at most %d", maxExtra))
	}
	if c.Budget != nil && c.Budget != NoBudget && origin.Budget(c.Budget) != nil {
		faults.Add("Budget", "a zero Budget", "one made by retry.NewBudget, NoBudget, or nil")
	}
	if c.HedgeIf != nil && !c.OnFailure {
		faults.Add("HedgeIf", "set", "nil: only OnFailure calls it, and it is not set")
	}
	return faults.Err()
}

// validateLearning adds faults for fields that have no effect if Delay is set.
func (c Config) validateLearning(faults *fault.List) {
	if c.Delay == 0 {
		return
	}
	for _, field := range []struct {
		name  string
		value any
		set   bool
	}{
		{"Quantile", c.Quantile, c.Quantile != 0},
		{"MinDelay", c.MinDelay, c.MinDelay != 0},
		{"MaxDelay", c.MaxDelay, c.MaxDelay != 0},
		{"MinCalls", c.MinCalls, c.MinCalls != 0},
	} {
		if field.set {
			faults.Add(field.name, field.value, "0: Delay is set, so no delay is learned")
		}
	}
}

// WithDefaults returns c with the defaults filled in, a Budget included. The result is valid
// if c is.
func (c Config) WithDefaults() Config { return c.withDefaults() }

func (c Config) withDefaults() Config {
	c.MaxExtra = cmp.Or(c.MaxExtra, DefaultMaxExtra)
	if c.Delay == 0 {
		c.Quantile = cmp.Or(c.Quantile, DefaultQuantile)
		if c.MinDelay == 0 {
			c.MinDelay = DefaultMinDelay
			if c.MaxDelay > 0 {
				c.MinDelay = min(c.MinDelay, c.MaxDelay)
			}
		}
		c.MinCalls = cmp.Or(c.MinCalls, DefaultMinCalls)
	}
	if c.Budget == nil {
		c.Budget = retry.NewBudget(retry.BudgetConfig{MinPerSecond: 1, Clock: c.Clock})
	}
	return c
}
