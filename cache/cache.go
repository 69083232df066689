package cache

import (
	"context"
	"fmt"
	"hash/maphash"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/counter"
	"github.com/ductile-go/ductile/internal/flight"
	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/internal/table"
	"github.com/ductile-go/ductile/policy"
)

// kind is the Policy field of events.
const kind = "cache"

// ErrCycle is the error of a call that would wait for itself: the function of a miss
// called the cache for the key of the miss, or for one whose function waits for it. It
// matches [policy.ErrRejected]. The check follows contexts: a call whose context is not
// derived from the function's is not found, and waits for itself.
var ErrCycle = fmt.Errorf("cache: the function of a call called the cache for the key of the call, which would wait for itself; use another key, or call the function without the cache (%w)", policy.ErrRejected)

// promptly lists the events for which a hit leaves its fast path.
type promptly = prompt.Mark

var emits = []string{
	string(policy.Served), string(policy.Joined), string(policy.Refreshed), string(policy.StoreFailed), string(policy.FinishedLate),
}

// Cache is a policy that keeps the results of calls by key, and answers later calls with
// them. Make one with [New]; the zero Cache is not usable. It is safe for concurrent use.
// The copies that the With methods return share the entries, the flights and the totals.
//
// Calls of one key share more than the result: a call that misses may get what the
// function of another caller returned, and a refresh runs with the values of its reader's
// context. Everything that the result depends on belongs in the key, for example the
// tenant and the user's rights.
//
// A value is shared by reference: every caller gets the one that is kept, and must not
// change it, unless [Cache.WithClone] gives each its own. Do not cache values that one
// caller uses up, such as the body of a response or the rows of a query.
//
// Events: Served for a call that is answered from the cache; Joined for a call that waits
// for the flight of another; Refreshed when a refresh has ended; StoreFailed when the
// store has failed, with Reason "get" or "set"; FinishedLate when a flight has ended that
// all its callers had left.
type Cache[K comparable, T any] struct {
	promptly
	*shared[K, T]
	key     func(ctx context.Context) (K, bool)
	memory  *Memory[K, T] // the store, if it is one that tells time as the cache does
	cacheIf func(v T) bool
	clone   func(v T) T
}

// shared is what a cache and its copies have in common.
type shared[K comparable, T any] struct {
	cfg     Config[K, T]
	since   mono.Since
	store   Store[K, T]
	flights flight.Group[K, *call[K, T]]
	waiter  func() flight.Waiter // on the clock
	seed    maphash.Seed

	// landings grows when a result is kept and when it is stored; changes grows when Delete
	// or Refresh begins. A call reads both before it looks for its entry. If they have grown
	// since, what it found may be out of date, and it looks again.
	landings atomic.Int64
	changes  atomic.Int64
	// pending is the number of slots that have a pending result. Calls that find 0 need
	// not look for one. It is written under mu, after the slot and before the flight
	// lands, so that a caller of that flight finds it in its next call.
	pending atomic.Int64

	hits, misses, outdated, rescued, negatives, bypassed, refreshes, failures, storeErrors counter.Counter

	mu    atomic.Mutex                               // never held while a user's function runs; guards the fields below, and slots
	slots atomic.Pointer[table.Table[K, slot[K, T]]] // replaced under mu, read without
	seq   int64                                      // numbers calls and changes in the order in which they began
	cool  queue[K, T]
	// closed and background let Close wait for refreshes, and for results that are being
	// stored. A refresh that has begun is in background before Close looks, or finds
	// closed.
	closed     bool
	background int
	closing    []policy.Waiter // woken when background is 0
}

