package retry

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/random"
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
	// NoJitter as JitterFactor leaves every delay as it is.
	NoJitter = -1
	// NoDelay as BaseDelay makes the next attempt at once.
	NoDelay time.Duration = -1
)

// maxKept bounds KeepErrors.
const maxKept = 64

// Config says how often to try and how long to wait. The zero Config is the
// documented default. Its functions are called on the goroutines of the calls,
// of many at once.
type Config struct {
	Name string // for events; empty is fine

	// MaxAttempts counts attempts, not retries. 0 means 3, Unlimited no limit.
	MaxAttempts int
	// BaseDelay is the delay before the second attempt. 0 means 500 ms, or MaxDelay if
	// that is less; NoDelay means none.
	BaseDelay time.Duration
	// MaxDelay is the longest delay, jitter included. Only a server's hint may exceed
	// it, and a Backoff, which has a limit of its own. 0 means 4 s, or BaseDelay if that
	// is set and longer.
	MaxDelay time.Duration
	// Multiplier is the ratio of each delay to the one before. 0 means 2.
	Multiplier float64
	// JitterFactor j makes a delay d uniformly random in d*(1±j), and a server's hint h
	// in h*(1+j), so that callers who were given one hint do not return together. 0 means
	// 0.1, NoJitter none.
	JitterFactor float64
	// Backoff, if set, replaces BaseDelay, MaxDelay, Multiplier and the jitter of delays:
	// neither is jitter added, nor is a delay cut at MaxDelay. Its panics pass through.
	Backoff Backoff `json:"-"`

	// MaxElapsed, if set, ends the retry if the time since the first attempt began plus
	// the next delay exceeds it. A Clock that is set back meanwhile extends it by as
	// much; real time is monotonic.
	MaxElapsed time.Duration
	// MaxRetryAfter is the longest hint of a server that is followed; a longer one ends
	// the retry. 0 means 30 s.
	MaxRetryAfter time.Duration
	// Budget, if set, is asked before each further attempt.
	Budget *Budget `json:"-"`

	// RetryIf says which errors are worth another attempt. Nil means [Retryable].
	// It is not called for nil, rejections and [Permanent] errors.
	RetryIf func(error) bool `json:"-"`
	// RetryRejected makes a rejection that says when to come back
	// ([policy.RetryAfter]) worth another attempt after that time, within MaxRetryAfter. A
	// rejection is final otherwise, whatever RetryIf or WithCondition say: an open
	// circuit would keep the caller waiting.
	RetryRejected bool
	// KeepErrors is how many attempts' errors [Error.Errs] has, at most 64. 0 means the
	// last alone.
	KeepErrors int
	// OnRetry is called before each delay, on the goroutine of the call.
	OnRetry func(ctx context.Context, e policy.Event) `json:"-"`
	Clock   policy.Clock                              `json:"-"` // nil means real time
	Rand    func() float64                            `json:"-"` // in [0,1), other numbers are brought there; nil means math/rand/v2
}

// Validate returns nil for a config that [New] accepts, or all its faults, each naming
// its field.
func (c Config) Validate() error {
	faults := fault.Of("retry: Config")
	if c.MaxAttempts < Unlimited {
		faults.Add("MaxAttempts", c.MaxAttempts, "Unlimited (-1), or 0 or more")
	}
	if c.BaseDelay < 0 && c.BaseDelay != NoDelay {
		faults.Add("BaseDelay", c.BaseDelay, "NoDelay (-1ns), or 0 or more")
	}
	faults.NotNegative("MaxDelay", c.MaxDelay)
	if c.MaxDelay > 0 && c.BaseDelay > c.MaxDelay && c.Backoff == nil {
		faults.Add("BaseDelay", c.BaseDelay, fmt.Sprintf("at most MaxDelay, %v", c.MaxDelay))
	}
	if m := c.Multiplier; m != 0 && !(m >= 1 && !math.IsInf(m, 1)) { // so that NaN is refused
		faults.Add("Multiplier", m, "0, or 1 or more and finite")
	}
	if j := c.JitterFactor; j != NoJitter && !(j >= 0 && j <= 1) {
		faults.Add("JitterFactor", j, "NoJitter (-1), or 0 to 1")
	}
	faults.NotNegative("MaxElapsed", c.MaxElapsed)
	faults.NotNegative("MaxRetryAfter", c.MaxRetryAfter)
	if c.KeepErrors < 0 || c.KeepErrors > maxKept {
		faults.Add("KeepErrors", c.KeepErrors, fmt.Sprintf("0 to %d", maxKept))
	}
	if c.Budget != nil && !c.Budget.made() {
		faults.Add("Budget", "a zero Budget", "one made by NewBudget")
	}
	return faults.Err()
}

// WithDefaults returns c with each zero field that has a default replaced by it.
func (c Config) WithDefaults() Config {
	c.MaxAttempts = cmp.Or(c.MaxAttempts, DefaultMaxAttempts)
	c.MaxDelay = cmp.Or(c.MaxDelay, max(DefaultMaxDelay, c.BaseDelay))
	c.BaseDelay = cmp.Or(c.BaseDelay, min(DefaultBaseDelay, c.MaxDelay))
	c.Multiplier = cmp.Or(c.Multiplier, DefaultMultiplier)
	c.JitterFactor = cmp.Or(c.JitterFactor, DefaultJitterFactor)
	c.MaxRetryAfter = cmp.Or(c.MaxRetryAfter, DefaultMaxRetryAfter)
	return c
}

// effective returns the config that a retry runs by.
func (c Config) effective() Config {
	c = c.WithDefaults()
	c.Rand = random.Clamped(c.Rand)
	return c
}

// delay returns the wait after a failed attempt: Stop, or 0 or more.
func (c *Config) delay(s Step) time.Duration {
	s.Rand = c.Rand
	if c.Backoff != nil {
		if d := c.Backoff(s); d >= 0 || d == Stop {
			return d
		}
		return 0
	}
	if c.BaseDelay == NoDelay {
		return 0
	}
	d := exponential(float64(c.BaseDelay), float64(c.MaxDelay), c.Multiplier, s.Attempt)
	if c.JitterFactor != NoJitter {
		d *= 1 + c.JitterFactor*(2*s.Rand()-1)
	}
	return clamp(d, c.MaxDelay)
}

// spread returns the wait for a hint: never less, and random above it.
func (c *Config) spread(hint time.Duration) time.Duration {
	if c.JitterFactor == NoJitter {
		return hint
	}
	return max(hint, clamp(float64(hint)*(1+c.JitterFactor*c.Rand()), math.MaxInt64))
}
