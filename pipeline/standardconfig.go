package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// Defaults of [StandardConfig].
const (
	DefaultTotalTimeout   = 30 * time.Second
	DefaultAttemptTimeout = 10 * time.Second
)

// standardConfig names the type in its faults.
const standardConfig = "pipeline: StandardConfig"

// StandardConfig configures [Standard]. The zero value means 30 s for the call, the
// default retry, no breaker, and 10 s for each attempt.
type StandardConfig struct {
	Name         string        // the pipeline's name
	TotalTimeout time.Duration // for the whole call; 0 means 30 s, negative means none
	// Retry configures the retry. If its default delays do not fit in TotalTimeout,
	// they are shortened to take half of it.
	Retry retry.Config
	// Hedge makes extra attempts beside slow ones, each with its own AttemptTimeout and
	// each seen by the circuit and the limiter. Its clock, if nil, is Clock. The function
	// must then be safe to run more than once at a time. Nil means no hedge.
	Hedge   *hedge.Config
	Circuit *breaker.Circuit `json:"-"` // nil means no breaker
	// Throttle sheds attempts while the dependency refuses many of them. It usually takes
	// the place of Circuit. With both, it is inside of the breaker: neither counts what the
	// other rejects. Nil means no throttle.
	Throttle *throttle.Throttle `json:"-"`
	// Limiter takes tokens for each attempt, extra ones included. A call that an open
	// circuit rejects takes none. Nil means no limit.
	Limiter        *ratelimit.Limiter `json:"-"`
	AttemptTimeout time.Duration      // for each attempt; 0 means 10 s, or a third of the total if that is shorter; negative means none
	// Gate has a place for each attempt, which is held until the function has returned.
	// Time in its queue counts toward AttemptTimeout. Nil means no bulkhead.
	Gate *bulkhead.Gate `json:"-"`
	// Keep is for results that outlive the call, such as the body of a response. It is
	// the argument of WithKeep of both timeouts, of the hedge and of the bulkhead: a
	// func(context.Context, T, func()) T, where T is any or the type that Standard is
	// called with. A value of a hedge's attempt that the caller does not get is closed, if
	// it has a Close method as io.Closer's. Nil means none.
	Keep  any          `json:"-"`
	Clock policy.Clock `json:"-"` // for the timeouts, and for the retry and the hedge if they have none; nil means real time
}

// Validate returns nil if [Standard] accepts c. Otherwise it returns all faults, joined,
// each naming its field. Among them are the faults of Retry and Hedge; a circuit, throttle,
// limiter or gate that its constructor did not make; an attempt timeout that is not shorter
// than the total; and delays that were set and do not fit in the total.
func (c StandardConfig) Validate() error {
	faults := fault.Of(standardConfig)
	faults.In("Retry", c.Retry.Validate())
	sound := faults.Err() == nil // faulty delays have no sum
	if c.Hedge != nil {
		faults.In("Hedge", c.Hedge.Validate())
	}
	if c.Circuit != nil {
		faults.In("Circuit", origin.Circuit(c.Circuit))
	}
	if c.Throttle != nil {
		faults.In("Throttle", origin.Throttle(c.Throttle))
	}
	if c.Limiter != nil {
		faults.In("Limiter", origin.Limiter(c.Limiter))
	}
	if c.Gate != nil {
		faults.In("Gate", origin.Gate(c.Gate))
	}
	if c.Keep != nil && (!isHold(reflect.TypeOf(c.Keep)) || same.Nil(c.Keep)) {
		faults.Add("Keep", fmt.Sprintf("a %T", c.Keep), "a func(context.Context, T, func()) T that is not nil")
	}
	total, attempt := c.timeouts()
	if total > 0 && attempt >= total {
		faults.Add("AttemptTimeout", attempt, fmt.Sprintf("less than TotalTimeout, %v", total))
	}
	if total > 0 && sound && c.Retry.BaseDelay != 0 {
		if sum := delays(c.Retry); sum >= total {
			faults.Add("Retry.BaseDelay", c.Retry.BaseDelay,
				fmt.Sprintf("less: the delays before the last attempt add up to %v, and TotalTimeout is %v", sum, total))
		}
	}
	return faults.Err()
}

// isHold reports whether t is a func(context.Context, T, func()) T for some T. It is not
// variadic, since the last parameter of such a function is a slice.
func isHold(t reflect.Type) bool {
	return t.Kind() == reflect.Func && t.NumIn() == 3 && t.NumOut() == 1 &&
		t.In(0) == reflect.TypeFor[context.Context]() && t.In(1) == t.Out(0) && t.In(2) == reflect.TypeFor[func()]()
}

// delays returns the sum of the retry's delays before its last attempt, without jitter:
// a geometric series up to the cap, and the cap from there on. It returns 0 if the
// retry has no limit or has its own Backoff.
func delays(r retry.Config) time.Duration {
	if r.Backoff != nil || r.MaxAttempts < 0 || r.BaseDelay == retry.NoDelay {
		return 0
	}
	r = r.WithDefaults()
	base, limit, factor := float64(r.BaseDelay), float64(r.MaxDelay), r.Multiplier
	waits := float64(r.MaxAttempts - 1)

	growing, sum := waits, base*waits // if factor is 1
	if factor > 1 {
		growing = min(waits, math.Ceil(math.Log(limit/base)/math.Log(factor)))
		sum = base * (math.Pow(factor, growing) - 1) / (factor - 1)
	}
	sum += limit * (waits - growing)
	return time.Duration(min(sum, 1<<62))
}

// bent returns r with default delays scaled so that their sum takes half of total, if
// they do not fit in it. A MaxDelay that was set stays. No default becomes less than a
// twentieth of total: with very many attempts, a server would otherwise get no pause.
// Such a retry is ended by the total.
func bent(r retry.Config, total time.Duration) retry.Config {
	sum := delays(r)
	if r.BaseDelay != 0 || total <= 0 || sum < total {
		return r
	}
	scaled := func(d time.Duration) time.Duration {
		return max(time.Duration(float64(d)*float64(total)/2/float64(sum)), min(d, total/20))
	}
	whole := r.WithDefaults()
	r.BaseDelay = scaled(whole.BaseDelay)
	if r.MaxDelay == 0 {
		r.MaxDelay = max(scaled(whole.MaxDelay), r.BaseDelay)
	}
	if r.BaseDelay == 0 { // if total is a few nanoseconds
		r.BaseDelay, r.MaxDelay = retry.NoDelay, 0
	}
	return r
}

// timeouts returns the two timeouts with their defaults.
func (c StandardConfig) timeouts() (total, attempt time.Duration) {
	total = cmp.Or(c.TotalTimeout, DefaultTotalTimeout)
	attempt = c.AttemptTimeout
	if attempt == 0 {
		attempt = DefaultAttemptTimeout
		if total > 0 {
			attempt = min(attempt, total/3)
		}
	}
	return total, attempt
}
