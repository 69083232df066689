package cache

import (
	"context"
	"time"
)

// Entry is a kept result: what a call returned, and until when it may be used. The times are
// exclusive: at Fresh an entry is no longer fresh, and at Keep it is gone.
type Entry[T any] struct {
	Value T     // what the call returned, also beside an error
	Err   error // what the call returned; not nil in a negative entry

	Made  time.Time // when the call ended
	Fresh time.Time // until then it answers calls
	Stale time.Time // until then it answers calls, which start a refresh; not before Fresh
	Keep  time.Time // until then it answers calls that fail; not before Stale
}

// Store keeps entries by key. Its methods must be safe for concurrent use, and should
// return soon after their context has ended.
//
// A Store must return the entry that was set last for a key, whole, with its error and
// with its times to the nanosecond, or none. It must not return an entry that was deleted
// or replaced before Get began. Beyond that it may drop any entry at any time.
//
// A Store need not look at an entry's times: the cache does. It should drop entries after
// their Keep time, and may return one that has passed it.
//
// If a method fails, the cache goes on as if there were no entry, and reports
// StoreFailed; the call does not fail. For one key, the cache calls Set and Delete one
// after another, and Get at any time. A slow method delays only calls of its key. A panic
// of a method passes through the call that needed it; a panic while a result is stored is
// reported as StoreFailed, since the call of that result has ended.
//
// While a Set is slow, or if it never returns, the result that waits to be stored answers
// calls. Delete and Refresh of the key, and Close, wait for the Set until their contexts
// end. A refresh of the key ends only after it. So a method must not call Delete or Refresh
// of the cache for its own key, or Close.
//
// Package cachetest tests that a Store keeps these promises.
type Store[K comparable, T any] interface {
	// Get returns the entry of k, and whether there is one. An entry whose Value is nil
	// is an entry.
	Get(ctx context.Context, k K) (e Entry[T], ok bool, err error)
	// Set replaces the entry of k.
	Set(ctx context.Context, k K, e Entry[T]) error
	// Delete removes the entry of k. It returns nil if there is none.
	Delete(ctx context.Context, k K) error
}

// age is what a call may do with an entry.
type age uint8

const (
	gone  age = iota // nothing
	kept             // return it if the call fails
	stale            // return it, and refresh it
	fresh            // return it
)

// ageAt returns the age of an entry at a time.
func (e *Entry[T]) ageAt(now time.Time) age {
	switch {
	case now.Before(e.Fresh):
		return fresh
	case e.Err != nil: // a negative entry is never stale, even if a Store says so
		return gone
	case now.Before(e.Stale):
		return stale
	case now.Before(e.Keep):
		return kept
	}
	return gone
}

// same reports whether e and o are the same entry.
func (e *Entry[T]) same(o *Entry[T]) bool {
	return e.Made.Equal(o.Made) && e.Fresh.Equal(o.Fresh) && e.Stale.Equal(o.Stale) && e.Keep.Equal(o.Keep)
}
