package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Defaults of [StandardConfig].
const (
	DefaultTotalTimeout   = 30 * time.Second
	DefaultAttemptTimeout = 10 * time.Second
)

// standardConfig names the type in its faults.
const standardConfig = "pipeline: StandardConfig"

// StandardConfig configures [Standard]. The zero value is a total of 30 s, the default
// retry, no breaker, and 10 s an attempt.
type StandardConfig struct {
	Name         string        // the pipeline's name
	TotalTimeout time.Duration // for the whole call; 0 = 30 s, negative = none
	// Retry is the retry's config; the zero value is the default retry. If the default
	// delays do not fit in TotalTimeout, they are shortened to take half of it.
	Retry          retry.Config
	Circuit        *breaker.Circuit `json:"-"` // nil = no breaker
	AttemptTimeout time.Duration    // for each attempt; 0 = 10 s, or a third of the total if that is less; negative = none
	// Keep is for results that outlive the call, such as the body of a response: the
	// hold of both timeouts' WithKeep. It is a func(context.Context, T, func()) T, where T
	// is the type that Standard is called with, or any. Nil means none.
	Keep  any          `json:"-"`
	Clock policy.Clock `json:"-"` // of the timeouts, and of the retry if it has none; nil = real time
}

// Validate returns nil for a config that [Standard] accepts, or all its faults, each
// naming its field: those of Retry, a circuit that NewCircuit did not make, an attempt
// timeout that is not shorter than the total, delays that were set and do not fit in
// the total.
func (c StandardConfig) Validate() error {
	faults := fault.Of(standardConfig)
	faults.In("Retry", c.Retry.Validate())
	sound := faults.Err() == nil // delays that make no sense add up to none
	if c.Circuit != nil {
		faults.In("Circuit", c.Circuit.Validate())
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

// isHold reports whether t is a func(context.Context, T, func()) T of some T.
func isHold(t reflect.Type) bool {
	return t.Kind() == reflect.Func && !t.IsVariadic() && t.NumIn() == 3 && t.NumOut() == 1 &&
		t.In(0) == reflect.TypeFor[context.Context]() && t.In(1) == t.Out(0) && t.In(2) == reflect.TypeFor[func()]()
}

// delays adds up what the retry waits before its last attempt, without jitter:
// a geometric series up to the cap, and the cap from there on. A retry without a limit
// or with a Backoff of its own is not judged.
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

// bent returns r with delays that fit in total, if they are defaults and do not: they
// are scaled so that the sum takes half of the total. A MaxDelay that was set stays. No
// default is scaled below a twentieth of the total: very many attempts would otherwise
// leave a server no time between them. The total ends such a retry.
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
	if r.BaseDelay == 0 { // of a total of a few nanoseconds
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

// Standard returns the pipeline that most calls want: total timeout > retry >
// breaker > attempt timeout. It panics with the error of [StandardConfig.Validate], or
// if Keep is for another type than T.
func Standard[T any](cfg StandardConfig) *Pipeline[T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	total, attempt := cfg.timeouts()
	retrying := bent(cfg.Retry, total)
	if retrying.Clock == nil {
		retrying.Clock = cfg.Clock
	}
	hold := holdOf[T](cfg.Keep)
	limit := func(name string, after time.Duration) policy.Policy[T] {
		t := policy.NewTimeout[T](policy.TimeoutConfig{Name: name, After: after, Clock: cfg.Clock})
		if hold != nil {
			return t.WithKeep(hold)
		}
		return t
	}
	var policies []policy.Policy[T]
	if total > 0 {
		policies = append(policies, limit("total", total))
	}
	policies = append(policies, retry.New[T](retrying))
	if cfg.Circuit != nil {
		policies = append(policies, breaker.New[T](cfg.Circuit))
	}
	if attempt > 0 {
		policies = append(policies, limit("attempt", attempt))
	}
	return New(policies...).WithName(cfg.Name)
}

// holdOf returns Keep as a function for values of type T, or nil.
func holdOf[T any](keep any) func(context.Context, T, func()) T {
	switch hold := keep.(type) {
	case nil:
		return nil
	case func(context.Context, T, func()) T:
		return hold
	case func(context.Context, any, func()) any:
		return func(ctx context.Context, v T, release func()) T {
			held := hold(ctx, v, release)
			t, ok := held.(T)
			if !ok && !nilOf[T](held) {
				panic(fmt.Sprintf("pipeline: StandardConfig.Keep returned %s, want %v", typeOf(held), reflect.TypeFor[T]()))
			}
			return t
		}
	}
	faults := fault.Of(standardConfig)
	faults.Add("Keep", fmt.Sprintf("a %T", keep), fmt.Sprintf("a %v", reflect.TypeFor[func(context.Context, T, func()) T]()))
	panic(faults.Err())
}
