package chaos

import (
	"context"
	"math/rand/v2"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/policy"
)

// Config sets which calls an [Injector] acts in. The zero Config is valid, and acts in none:
// Rate is 0 and the injector is off. JSON omits functions and Clock.
type Config struct {
	Name string `json:"name,omitempty"` // for errors, events and Snapshot
	// Rate is the share of the calls to act in, from 0 to 1. Both ends are exact: 0 acts
	// in no call and 1 in every one.
	Rate float64 `json:"rate"`
	// RateFunc replaces Rate with a rate for each call, such as one that rises over time or
	// depends on a tenant. A rate below 0, or NaN, is taken as 0, and one above 1 as 1.
	// RateFunc is called once per call made while the injector is on, on the call's
	// goroutine. It must be safe for concurrent use.
	RateFunc func(ctx context.Context) float64 `json:"-"`
	// Enabled makes an injector that is on. If false, it is off until [Injector.On].
	Enabled bool `json:"enabled,omitempty"`
	// When replaces the switch: the injector is on for the calls for which When returns
	// true, such as those of a test tenant. Enabled, On and Off then have no effect. When is
	// called once per call, on the call's goroutine. It must be safe for concurrent use.
	When func(ctx context.Context) bool `json:"-"`
	// Seed starts the sequence of draws: the same Seed acts in the same calls, counted
	// while the injector is on. 0 means a random seed, which [Injector.Config] returns.
	Seed uint64 `json:"seed,omitempty"`
	// Rand replaces the seeded sequence. It returns a number in [0,1) and is called once per
	// call made while the injector is on; the injector acts if the number is less than the
	// rate. It must be safe for concurrent use.
	Rand func() float64 `json:"-"`
	// Clock is what Latency sleeps on; nil means real time.
	Clock policy.Clock `json:"-"`
}

// Validate returns nil if [Fault] and the other constructors accept the config. Otherwise it
// returns all faults, each with the field, its value and the allowed values.
func (c Config) Validate() error {
	faults := fault.Of("chaos: Config")
	if !(c.Rate >= 0 && c.Rate <= 1) { // NaN is neither
		faults.Add("Rate", c.Rate, "0 to 1")
	}
	if c.RateFunc != nil && c.Rate != 0 {
		faults.Add("Rate", c.Rate, "0: RateFunc is set and replaces it")
	}
	if c.Rand != nil && c.Seed != 0 {
		faults.Add("Seed", c.Seed, "0: Rand is set and replaces the seeded sequence")
	}
	return faults.Err()
}

// withDefaults fills in a random seed if one is needed.
func (c Config) withDefaults() Config {
	for c.Seed == 0 && c.Rand == nil {
		c.Seed = rand.Uint64()
	}
	return c
}