// New returns a cache. It panics with the error of [Config.Validate].
func New[K comparable, T any](cfg Config[K, T]) *Cache[K, T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	if cfg.Store == nil {
		cfg.Store = NewMemory[K, T](MemoryConfig{MaxEntries: cfg.MaxEntries, Clock: cfg.Clock})
	}
	s := &shared[K, T]{
		cfg: cfg, since: mono.Start(cfg.Clock), store: cfg.Store, seed: maphash.MakeSeed(),
		waiter: func() flight.Waiter { return policy.NewWaiter(cfg.Clock) },
	}
	s.slots.Store(table.New[K, slot[K, T]](table.Smallest))
	c := &Cache[K, T]{promptly: promptly{Late: true, Emits: emits}, shared: s, key: cfg.Key}
	if m, ok := cfg.Store.(*Memory[K, T]); ok && same.Values(m.clock, cfg.Clock) {
		c.memory, s.since, s.seed = m, m.since, m.seed
	}
	return c
}

// WithCacheIf returns a copy that keeps a value only if keep returns true for it. The call
// returns it either way. A value that a refresh brings and keep refuses leaves the old
// entry in place, and counts as a failed refresh. keep is not called for errors. It runs
// on the goroutine of the flight, must be safe for concurrent use, and if it panics, so do
// the calls of the flight. WithCacheIf panics if keep is nil.
func (c *Cache[K, T]) WithCacheIf(keep func(v T) bool) *Cache[K, T] {
	if keep == nil {
		panic("cache: Cache.WithCacheIf: keep is nil, want a function")
	}
	w := *c
	w.cacheIf = keep
	return &w
}

// WithClone returns a copy that gives every caller a clone of the value that is kept, the
// caller that it was made for included. It skips a zero value with an error, and calls
// that bypass the cache. fn is called on each caller's goroutine, several at a time with
// the same value, so it must only read it. A panic in fn passes through to that caller.
// WithClone panics if fn is nil.
func (c *Cache[K, T]) WithClone(fn func(v T) T) *Cache[K, T] {
	if fn == nil {
		panic("cache: Cache.WithClone: fn is nil, want a function")
	}
	w := *c
	w.clone = fn
	return &w
}

// Name returns the configured name.
func (c *Cache[K, T]) Name() string { return c.cfg.Name }

// Clock returns the configured clock, or nil for real time.
func (c *Cache[K, T]) Clock() policy.Clock { return c.cfg.Clock }

// Describe returns the kind, "cache", the name, and the effective config.
func (c *Cache[K, T]) Describe() policy.Description {
	return policy.Description{Kind: kind, Name: c.cfg.Name, Detail: c.cfg.TTL.String(), Config: c.cfg}
}

// String returns "cache(1m0s)", or "cache(name, 1m0s)": the name and the TTL.
func (c *Cache[K, T]) String() string { return c.Describe().String() }

// Do answers the call from the cache, or runs fn. It removes the outer marks of packages
// breaker and retry from the error. It panics if fn is nil.
func (c *Cache[K, T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	v, err := c.Execute(ctx, policy.CallOf(fn))
	return v, mark.Without(err)
}

// Execute answers the call from the cache, or runs next.
func (c *Cache[K, T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, policy.Ended(ctx)
	}
	k, ok := c.key(ctx)
	if !ok || k != k { //nolint:gocritic // NaN does not equal itself, and would not be found again
		c.bypassed.Inc()
		return next.Do(ctx)
	}
	if c.memory != nil && !next.HasObservers() {
		// The usual case. If a result that is newer than the entry is pending for the key, its
		// call has not returned to any caller yet.
		hash := maphash.Comparable(c.seed, k)
		if i := c.memory.find(hash, k); i != nil {
			if now := c.since.Now(); now < i.fresh || now < i.stale && c.quiet(hash, k, now) {
				c.count(i, now)
				return c.own(i.entry.Value, i.entry.Err), i.entry.Err
			}
		}
	}
	return c.lookUp(ctx, next, k)
}

// count counts a call that is answered at once.
func (c *Cache[K, T]) count(i *item[K, T], now int64) {
	switch {
	case i.entry.Err != nil:
		c.negatives.Inc()
	case now < i.fresh:
		c.hits.Inc()
	default:
		c.outdated.Inc()
	}
}

// own returns a value that is kept for one caller.
func (c *Cache[K, T]) own(v T, err error) T {
	if c.clone == nil || err != nil && same.Zero(v) {
		return v
	}
	return c.clone(v)
}
