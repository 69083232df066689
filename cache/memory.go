package cache

import (
	"cmp"
	"context"
	"hash/maphash"
	"math"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/table"
	"github.com/ductile-go/ductile/policy"
)

// MemoryConfig configures a [Memory]. The zero MemoryConfig is the documented default.
type MemoryConfig struct {
	MaxEntries int // 0 means 10,000
	// Clock tells which entries have expired. It must be the clock of the caches that use the
	// store. Nil means real time.
	Clock policy.Clock `json:"-"`
}

// Validate returns nil if [NewMemory] accepts the config, or its fault.
func (c MemoryConfig) Validate() error {
	faults := fault.Of("cache: MemoryConfig")
	if c.MaxEntries < 0 {
		faults.Add("MaxEntries", c.MaxEntries, "0 for 10000, or more")
	}
	return faults.Err()
}

// Memory is the built-in [Store]: a limited number of entries in the memory of this
// process. Make one with [NewMemory]; the zero Memory is not usable. It is safe for
// concurrent use. Its methods ignore their context and return no error.
//
// A new entry makes room in this order. Each insertion drops up to two entries whose Keep
// time has passed, even if there is room. If there is none, it drops one entry that was
// not read since the last time that it was looked at, the oldest first (SIEVE: Zhang et
// al., NSDI 2024). In the usual traffic of caches this keeps the entries that are in use
// better than dropping the least recently used one, and a read takes no lock and moves
// nothing: it sets a bit, once.
type Memory[K comparable, T any] struct {
	clock policy.Clock
	since mono.Since // the times of item.fresh and item.stale
	seed  maphash.Seed
	max   int
	// table is replaced under mu when its size changes, and read without mu. A reader of
	// the old table may miss a key that is being added, as if it had come before.
	table atomic.Pointer[table.Table[K, item[K, T]]]
	live  atomic.Int64 // the number of entries; written under mu, read by Len without it
	lost  atomic.Int64 // the number of entries dropped for want of room; likewise

	_ [64]byte // keep what insertions write off the cache line that each read uses

	mu    atomic.Mutex // guards the two below; never held while a user's function runs
	sieve sieve[K, T]
	ends  ends[K, T]
}

// item is an entry in the store. A key that is set again gets a new one, so that readers
// find the old or the new entry, and nothing between.
type item[K comparable, T any] struct {
	key   K
	hash  uint64
	entry Entry[T]
	// fresh and stale are the entry's times on Memory.since, or a little less. A call whose
	// time is less need not look at the entry's own. An error has no stale time.
	fresh, stale int64
	// visited is set by reads and cleared by the hand of the sieve. A read that meets the
	// hand may set it just before or just after the hand looks; both are in order. A read
	// that finds it set does not write, so that cores that read one hot key do not contend.
	visited atomic.Bool

	newer, older *item[K, T] // in the sieve
	place        int         // in ends
}

// NewMemory returns an empty store. It panics with the error of [MemoryConfig.Validate].
func NewMemory[K comparable, T any](cfg MemoryConfig) *Memory[K, T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	m := &Memory[K, T]{clock: cfg.Clock, since: mono.Start(cfg.Clock), seed: maphash.MakeSeed(), max: cmp.Or(cfg.MaxEntries, DefaultMaxEntries)}
	m.table.Store(table.New[K, item[K, T]](table.Smallest))
	m.sieve.init()
	return m
}

// find returns the item of a key, or nil, and counts as a read.
func (m *Memory[K, T]) find(hash uint64, k K) *item[K, T] {
	i := m.table.Load().Find(hash, k)
	if i != nil && !i.visited.Load() {
		i.visited.Store(true)
	}
	return i
}

// Get returns the entry of k. It never returns an error.
func (m *Memory[K, T]) Get(_ context.Context, k K) (e Entry[T], ok bool, err error) {
	if i := m.find(maphash.Comparable(m.seed, k), k); i != nil {
		return i.entry, true, nil
	}
	return e, false, nil
}

// Set replaces the entry of k. If e has passed its Keep time, or k does not equal itself,
// there is no entry afterwards. It never returns an error.
func (m *Memory[K, T]) Set(_ context.Context, k K, e Entry[T]) error {
	hash := maphash.Comparable(m.seed, k)
	// The order of the two readings makes fresh and stale early, never late: a goroutine may be
	// descheduled between them.
	at, now := m.since.Now(), policy.Now(m.clock)
	i := &item[K, T]{key: k, hash: hash, entry: e, fresh: sum(at, int64(e.Fresh.Sub(now)))}
	if i.stale = i.fresh; e.Err == nil {
		i.stale = sum(at, int64(e.Stale.Sub(now)))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch old := m.table.Load().Find(hash, k); {
	case k != k || !now.Before(e.Keep): //nolint:gocritic // NaN does not equal itself
		if old != nil {
			m.drop(old)
		}
	case old != nil:
		m.replace(old, i)
	default:
		m.add(i, now)
	}
	return nil
}

// sum adds a time and a duration, which may be the longest, or the one to the zero time.
func sum(at, d int64) int64 {
	switch {
	case d > 0 && at > math.MaxInt64-d:
		return math.MaxInt64
	case d < 0 && at < math.MinInt64-d: // in a bubble of synctest, times are negative
		return math.MinInt64
	}
	return at + d
}

// Delete removes the entry of k. It never returns an error.
func (m *Memory[K, T]) Delete(_ context.Context, k K) error {
	hash := maphash.Comparable(m.seed, k)
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := m.table.Load().Find(hash, k); i != nil {
		m.drop(i)
	}
	return nil
}

// Len returns the number of entries, including those that have expired and were not
// dropped yet.
func (m *Memory[K, T]) Len() int { return int(m.live.Load()) }

// Evicted returns how many entries were dropped before their Keep time, to make room.
func (m *Memory[K, T]) Evicted() int64 { return m.lost.Load() }
