package ductileotter

import (
	"context"
	"fmt"

	"github.com/maypok86/otter/v2"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/internal/fault"
)

// Config bounds a [Store]. The zero Config is the documented default.
type Config[K comparable, T any] struct {
	// MaxEntries is the number of entries. 0 means 10,000, or no such bound if MaxWeight is
	// set.
	MaxEntries int
	// MaxWeight is the sum of the entries' weights, in the unit of Weigh. 0 means no such
	// bound. Not with MaxEntries.
	MaxWeight uint64
	// Weigh returns the weight of an entry. It is called once for each entry, under a lock
	// of otter's: it must be quick, and must not use the store or the cache. An entry of
	// weight 0 is never dropped to make room. It is required with MaxWeight. It must be
	// safe for concurrent use.
	Weigh func(k K, e cache.Entry[T]) uint32 `json:"-"`
}

// Validate returns nil if [New] accepts the config, or all its faults, each with the
// field's name.
func (c Config[K, T]) Validate() error {
	faults := fault.Of("ductileotter: Config")
	if c.MaxEntries < 0 {
		faults.Add("MaxEntries", c.MaxEntries, fmt.Sprintf("0 for %d, or more", cache.DefaultMaxEntries))
	}
	if c.MaxEntries > 0 && c.MaxWeight > 0 {
		faults.Add("MaxEntries", c.MaxEntries, "0: MaxWeight is set, and otter has one bound")
	}
	if c.MaxWeight > 0 && c.Weigh == nil {
		faults.Add("Weigh", "nil", "a function, as MaxWeight is set")
	}
	if c.MaxWeight == 0 && c.Weigh != nil {
		faults.Add("Weigh", "set", "nil: without MaxWeight it is not called")
	}
	return faults.Err()
}

// Store is a [cache.Store] in an otter cache. Make one with [New] or [Of]; the zero Store
// is not usable. It is safe for concurrent use. Its methods ignore their context and
// return no error.
type Store[K comparable, T any] struct {
	entries *otter.Cache[K, cache.Entry[T]]
}

// New returns an empty store. It panics with the error of [Config.Validate].
//
// The store does not look at the times of entries: one that has expired stays until it is
// replaced, or until it makes room, as entries that are not read do first. So it runs no
// goroutine between calls, and it works on any clock.
func New[K comparable, T any](cfg Config[K, T]) *Store[K, T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	options := &otter.Options[K, cache.Entry[T]]{MaximumSize: cfg.MaxEntries, MaximumWeight: cfg.MaxWeight, Weigher: cfg.Weigh}
	if cfg.MaxEntries == 0 && cfg.MaxWeight == 0 {
		options.MaximumSize = cache.DefaultMaxEntries
	}
	return Of(otter.Must(options))
}

// Of returns a store in an otter cache of your own, for options that Config has not, such
// as statistics or an ExpiryCalculator. The caches that use the store should be the only
// ones that change it. It panics if entries is nil.
func Of[K comparable, T any](entries *otter.Cache[K, cache.Entry[T]]) *Store[K, T] {
	if entries == nil {
		panic("ductileotter: Of: entries is nil, want an otter cache")
	}
	return &Store[K, T]{entries}
}

// Get returns the entry of k. It never returns an error.
func (s *Store[K, T]) Get(_ context.Context, k K) (cache.Entry[T], bool, error) {
	e, ok := s.entries.GetIfPresent(k)
	return e, ok, nil
}

// Set replaces the entry of k. It never returns an error.
func (s *Store[K, T]) Set(_ context.Context, k K, e cache.Entry[T]) error {
	s.entries.Set(k, e)
	return nil
}

// Delete removes the entry of k. It never returns an error.
func (s *Store[K, T]) Delete(_ context.Context, k K) error {
	s.entries.Invalidate(k)
	return nil
}

// Len returns the number of entries. It may be out of date by the entries that otter is
// about to drop.
func (s *Store[K, T]) Len() int { return s.entries.EstimatedSize() }

// Weight returns the sum of the entries' weights, or 0 without Config.MaxWeight. It may be
// out of date, as Len.
func (s *Store[K, T]) Weight() uint64 { return s.entries.WeightedSize() }

// Otter returns the otter cache, for its statistics.
func (s *Store[K, T]) Otter() *otter.Cache[K, cache.Entry[T]] { return s.entries }
