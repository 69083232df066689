package ductilegrpc

import (
	"context"
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/throttle"
)

// ServerConfig configures [UnaryServer], [StreamServer] and [Tap]. The zero ServerConfig is
// valid: no call is refused, and errors of policies that a handler returns leave with their
// status. Policies that are set apply in this order, the first outermost:
//
//	MaxTimeout > MinRemaining > Limiters > Limiter > Throttle > Gate > Adaptive > handler
//
// The limiters are outside, so that a call beyond its caller's rate takes no place. Functions
// must be safe for concurrent use.
type ServerConfig struct {
	// MinRemaining refuses calls whose deadline is closer than this, with the status
	// DeadlineExceeded, on arrival and after the queues: their callers would not see the
	// reply. 0 means that no call is refused for its deadline. Calls without a deadline
	// are not.
	MinRemaining time.Duration
	// MaxTimeout bounds unary calls, whatever deadline the caller has set, the time in a
	// queue included. It ends the handler's context. Streams are not bounded. 0 means no
	// limit. It must be at least MinRemaining.
	MaxTimeout time.Duration

	// Limiters has a limiter for each caller. Caller names it, so both are set or neither.
	Limiters *keyed.Map[string, *ratelimit.Limiter]
	// Caller returns the key of a call in Limiters, for instance from the client's
	// certificate (package peer) or from metadata that a proxy of yours has set; without a
	// key, false, the call uses no limiter of its own. With [Tap] it runs before the
	// interceptors do.
	Caller func(ctx context.Context, fullMethod string) (key string, ok bool)
	// Limiter bounds the rate of all calls.
	Limiter *ratelimit.Limiter
	// Throttle sheds calls while too many handlers fail.
	Throttle *throttle.Throttle
	// Gate bounds the calls whose handlers run. A stream holds its place until its handler
	// returns.
	Gate *bulkhead.Gate
	// Adaptive bounds the calls whose handlers run, and finds the limit by itself. The
	// latency of a stream is how long its handler runs, so a limiter for both kinds of calls
	// learns little: give streams a Gate.
	Adaptive *adaptive.Limiter

	// Priority returns the priority of a call, for Throttle, for the queues, and for policies
	// further in by the handler's context. If nil, the priority in the context is used, or
	// Normal: what a client sends is not trusted. [PriorityFromMetadata] trusts it.
	Priority func(ctx context.Context, fullMethod string) policy.Priority
	// Classify returns what a handler's error says about the server, for Throttle and
	// Adaptive. If it is nil or returns Undecided, their own Classify decides, and if that
	// is nil the status code: a call that the caller got wrong, such as InvalidArgument or
	// NotFound, is a Success, and Unavailable, ResourceExhausted, DeadlineExceeded,
	// Internal, Unknown and DataLoss are Failures. Every error is Ignored if the caller has
	// cancelled the call.
	Classify func(error) policy.Outcome
	// Observer gets the events of each call, with the full method as Pipeline and, unless a
	// limiter of Limiters emits them, as Key.
	Observer policy.Observer
	// Clock measures MaxTimeout and what remains of a deadline. Nil means real time, which
	// gRPC's deadlines are in.
	Clock policy.Clock
}

// Validate returns nil if [UnaryServer], [StreamServer] and [Tap] accept c, and otherwise all
// faults, joined, each naming its field.
func (c ServerConfig) Validate() error {
	faults := fault.Of("ductilegrpc: ServerConfig")
	faults.NotNegative("MinRemaining", c.MinRemaining)
	faults.NotNegative("MaxTimeout", c.MaxTimeout)
	if c.MaxTimeout > 0 && c.MinRemaining > c.MaxTimeout {
		faults.Add("MinRemaining", c.MinRemaining, "at most MaxTimeout, or every call is refused")
	}
	if c.Limiters != nil && c.Caller == nil {
		faults.Add("Caller", "nil", "a function, because Limiters is set")
	}
	if c.Caller != nil && c.Limiters == nil {
		faults.Add("Limiters", "nil", "a map made by keyed.New, because Caller is set")
	}
	if c.Limiter != nil {
		faults.In("Limiter", origin.Limiter(c.Limiter))
	}
	if c.Throttle != nil {
		faults.In("Throttle", origin.Throttle(c.Throttle))
	}
	if c.Gate != nil {
		faults.In("Gate", origin.Gate(c.Gate))
	}
	if c.Adaptive != nil {
		faults.In("Adaptive", origin.Adaptive(c.Adaptive))
	}
	return faults.Err()
}

// checked panics with the error of Validate.
func (c ServerConfig) checked() {
	if err := c.Validate(); err != nil {
		panic(err)
	}
}
