package retry

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
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
	// Unlimited as MaxAttempts sets no limit on the number of attempts.
	Unlimited = -1
	// NoJitter as JitterFactor turns jitter off.
	NoJitter = -1
	// NoDelay as BaseDelay makes every further attempt at once.
	NoDelay time.Duration = -1
)

// maxKept is the limit of KeepErrors.
const maxKept = 64

// Config says how often to try and how long to wait. The zero Config is the documented
// default. Its functions are called on the goroutines of the calls, so they must be
// safe for concurrent use.
type Config struct {
	Name string // for events; may be empty

	// MaxAttempts counts attempts, not retries. 0 means 3, and Unlimited means no
	// limit.
	MaxAttempts int
	// BaseDelay is the delay before the second attempt. 0 means 500 ms, or MaxDelay if
	// that is shorter. NoDelay means none.
	BaseDelay time.Duration
	// MaxDelay is the longest delay, jitter included. Only a hint of the server may
	// exceed it, and so may a Backoff, which has its own limit. 0 means 4 s, or
	// BaseDelay if that is longer.
	MaxDelay time.Duration
	// Multiplier is the ratio of each delay to the one before. 0 means 2.
	Multiplier float64
	// JitterFactor j makes a delay d uniformly random within d*(1±j), and a server's
	// hint h within h*(1+j), so that callers with the same hint do not return together.
	// 0 means 0.1, and NoJitter means none.
	JitterFactor float64
	// Backoff, if set, replaces BaseDelay, MaxDelay and Multiplier. Its delays are used
	// as they are: without jitter, and not limited by MaxDelay. If it panics, the call
	// panics.
	Backoff Backoff `json:"-"`

	// MaxElapsed, if set, limits the time of the whole retry: it ends if the time since
	// the first attempt began plus the next delay exceeds MaxElapsed. A Clock that is
	// set back extends the limit by as much; real time is monotonic.
	MaxElapsed time.Duration
	// MaxRetryAfter is the longest hint of a server to follow. A longer hint ends the
	// retry. 0 means 30 s.
	MaxRetryAfter time.Duration
	// Budget, if set, must grant each further attempt.
	Budget *Budget `json:"-"`

	// RetryIf reports whether an error is worth another attempt. Nil means [Retryable].
	// It is not called for rejections and [Permanent] errors.
	RetryIf func(error) bool `json:"-"`
	// RetryRejected lets the retry wait for a rejection that says when to come back
	// ([policy.RetryAfter]), at most MaxRetryAfter. Without it every rejection is
	// final, whatever RetryIf or WithCondition return, because an open circuit could
	// keep the caller waiting.
	RetryRejected bool
	// KeepErrors is the number of attempts whose errors [Error.Errs] keeps, at most 64.
	// 0 means only the last.
	KeepErrors int
	// OnRetry, if set, is called before each delay.
	OnRetry func(ctx context.Context, e policy.Event) `json:"-"`
	Clock   policy.Clock                              `json:"-"` // nil means real time
	Rand    func() float64                            `json:"-"` // in [0,1), other numbers are clamped; nil means math/rand/v2
}

// Validate returns nil if [New] accepts c. Otherwise it returns all faults, joined,
// each naming its field.
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
	if m := c.Multiplier; m != 0 && !(m >= 1 && !math.IsInf(m, 1)) { // written so that NaN is refused
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

// WithDefaults returns c with its zero fields set to their defaults.
func (c Config) WithDefaults() Config {
	c.setDefaults()
	return c
}

func (c *Config) setDefaults() {
	c.MaxAttempts = cmp.Or(c.MaxAttempts, DefaultMaxAttempts)
	c.MaxDelay = cmp.Or(c.MaxDelay, max(DefaultMaxDelay, c.BaseDelay))
	c.BaseDelay = cmp.Or(c.BaseDelay, min(DefaultBaseDelay, c.MaxDelay))
	c.Multiplier = cmp.Or(c.Multiplier, DefaultMultiplier)
	c.JitterFactor = cmp.Or(c.JitterFactor, DefaultJitterFactor)
	c.MaxRetryAfter = cmp.Or(c.MaxRetryAfter, DefaultMaxRetryAfter)
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

// spread returns the wait for a hint: at least the hint, plus a random part.
func (c *Config) spread(hint time.Duration) time.Duration {
	if c.JitterFactor == NoJitter {
		return hint
	}
	return max(hint, clamp(float64(hint)*(1+c.JitterFactor*c.Rand()), math.MaxInt64))
}
