package hedge

import (
	"cmp"
	"fmt"
	"reflect"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
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

// AtOnce as Delay begins the extra attempts together with the first.
const AtOnce time.Duration = -1

// NoBudget as Budget makes every extra attempt that is due.
var NoBudget = new(retry.Budget)

// maxExtra bounds MaxExtra.
const maxExtra = 16

// leastAgain is the least time after which a refused token is asked for again.
const leastAgain = time.Millisecond

// Config says when to begin extra attempts, and how many. The zero Config is the documented
// default. Its functions are called on the goroutines of the attempts, of many at once.
type Config struct {
	Name string // for events; empty is fine

	// Delay is the time from the begin of one attempt to the next. 0 means that it is
	// learned; [AtOnce] is none.
	Delay time.Duration
	// Quantile is the share of first attempts that a learned delay leaves alone: they are
	// done by then. It is above 0 and below 1; 0 means 0.95. The delay is at most a tenth
	// longer than the quantile is.
	Quantile float64
	// MinDelay and MaxDelay bound a learned delay. 0 means 1 ms, or MaxDelay if that is
	// less, and no bound.
	MinDelay time.Duration
	MaxDelay time.Duration
	// MinCalls is how many latencies must have been seen before the first delay is learned.
	// Until then no attempt is begun for the sake of time. 0 means 100.
	MinCalls int

	// MaxExtra is how many extra attempts a call may take, at most 16. 0 means 1.
	MaxExtra int
	// Budget bounds the extra attempts of all calls. Nil means one of the hedge's own: 10 %
	// of the calls, and one a second. Where it is spent, an attempt that is due is left out
	// and asked for again a Delay later, at least 1 ms. A budget may be shared with other hedges and with
	// retries, which then count a call once. [NoBudget] does without.
	Budget *retry.Budget `json:"-"`

	// OnFailure begins the next attempt as soon as one has failed, on the goroutine of that
	// one. If the error asks for time ([policy.RetryAfter]) the attempt waits for so long;
	// if that is more than 30 s, or beyond the caller's deadline, none follows.
	// With AtOnce it has no effect. Without OnFailure, a first attempt that fails before
	// another has begun ends the call.
	OnFailure bool
	// HedgeIf says, with OnFailure, which errors are worth another attempt. Nil means
	// [retry.Retryable]. It is not called for rejections and permanent errors, which are
	// not, and for values that WithCondition refused, which are.
	HedgeIf func(error) bool `json:"-"`
	// Abandon runs the first attempt on a goroutine of its own too, so that the call returns
	// with the first success, or with the caller's context, even if the function ignores its
	// context.
	Abandon bool
	Clock   policy.Clock `json:"-"` // nil means real time
}

// Validate returns nil for a config that [New] accepts, or all its faults, each naming its
// field.
func (c Config) Validate() error {
	faults := fault.Of("hedge: Config")
	if c.Delay < 0 && c.Delay != AtOnce {
		faults.Add("Delay", c.Delay, "AtOnce (-1ns), 0 for a learned delay, or more than 0")
	}
	if c.Quantile != 0 && !(c.Quantile > 0 && c.Quantile < 1) { // so that NaN is refused
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
	if c.Budget != nil && c.Budget != NoBudget && reflect.ValueOf(c.Budget).Elem().IsZero() {
		faults.Add("Budget", "a zero Budget", "one made by retry.NewBudget, NoBudget, or nil")
	}
	if c.HedgeIf != nil && !c.OnFailure {
		faults.Add("HedgeIf", "set", "nil without OnFailure, which alone asks it")
	}
	return faults.Err()
}

// validateLearning adds the fields that a given delay leaves without effect.
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
			faults.Add(field.name, field.value, "0 beside a Delay, which is then not learned")
		}
	}
}

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
