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
	// DefaultPer is what a zero [Config].Per means.
	DefaultPer = time.Second
	// NoBurst as [Config].Burst spaces calls evenly: one token at a time.
	NoBurst = 1
)

const (
	// defaultBurst is the time whose tokens are a default burst.
	defaultBurst = 100 * time.Millisecond
	// longest is how long an empty bucket may take to fill: less than maxSpan.
	longest = 2 * 365 * 24 * time.Hour
)

// Config says how many tokens there are, and how long calls wait for one. Limit is
// required; the other fields have defaults. JSON leaves out Cost and Clock.
type Config struct {
	Name string `json:"name,omitempty"` // for errors, events and Snapshot
	// Limit is how many tokens the bucket gains in Per. It is at least 1, and at most 16
	// for each nanosecond of Per. A token takes Per/Limit, rounded up to 1/16 ns: the rate
	// is never more than asked, and at a million a second less by at most 0.007 %.
	Limit int `json:"limit"`
	// Per is the time for Limit. 0 means 1 s.
	Per time.Duration `json:"per,omitempty"`
	// Burst is how many tokens the bucket holds: how many calls may come at once after
	// a time without calls. 0 means what the bucket gains in 100 ms, or 1 if that is
	// more; NoBurst spaces the calls evenly. Burst x Per / Limit is at most 2 years.
	Burst int `json:"burst,omitempty"`
	// MaxWait is how long a call waits for its tokens. 0 means that it does not wait, a
	// negative MaxWait that it waits as long as its context lasts. A call that would have
	// to wait longer, or beyond its context's deadline, is refused at once.
	MaxWait time.Duration `json:"max_wait,omitempty"`
	// Cost returns how many tokens a call takes. Nil means 1. A call that takes none, or
	// less, is let in; one that takes more than Burst is refused with [ErrCost]. Cost is
	// called once a call, on its goroutine, and again before a retry outside waits. It
	// must be safe for concurrent use.
	Cost func(ctx context.Context) int `json:"-"`
	// Clock is what time is measured on; nil means real time.
	Clock policy.Clock `json:"-"`
}

// Validate returns nil for a config that [NewLimiter] accepts. Otherwise it returns all
// faults, each with its field, the value and what is allowed.
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

// withDefaults fills in the defaults. Filling in twice changes nothing.
func (c Config) withDefaults() Config {
	if c.Per == 0 {
		c.Per = DefaultPer
	}
	if c.Burst == 0 && c.Limit > 0 && c.Per > 0 {
		c.Burst = max(1, int(mulDiv(int64(c.Limit), int64(defaultBurst), int64(c.Per))))
	}
	return c
}

// cost returns what one token of a valid config takes.
func (c Config) cost() int64 {
	return (int64(c.Per)*perNano + int64(c.Limit) - 1) / int64(c.Limit)
}

// mulDiv returns a x b / c, rounded down, or at most 1<<62. None is negative, and c is
// not 0.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return 1 << 62
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, 1<<62))
}
