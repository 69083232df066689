package pipeline

import (
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Defaults of [StandardConfig].
const (
	DefaultTotalTimeout   = 30 * time.Second
	DefaultAttemptTimeout = 10 * time.Second
)

// StandardConfig configures [Standard]. The zero value is a total of 30 s, the
// default retry, no breaker, and 10 s an attempt.
type StandardConfig struct {
	Name           string           // the pipeline's name
	TotalTimeout   time.Duration    // for the whole call; 0 = 30 s, negative = none
	Retry          retry.Config     // zero = the default retry
	Circuit        *breaker.Circuit // nil = no breaker
	AttemptTimeout time.Duration    // for each attempt; 0 = 10 s, negative = none
	Clock          policy.Clock     // of the timeouts, and of the retry if it has none; nil = real time
}

// Validate returns nil for a config that [Standard] takes, or all that is wrong
// with it: what retry.Config.Validate says, an attempt timeout that is not
// shorter than the total, delays that cannot fit in it.
func (c StandardConfig) Validate() error {
	faults := []error{c.Retry.Validate()}
	c = c.withDefaults()
	if c.TotalTimeout > 0 && c.AttemptTimeout >= c.TotalTimeout {
		faults = append(faults, fmt.Errorf("pipeline: StandardConfig.AttemptTimeout is %v, want less than TotalTimeout, %v",
			c.AttemptTimeout, c.TotalTimeout))
	}
	if sum := c.delays(); c.TotalTimeout > 0 && sum >= c.TotalTimeout {
		faults = append(faults, fmt.Errorf("pipeline: StandardConfig.Retry has delays of %v before its last attempt, want less than TotalTimeout, %v",
			sum, c.TotalTimeout))
	}
	return errors.Join(faults...)
}

// delays adds up what the retry waits before its last attempt, without jitter,
// as far as the total timeout. A retry without limit or with a Backoff of its
// own is not judged.
func (c StandardConfig) delays() time.Duration {
	r := c.Retry
	if r.Backoff != nil || r.MaxAttempts < 0 {
		return 0
	}
	delay := retry.Exponential(orDefault(r.BaseDelay, retry.DefaultBaseDelay),
		orDefault(r.MaxDelay, retry.DefaultMaxDelay), orDefault(r.Multiplier, retry.DefaultMultiplier))
	var sum time.Duration
	for n := 1; n < orDefault(r.MaxAttempts, retry.DefaultMaxAttempts) && sum < c.TotalTimeout; n++ {
		d := delay(retry.Step{Attempt: n})
		if d <= 0 {
			break
		}
		sum += min(d, c.TotalTimeout)
	}
	return sum
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (c StandardConfig) withDefaults() StandardConfig {
	if c.TotalTimeout == 0 {
		c.TotalTimeout = DefaultTotalTimeout
	}
	if c.AttemptTimeout == 0 {
		c.AttemptTimeout = DefaultAttemptTimeout
	}
	if c.Retry.Clock == nil {
		c.Retry.Clock = c.Clock
	}
	return c
}

// Standard returns the pipeline that most calls want: total timeout > retry >
// breaker > attempt timeout. It panics with Validate's error.
func Standard[T any](cfg StandardConfig) *Pipeline[T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	var policies []policy.Policy[T]
	if cfg.TotalTimeout > 0 {
		policies = append(policies, policy.NewTimeout[T](policy.TimeoutConfig{
			Name: "total", After: cfg.TotalTimeout, Clock: cfg.Clock,
		}))
	}
	policies = append(policies, retry.New[T](cfg.Retry))
	if cfg.Circuit != nil {
		policies = append(policies, breaker.New[T](cfg.Circuit))
	}
	if cfg.AttemptTimeout > 0 {
		policies = append(policies, policy.NewTimeout[T](policy.TimeoutConfig{
			Name: "attempt", After: cfg.AttemptTimeout, Clock: cfg.Clock,
		}))
	}
	return New(policies...).Named(cfg.Name)
}
