package adaptive

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/policy"
)

// Defaults of [Config].
const (
	DefaultInitial  = 20
	DefaultMin      = 1
	DefaultMax      = 1000
	DefaultQuantile = 0.9
	DefaultWindow   = 100 * time.Millisecond
	DefaultMinCalls = 100
)

// maxLimit is the largest limit and MaxQueue of a gate.
const maxLimit = math.MaxInt32

// Config sets how a [Limiter] finds its limit, and which calls may wait. The zero Config
// climbs between 1 and 1000 and has no queue. JSON omits the functions and the clock.
type Config struct {
	// Name is for events, errors and snapshots. It may be empty.
	Name string `json:"name,omitempty"`
	// Initial is the limit at first, between Min and Max. 0 means 20, or Min if that is
	// more, or Max if that is less.
	Initial int `json:"initial,omitempty"`
	// Min is the lowest limit. 0 means 1.
	Min int `json:"min,omitempty"`
	// Max is the highest limit, at most 2147483647. 0 means 1000, or the larger of Min and
	// Initial if that is more. It bounds the load on a dependency whose latency does not rise
	// with its load: to a limiter, more concurrency always looks better there.
	Max int `json:"max,omitempty"`

	// Target is the latency that a client aims at: with it, the limiter uses AIMD. Choose
	// three times the Quantile of the latencies of a healthy, lightly loaded dependency. A
	// Target below what the dependency needs without load pins the limit at Min, and
	// [Snapshot].Pinned says so. 0 means Climb, for a limiter that all load passes through.
	Target time.Duration `json:"target,omitempty"`
	// Quantile is the share of a window's latencies that must be at most Target, more than
	// 0 and at most 1. 0 means 0.9. It needs Target.
	Quantile float64 `json:"quantile,omitempty"`
	// Window is the least duration of a window. 0 means 100 ms.
	Window time.Duration `json:"window,omitempty"`
	// MinCalls is the least number of latencies in a window. 0 means 100. A window of Climb
	// also has at least as many as the limit. If latencies vary a lot, as with a mix of cheap
	// and expensive calls, more calls make a steadier limit.
	MinCalls int `json:"min_calls,omitempty"`

	// MaxQueue is the number of calls that may wait for a place. 0 means none: a call that
	// finds no free place is refused.
	MaxQueue int `json:"max_queue,omitempty"`
	// MaxWait bounds how long a call waits. 0 means until its context ends. It needs
	// MaxQueue. The time in the queue is no part of a latency.
	MaxWait time.Duration `json:"max_wait,omitempty"`
	// Order sets which waiting call is served next, as in package bulkhead. LIFO and
	// Adaptive need MaxQueue.
	Order bulkhead.Order `json:"order,omitzero"`
	// Delay bounds waits depending on how long the queue has not been empty, as in package
	// bulkhead. It needs MaxQueue.
	Delay bulkhead.CoDel `json:"delay,omitzero"`
	// Priority returns the priority of a call that may have to wait. Nil means
	// [policy.PriorityOf]. It is called on the call's goroutine, outside any lock, and
	// must be safe for concurrent use. It is not called without MaxQueue.
	Priority func(ctx context.Context) policy.Priority `json:"-"`

	// Classify says what an error means, as in package breaker. If it is nil or returns
	// Undecided, a nil error is a Success, an error that matches policy.ErrRejected is
	// Ignored, and any other is a Failure. Before it is asked, an error marked by
	// breaker.Judge means what the mark says, and any other error of a call whose caller
	// cancelled its context is Ignored. It must be safe for concurrent use.
	Classify func(error) policy.Outcome `json:"-"`
	// OnChange is called after each change of the limit, once for each and in their order,
	// on the goroutine of a call that has ended, or of Reconfigure. The call has given its
	// place back, unless WithKeep keeps it. No lock is held, so it may use the limiter. A
	// panic in it is logged and recovered.
	OnChange func(Change) `json:"-"`
	// Clock measures latencies, windows and waits. Nil means real time.
	Clock policy.Clock `json:"-"`
}

// Validate returns nil if [NewLimiter] accepts the config. Otherwise it returns all
// faults, each with the field, its value and the allowed values.
func (c Config) Validate() error {
	faults := fault.Of("adaptive: Config")
	c.validateLimits(faults)
	faults.NotNegative("Target", c.Target)
	switch {
	case !(c.Quantile >= 0 && c.Quantile <= 1): // NaN too
		faults.Add("Quantile", c.Quantile, fmt.Sprintf("0 for the default, %v, or more than 0 and at most 1", DefaultQuantile))
	case c.Quantile > 0 && c.Target == 0:
		faults.Add("Quantile", c.Quantile, "needs Target: Climb uses the mean latency")
	}
	faults.NotNegative("Window", c.Window)
	if c.MinCalls < 0 {
		faults.Add("MinCalls", c.MinCalls, fmt.Sprintf("0 for the default, %d, or more", DefaultMinCalls))
	}
	faults.In("", bulkhead.Config{Limit: 1, MaxQueue: c.MaxQueue, MaxWait: c.MaxWait, Order: c.Order, Delay: c.Delay}.Validate())
	return faults.Err()
}

func (c Config) validateLimits(faults *fault.List) {
	valid := true
	for _, f := range []struct {
		name  string
		value int
	}{{"Initial", c.Initial}, {"Min", c.Min}, {"Max", c.Max}} {
		if f.value < 0 || f.value > maxLimit {
			faults.Add(f.name, f.value, fmt.Sprintf("0 for the default, or 1 to %d", maxLimit))
			valid = false
		}
	}
	if !valid {
		return
	}
	full := c.withDefaults()
	if full.Min > full.Max {
		faults.Add("Min", full.Min, fmt.Sprintf("at most Max, which is %d", full.Max))
	} else if full.Initial < full.Min || full.Initial > full.Max {
		faults.Add("Initial", full.Initial, fmt.Sprintf("0 for the default, or Min to Max, which are %d and %d", full.Min, full.Max))
	}
}

// WithDefaults returns c with the defaults filled in. The result is valid if c is.
func (c Config) WithDefaults() Config { return c.withDefaults() }

// withDefaults fills in the defaults. It is idempotent.
func (c Config) withDefaults() Config {
	c.Min = cmp.Or(c.Min, DefaultMin)
	if c.Max == 0 {
		c.Max = max(DefaultMax, c.Min, c.Initial)
	}
	if c.Initial == 0 {
		c.Initial = max(c.Min, min(DefaultInitial, c.Max))
	}
	if c.Target > 0 {
		c.Quantile = cmp.Or(c.Quantile, DefaultQuantile)
	}
	c.Window = cmp.Or(c.Window, DefaultWindow)
	c.MinCalls = cmp.Or(c.MinCalls, DefaultMinCalls)
	return c
}
