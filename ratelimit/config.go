package ratelimit

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/policy"
)

const (
	// DefaultPer is the value of a zero [Config].Per.
	DefaultPer = time.Second
	// NoBurst is the [Config].Burst that spaces calls evenly: one token at a time.
	NoBurst = 1
)

const (
	// defaultBurst is the time in which a default burst accrues.
	defaultBurst = 100 * time.Millisecond
	// longest bounds the time in which an empty bucket fills. It is less than maxSpan.
	longest = 2 * 365 * 24 * time.Hour
)

// Config sets the rate, and how long calls wait for tokens. Limit is required; the other
// fields have defaults. JSON omits Cost and Clock.
type Config struct {
	Name string `json:"name,omitempty"` // for errors, events and Snapshot
	// Limit is the number of tokens that the bucket gains in Per: at least 1, and at most
	// 16 per nanosecond of Per. A token takes Per/Limit, rounded up to 1/16 ns. The rate
	// is therefore never above the configured one; at a million per second it is at most
	// 0.007 % below.
	Limit int `json:"limit"`
	// Per is the period of Limit. 0 means 1 s.
	Per time.Duration `json:"per,omitempty"`
	// Burst is the capacity of the bucket: the number of calls that may run at once after
	// an idle time. 0 means the tokens of 100 ms, but at least 1; NoBurst spaces the calls
	// evenly. Burst x Per / Limit is at most 2 years.
	Burst int `json:"burst,omitempty"`
	// MaxWait bounds how long a call waits for its tokens. 0 means that calls do not wait.
	// If negative, calls wait until their context ends. A call is refused at once if it
	// would wait longer than MaxWait, or past its context's deadline.
	MaxWait time.Duration `json:"max_wait,omitempty"`
	// Cost returns the number of tokens for a call. Nil means 1. A call with a cost of 0
	// or less is admitted; a call with a cost above Burst is refused with [ErrCost]. Cost
	// is called once per call, on the call's goroutine, and once more before an outer
	// retry waits. It must be safe for concurrent use.
	Cost func(ctx context.Context) int `json:"-"`
	// Clock measures time; nil means real time.
	Clock policy.Clock `json:"-"`
}

// Validate returns nil if [NewLimiter] accepts the config. Otherwise it returns all
// faults, each with the field, its value and the allowed values.
func (c Config) Validate() error {
	faults := fault.Of("ratelimit: Config")
	c.check(faults)
	return faults.Err()
}

func (c Config) check(faults *fault.List) {
	full := c.withDefaults()
	if c.Per < 0 || c.Per > longest {
		faults.Add("Per", c.Per, fmt.Sprintf("0 for the default, %v, or at most %v", DefaultPer, longest))
	} else if most := int64(full.Per) * perNano; c.Limit < 1 || int64(c.Limit) > most {
		faults.Add("Limit", c.Limit, fmt.Sprintf("1 to %d, 16 for each nanosecond of Per", most))
	} else if most := int64(longest) * perNano / full.cost(); int64(full.Burst) > most {
		faults.Add("Burst", full.Burst, fmt.Sprintf("at most %d, so that Burst x Per / Limit is at most %v", most, longest))
	}
	if c.Burst < 0 {
		faults.Add("Burst", c.Burst, "0 for the default, NoBurst or more")
	}
}

// WithDefaults returns c with the defaults filled in. The result is valid if c is.
func (c Config) WithDefaults() Config { return c.withDefaults() }

// withDefaults fills in the defaults. It is idempotent.
func (c Config) withDefaults() Config {
	if c.Per == 0 {
		c.Per = DefaultPer
	}
	if c.Burst == 0 && c.Limit > 0 && c.Per > 0 {
		c.Burst = max(1, int(mulDiv(int64(c.Limit), int64(defaultBurst), int64(c.Per))))
	}
	return c
}

// cost returns the ticks per token of a valid config.
func (c Config) cost() int64 {
	return (int64(c.Per)*perNano + int64(c.Limit) - 1) / int64(c.Limit)
}

// mulDiv returns a x b / c, rounded down, and at most 1<<62. No argument is negative, and
// c is not 0.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return 1 << 62
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, 1<<62))
}
