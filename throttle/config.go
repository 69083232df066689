package throttle

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/window"
	"github.com/ductile-go/ductile/policy"
)

// Defaults of [Config].
const (
	DefaultK         = 2.0
	DefaultWindow    = 2 * time.Minute
	DefaultMinCalls  = 10
	DefaultMaxReject = 0.99
)

// Config says when a throttle rejects calls. The zero Config is usable: the throttle
// begins to reject calls when more than half of those of the last 2 minutes have failed.
//
// A call is counted when it ends. The first rule that applies decides what it counts as:
//
//  1. A panic or runtime.Goexit is a Failure.
//  2. An error marked by breaker.Judge means what the mark says.
//  3. Any other error is Ignored if the caller's own context was cancelled.
//  4. The function of [Throttled.WithClassifier] decides, unless it returns Undecided.
//  5. Classify decides, unless it returns Undecided.
//  6. A nil error is a Success, policy.ErrRejected is Ignored, any other is a Failure.
//
// A Success is a request and an accept, a Failure is a request, and an Ignored call is
// neither. A call that the throttle rejects is a request.
//
// If calls have different priorities, the rejections are taken from the lowest class up.
// The throttle knows the share of each class in the last 1,000 requests. With p the
// probability of the package's formula, it rejects calls of a class at the rate
//
//	(p - share of the lower classes) / own share, within 0 and MaxReject
//
// So a class is spared until nearly all calls of the classes below are rejected. The class
// is that of [policy.PriorityOf]; calls without one are Normal.
//
// The functions of a Config are called by many goroutines at once. JSON leaves out the
// functions, Clock and Rand.
type Config struct {
	// Name is used in errors, events and Snapshot. It may be empty.
	Name string `json:"name,omitempty"`
	// K is how many requests the throttle sends for each one that is accepted. 0 means 2.
	// It is at least 1 and at most 1,000,000. A smaller K sends the dependency fewer calls
	// to refuse, and throttling starts earlier: when more than 1 - 1/K of the calls fail.
	K float64 `json:"k,omitempty"`
	// Window is the length of the rolling window of requests, in 10 buckets. 0 means 2
	// minutes. After a long outage, it takes about three windows until all calls are sent
	// again. If the clock is set back by more than two windows, counting begins anew.
	Window time.Duration `json:"window,omitempty"`
	// MinCalls is how many requests the window must hold before a call is rejected. 0
	// means 10.
	MinCalls int `json:"min_calls,omitempty"`
	// MaxReject bounds the rate of rejections, so that some calls always go through and
	// notice when the dependency has recovered. 0 means 0.99. It is less than 1.
	MaxReject float64 `json:"max_reject,omitempty"`

	// Classify returns what an error means; err is nil for a success. If nil, the default
	// rule decides.
	Classify func(error) policy.Outcome `json:"-"`
	// Clock measures the window. Nil means real time.
	Clock policy.Clock `json:"-"`
	// Rand returns numbers in [0,1). A call is rejected if its number is below the rate.
	// Rand is not called while the rate is 0. Nil means math/rand/v2. Numbers out of range
	// are clamped.
	Rand func() float64 `json:"-"`
}

// maxK bounds K. Beyond it, only a dependency that accepts nothing would be throttled.
const maxK = 1e6

// Validate returns nil for a config that [NewThrottle] accepts. Otherwise the error joins
// all faults, each of which names its field.
func (c Config) Validate() error {
	faults := fault.Of("throttle: Config")
	if c.K != 0 && !(c.K >= 1 && c.K <= maxK) { // also true of NaN
		faults.Add("K", c.K, "0 for the default, 2, or 1 to 1e+06")
	}
	if c.Window < 0 || c.Window > 0 && c.Window < window.Buckets {
		faults.Add("Window", c.Window, fmt.Sprintf("0 for the default, %v, or at least %v", DefaultWindow, time.Duration(window.Buckets)))
	}
	if c.MinCalls < 0 || c.MinCalls > math.MaxInt32 {
		faults.Add("MinCalls", c.MinCalls, "0 for the default, 10, or 1 to 2147483647")
	}
	if !(c.MaxReject >= 0 && c.MaxReject < 1) {
		faults.Add("MaxReject", c.MaxReject, "0 for the default, 0.99, or more than 0 and less than 1: at 1 no call would notice a recovery")
	}
	return faults.Err()
}

// WithDefaults returns c with the defaults filled in. The result is valid if c is.
func (c Config) WithDefaults() Config { return c.withDefaults() }

// withDefaults fills in the defaults. It is idempotent.
func (c Config) withDefaults() Config {
	c.K = cmp.Or(c.K, DefaultK)
	c.Window = cmp.Or(c.Window, DefaultWindow)
	c.MinCalls = cmp.Or(c.MinCalls, DefaultMinCalls)
	c.MaxReject = cmp.Or(c.MaxReject, DefaultMaxReject)
	return c
}
