package cache

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/random"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
)

// Defaults of [Config].
const (
	DefaultJitter         = 0.1
	DefaultRefreshTimeout = 30 * time.Second
	DefaultCooldown       = time.Second
	DefaultMaxEntries     = 10_000
)

// NoJitter is the Jitter that leaves times as they are.
const NoJitter = -1.0

// Config sets what is kept, and for how long. Key and TTL are required; the zero value of
// every other field is its default. Its functions must be safe for concurrent use.
type Config[K comparable, T any] struct {
	Name string // for events; empty is fine

	// Key returns the key of a call, and true; or false for a call that bypasses the cache.
	// It runs on the caller's goroutine. A call whose key does not equal itself, such as
	// NaN, bypasses the cache, too.
	Key func(ctx context.Context) (K, bool) `json:"-"`

	// TTL is how long a result is fresh, from the end of its call.
	TTL time.Duration
	// Stale is how long after that a result still answers calls at once, while one refresh
	// runs behind it. 0 means not at all.
	Stale time.Duration
	// StaleIfError is how long after that a result still answers calls that fail or are
	// rejected by an inner policy, but not calls whose caller has cancelled them. The time
	// is checked when the call has failed. 0 means not at all.
	StaleIfError time.Duration
	// NegativeTTL is how long an error is kept that Negative accepts. It needs Negative.
	NegativeTTL time.Duration
	// Negative reports which errors are worth keeping, such as "not found". Such an error
	// replaces an older value. Negative is not called for rejections, or for errors of a
	// call whose context has ended. It needs NegativeTTL. Nil means none.
	Negative func(err error) bool `json:"-"`
	// Jitter is the share of TTL and NegativeTTL by which a result's time may be shorter,
	// so that results that were made together do not expire together. It is at most 1.
	// 0 means 0.1; [NoJitter] means none.
	Jitter float64

	// RefreshTimeout limits a refresh. 0 means 30 s. It needs Stale.
	RefreshTimeout time.Duration
	// Cooldown is the time after a failed refresh in which no other begins for its key. It
	// doubles with each failure in a row, up to Stale. 0 means 1 s. It needs Stale.
	Cooldown time.Duration

	// MaxEntries limits the built-in store. 0 means 10,000. It must be 0 with a Store.
	MaxEntries int
	// Store keeps the results. Nil means the built-in store, a [Memory].
	Store Store[K, T] `json:"-"`

	Clock policy.Clock   `json:"-"` // nil means real time
	Rand  func() float64 `json:"-"` // returns numbers in [0,1), for Jitter; nil means math/rand/v2
}

// Validate returns nil if [New] accepts the config, or all its faults, each with the
// field's name.
func (c Config[K, T]) Validate() error {
	faults := fault.Of("cache: Config")
	if c.Key == nil {
		faults.Add("Key", "nil", "a function that returns the key of a call")
	}
	if c.TTL <= 0 {
		faults.Add("TTL", c.TTL, "more than 0: it is how long a result is fresh")
	}
	faults.NotNegative("Stale", c.Stale)
	faults.NotNegative("StaleIfError", c.StaleIfError)
	faults.NotNegative("NegativeTTL", c.NegativeTTL)
	switch {
	case c.Negative != nil && c.NegativeTTL == 0:
		faults.Add("NegativeTTL", c.NegativeTTL, "more than 0, as Negative is set, or no Negative")
	case c.Negative == nil && c.NegativeTTL > 0:
		faults.Add("NegativeTTL", c.NegativeTTL, "0, as Negative is nil, or a Negative that says which errors are kept")
	}
	if c.Jitter != NoJitter && !(c.Jitter >= 0 && c.Jitter <= 1) { // written so that NaN fails
		faults.Add("Jitter", c.Jitter, "NoJitter (-1), 0 for 0.1, or at most 1")
	}
	c.validateRefresh(faults, "RefreshTimeout", c.RefreshTimeout)
	c.validateRefresh(faults, "Cooldown", c.Cooldown)
	c.validateStore(faults)
	return faults.Err()
}

// validateRefresh adds a fault for a field that bounds refreshes.
func (c Config[K, T]) validateRefresh(faults *fault.List, field string, d time.Duration) {
	faults.NotNegative(field, d)
	if d > 0 && c.Stale == 0 {
		faults.Add(field, d, "needs Stale: without it nothing is refreshed")
	}
}

func (c Config[K, T]) validateStore(faults *fault.List) {
	if c.MaxEntries < 0 {
		faults.Add("MaxEntries", c.MaxEntries, "0 for 10000, or more")
	}
	if c.Store == nil {
		return
	}
	switch m, builtIn := c.Store.(*Memory[K, T]); {
	case same.Nil(c.Store):
		faults.Add("Store", "a nil pointer", "a Store, or nil for the built-in one")
	case builtIn && m.table.Load() == nil:
		faults.Add("Store", "a zero Memory", "one made by NewMemory")
	}
	if c.MaxEntries > 0 {
		faults.Add("MaxEntries", c.MaxEntries, "0: it limits the built-in store, and Store is set")
	}
}

func (c Config[K, T]) withDefaults() Config[K, T] {
	if c.Jitter == 0 {
		c.Jitter = DefaultJitter
	}
	if c.Stale > 0 {
		c.RefreshTimeout = cmp.Or(c.RefreshTimeout, DefaultRefreshTimeout)
		c.Cooldown = cmp.Or(c.Cooldown, DefaultCooldown)
	}
	if c.Store == nil {
		c.MaxEntries = cmp.Or(c.MaxEntries, DefaultMaxEntries)
	}
	return c
}

// entry returns the entry of a value that a call returned at a time.
func (c *Config[K, T]) entry(v T, made time.Time) Entry[T] {
	e := Entry[T]{Value: v, Made: made}
	e.Fresh = made.Add(c.jittered(c.TTL))
	e.Stale = e.Fresh.Add(c.Stale)
	e.Keep = e.Stale.Add(c.StaleIfError)
	return e
}

// negative returns the entry of an error. It is neither stale nor kept.
func (c *Config[K, T]) negative(v T, err error, made time.Time) Entry[T] {
	end := made.Add(c.jittered(c.NegativeTTL))
	return Entry[T]{Value: v, Err: err, Made: made, Fresh: end, Stale: end, Keep: end}
}

// jittered returns d shortened by a random part of up to Jitter, and at least 1 ns.
func (c *Config[K, T]) jittered(d time.Duration) time.Duration {
	if c.Jitter == NoJitter {
		return d
	}
	// A float has fewer bits than the longest durations, so cut may be more than d. It fits
	// in a Duration: Float64 returns less than 1.
	cut := math.Round(float64(d) * c.Jitter * random.Float64(c.Rand))
	return max(1, d-time.Duration(cut))
}
