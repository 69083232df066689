package cache

import (
	"log/slog"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// Snapshot has the totals of a [Cache] and its copies. Each call counts in one of Hits,
// Stale, Negative, Misses and Bypassed, except that a call in StaleIfError counts both in
// Misses and in Stale. While calls run, the numbers may be from slightly different moments.
type Snapshot struct {
	Name string `json:"name,omitempty"`

	Hits         int64 `json:"hits,omitempty"`           // calls answered with a fresh value
	Stale        int64 `json:"stale,omitempty"`          // calls answered with a stale value
	StaleIfError int64 `json:"stale_if_error,omitempty"` // those of them that had failed
	Negative     int64 `json:"negative,omitempty"`       // calls answered with a kept error
	Misses       int64 `json:"misses,omitempty"`         // calls that were not answered at once, and ran, or waited for the run of another
	Bypassed     int64 `json:"bypassed,omitempty"`       // calls without a key

	Flights         int64 `json:"flights,omitempty"`          // runs so far, for misses and refreshes
	Refreshes       int64 `json:"refreshes,omitempty"`        // refreshes that have ended
	RefreshFailures int64 `json:"refresh_failures,omitempty"` // those of them whose result was not worth keeping, or failed to be stored
	StoreErrors     int64 `json:"store_errors,omitempty"`     // errors of the store in calls and refreshes

	Entries int   `json:"entries,omitempty"` // of a store with a method Len() int, as the built-in one
	Evicted int64 `json:"evicted,omitempty"` // of a store with a method Evicted() int64: entries dropped to make room
}

// LogValue returns the fields that are not zero.
func (s Snapshot) LogValue() slog.Value {
	return logvalue.Group(
		slog.String("name", s.Name),
		slog.Int64("hits", s.Hits),
		slog.Int64("stale", s.Stale),
		slog.Int64("stale_if_error", s.StaleIfError),
		slog.Int64("negative", s.Negative),
		slog.Int64("misses", s.Misses),
		slog.Int64("bypassed", s.Bypassed),
		slog.Int64("flights", s.Flights),
		slog.Int64("refreshes", s.Refreshes),
		slog.Int64("refresh_failures", s.RefreshFailures),
		slog.Int64("store_errors", s.StoreErrors),
		slog.Int("entries", s.Entries),
		slog.Int64("evicted", s.Evicted),
	)
}

// Snapshot returns the totals.
func (c *Cache[K, T]) Snapshot() Snapshot {
	s := Snapshot{
		Name: c.cfg.Name,
		Hits: c.hits.Load(), Stale: c.outdated.Load(), StaleIfError: c.rescued.Load(), Negative: c.negatives.Load(),
		Misses: c.misses.Load(), Bypassed: c.bypassed.Load(),
		Flights: c.flights.Totals().Begun, Refreshes: c.refreshes.Load(), RefreshFailures: c.failures.Load(),
		StoreErrors: c.storeErrors.Load(),
	}
	if m, ok := c.store.(interface{ Len() int }); ok {
		s.Entries = m.Len()
	}
	if m, ok := c.store.(interface{ Evicted() int64 }); ok {
		s.Evicted = m.Evicted()
	}
	return s
}
