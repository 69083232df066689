package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"math"
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
// default retry, no breaker, and 10 s an attempt. For a total of 1.5 s or less the
// default retry waits too long: set BaseDelay or MaxAttempts of Retry too.
type StandardConfig struct {
	Name           string           // the pipeline's name
	TotalTimeout   time.Duration    // for the whole call; 0 = 30 s, negative = none
	Retry          retry.Config     // zero = the default retry
	Circuit        *breaker.Circuit // nil = no breaker
	AttemptTimeout time.Duration    // for each attempt; 0 = 10 s, or a third of the total if that is less; negative = none
	Clock          policy.Clock     // of the timeouts, and of the retry if it has none; nil = real time
}

// Validate returns nil for a config that [Standard] takes, or all that is wrong
// with it: what retry.Config.Validate says, a circuit that NewCircuit did not
// make, an attempt timeout that is not shorter than the total, delays that cannot
// fit in it.
func (c StandardConfig) Validate() error {
	retryFault := c.Retry.Validate()
	faults := []error{retryFault}
	if c.Circuit != nil {
		if err := c.Circuit.Validate(); err != nil {
			faults = append(faults, fmt.Errorf("pipeline: StandardConfig.Circuit: %w", err))
		}
	}
	c = c.withDefaults()
	if c.TotalTimeout > 0 && c.AttemptTimeout >= c.TotalTimeout {
		faults = append(faults, fmt.Errorf("pipeline: StandardConfig.AttemptTimeout is %v, want less than TotalTimeout, %v",
			c.AttemptTimeout, c.TotalTimeout))
	}
	if c.TotalTimeout <= 0 || retryFault != nil {
		return errors.Join(faults...) // delays that make no sense add up to none
	}
	if sum := c.delays(); sum >= c.TotalTimeout {
		faults = append(faults, fmt.Errorf("pipeline: StandardConfig.Retry has delays of %v before its last attempt, want less than TotalTimeout, %v%s",
			sum, c.TotalTimeout, unset(c.Retry)))
	}
	return errors.Join(faults...)
}

// unset says that nobody asked for the delays of r, and what to set.
func unset(r retry.Config) string {
	if r.BaseDelay != 0 || r.MaxAttempts != 0 {
		return ""
	}
	return "; they are the defaults: set its BaseDelay or MaxAttempts"
}

// delays adds up what the retry waits before its last attempt, without jitter,
// as a geometric series up to the cap and the cap from there on. A retry without
// limit or with a Backoff of its own is not judged.
func (c StandardConfig) delays() time.Duration {
	r := c.Retry
	if r.Backoff != nil || r.MaxAttempts < 0 {
		return 0
	}
	limit := float64(cmp.Or(r.MaxDelay, max(retry.DefaultMaxDelay, r.BaseDelay)))
	base := min(float64(cmp.Or(r.BaseDelay, retry.DefaultBaseDelay)), limit)
	factor := cmp.Or(r.Multiplier, retry.DefaultMultiplier)
	waits := float64(cmp.Or(r.MaxAttempts, retry.DefaultMaxAttempts) - 1)

	growing, sum := waits, base*waits // where factor is 1
	if factor > 1 {
		growing = min(waits, math.Ceil(math.Log(limit/base)/math.Log(factor)))
		sum = base * (math.Pow(factor, growing) - 1) / (factor - 1)
	}
	sum += limit * (waits - growing)
	return time.Duration(min(sum, 1<<62))
}

func (c StandardConfig) withDefaults() StandardConfig {
	if c.TotalTimeout == 0 {
		c.TotalTimeout = DefaultTotalTimeout
	}
	if c.AttemptTimeout == 0 {
		c.AttemptTimeout = DefaultAttemptTimeout
		if c.TotalTimeout > 0 {
			c.AttemptTimeout = min(DefaultAttemptTimeout, max(1, c.TotalTimeout/3))
		}
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
	return New(policies...).WithName(cfg.Name)
}
