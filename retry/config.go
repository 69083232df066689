package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Defaults of [Config].
const (
	DefaultMaxAttempts   = 3
	DefaultBaseDelay     = 500 * time.Millisecond
	DefaultMaxDelay      = 4 * time.Second
	DefaultMultiplier    = 2.0
	DefaultJitterFactor  = 0.1
	DefaultMaxRetryAfter = 30 * time.Second
)

const (
	// Unlimited as MaxAttempts makes attempts until something else ends the retry.
	Unlimited = -1
	// NoJitter as JitterFactor takes every delay as it is.
	NoJitter = -1
)

// Config says how often to try and how long to wait. The zero Config is the
// documented default. Its functions are called on the goroutines of the calls,
// of many at once.
type Config struct {
	Name string // for events; empty is fine

	// MaxAttempts counts attempts, not retries. 0 means 3, Unlimited no limit.
	MaxAttempts int
	// BaseDelay is the delay before the second attempt. 0 means 500 ms, or
	// MaxDelay if that is less.
	BaseDelay time.Duration
	// MaxDelay is what no delay exceeds, jitter included; only a server's hint
	// may, and a Backoff, which has a limit of its own. 0 means 4 s, or BaseDelay if
	// that is set and more.
	MaxDelay time.Duration
	// Multiplier is by how much each delay is longer than the one before. 0 means 2.
	Multiplier float64
	// JitterFactor j makes a delay d uniformly random in d*(1±j). 0 means 0.1,
	// NoJitter none.
	JitterFactor float64
	// Backoff, if set, is what the delays come from, and BaseDelay, MaxDelay,
	// Multiplier and JitterFactor are not looked at: neither jitter is added, nor is
	// a delay cut at MaxDelay. One of less than 0 is taken as 0.
	Backoff Backoff

	// MaxElapsed, if set, ends the retry where the time since the first attempt
	// began and the delay that is due do not fit in it together. A Clock that is set
	// back meanwhile makes it so much longer; real time is monotonic.
	MaxElapsed time.Duration
	// MaxRetryAfter bounds what a server may ask for; a longer hint ends the
	// retry. 0 means 30 s.
	MaxRetryAfter time.Duration
	// Budget, if set, is asked before each further attempt.
	Budget *Budget

	// RetryIf says which errors are worth another attempt. Nil means [Retryable].
	// It is not asked about nil or about a [Permanent] error.
	RetryIf func(error) bool
	// OnRetry is told before each delay, on the goroutine of the call.
	OnRetry func(ctx context.Context, e policy.Event)
	Clock   policy.Clock   // nil means real time
	Rand    func() float64 // in [0,1); nil means math/rand/v2
}

// Validate returns nil for a config that [New] takes, or all that is wrong with
// it, each fault naming its field.
func (c Config) Validate() error {
	var faults []error
	fault := func(field string, value any, want string) {
		faults = append(faults, fmt.Errorf("retry: Config.%s is %v, want %s", field, value, want))
	}
	if c.MaxAttempts < Unlimited {
		fault("MaxAttempts", c.MaxAttempts, "Unlimited (-1), or 0 or more")
	}
	if c.BaseDelay < 0 {
		fault("BaseDelay", c.BaseDelay, "0 or more")
	}
	if c.MaxDelay < 0 {
		fault("MaxDelay", c.MaxDelay, "0 or more")
	}
	if c.MaxDelay > 0 && c.BaseDelay > c.MaxDelay && c.Backoff == nil {
		fault("BaseDelay", c.BaseDelay, fmt.Sprintf("at most MaxDelay, %v", c.MaxDelay))
	}
	if m := c.Multiplier; m != 0 && !(m >= 1 && !math.IsInf(m, 1)) { // so that NaN is refused
		fault("Multiplier", m, "0, or 1 or more and finite")
	}
	if j := c.JitterFactor; j != NoJitter && !(j >= 0 && j <= 1) {
		fault("JitterFactor", j, "NoJitter (-1), or 0 to 1")
	}
	if c.MaxElapsed < 0 {
		fault("MaxElapsed", c.MaxElapsed, "0 or more")
	}
	if c.MaxRetryAfter < 0 {
		fault("MaxRetryAfter", c.MaxRetryAfter, "0 or more")
	}
	if c.Budget != nil && c.Budget.width == 0 {
		fault("Budget", "a zero Budget", "one made by NewBudget")
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	c.MaxAttempts = cmp.Or(c.MaxAttempts, DefaultMaxAttempts)
	c.MaxDelay = cmp.Or(c.MaxDelay, max(DefaultMaxDelay, c.BaseDelay))
	c.BaseDelay = cmp.Or(c.BaseDelay, min(DefaultBaseDelay, c.MaxDelay))
	c.Multiplier = cmp.Or(c.Multiplier, DefaultMultiplier)
	c.JitterFactor = cmp.Or(c.JitterFactor, DefaultJitterFactor)
	c.MaxRetryAfter = cmp.Or(c.MaxRetryAfter, DefaultMaxRetryAfter)
	return c
}

// delay returns the wait after a failed attempt.
func (c *Config) delay(s Step) time.Duration {
	s.Rand = c.Rand
	if s.Rand == nil {
		s.Rand = rand.Float64
	}
	if c.Backoff != nil {
		return max(0, c.Backoff(s))
	}
	d := exponential(float64(c.BaseDelay), float64(c.MaxDelay), c.Multiplier, s.Attempt)
	if c.JitterFactor != NoJitter {
		d *= 1 + c.JitterFactor*(2*s.Rand()-1)
	}
	return clamp(d, c.MaxDelay)
}
