package keyed

import (
	"cmp"
	"hash/maphash"
	"iter"
	"sync"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/internal/table"
)

// Map holds one value for each key, up to a maximum number of keys. Create one with
// [New]; the zero Map is not usable. A Map is safe for concurrent use. Getting the value
// of a known key takes no lock, and allocates nothing if the key type has no pointers
// other than strings.
//
// A member is a key with a value of its own. A Get of a key that is not a member adds
// it and drops members whose Idle method returns true at that time: those that were
// unused for Config.Idle and, if Max is reached, the least recently used one. It looks at
// most at 32 members. No goroutine runs in the background, so a map that gets no new
// keys drops nothing.
//
// With a Max of 32 or less, the order of use is exact. Larger maps look first at members
// that have not been looked at for the longest time. They drop a member that is among
// the least recently used, and members that were unused for Config.Idle may stay until a
// later insertion looks at them. Uses between the same two insertions count as
// simultaneous.
//
// A use is a Get, a Pin, or a call through a [Policy]. With a Config.Clock, each use reads it,
// and Config.Idle is exact. In real time, reading the clock would take longer than the
// rest of a use, so a use counts as made at the next insertion that looks at the member.
// The member may then stay longer than Config.Idle, but never shorter.
//
// A value is not dropped if a Get returns it after the drop has begun, nor while it is
// pinned. If a Get returned it before, its caller may still use the old value while other
// callers get a new one. With circuits, the outcome of that call is then lost. With gates,
// one call more than the limit may run: use [Map.Pin] or a [Policy] for them.
type Map[K comparable, V Idler] struct {
	config Config[K, V]
	epoch  time.Time // a reading of config.Clock; times are nanoseconds since then
	seed   maphash.Seed
	// table is replaced under mu when its size changes, and read without mu. A reader of
	// the old table may miss a key that is being added, and then looks again under mu.
	table atomic.Pointer[table.Table[K, entry[K, V]]]
	// tick orders uses. It grows with each insertion, before each drop and, in an exact
	// map, with each use of another member than the last. Uses add to it without mu.
	tick  atomic.Int64
	exact atomic.Bool // Max is at most 32; Reconfigure changes it while uses read it

	_ [64]byte // keep what insertions write off the cache line that each use reads

	overflow lazy[entry[K, V]]
	families atomic.Int64 // numbers the Policies of this map; concurrent ones must differ
	live     atomic.Int64 // the number of members; written under mu, read by Len without it
	// listeners is replaced as a whole and read by goroutines that change the map; see
	// Members.
	listeners atomic.Pointer[[]*listener]

	mu      sync.Mutex // never held while a user's function runs
	queue   queue[K, V]
	count   int // members, and keys that are becoming members
	max     int
	maxIdle time.Duration
}

// New returns an empty map. It panics with the error of [Config.Validate] if cfg is
// invalid.
func New[K comparable, V Idler](cfg Config[K, V]) *Map[K, V] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	m := &Map[K, V]{config: cfg, seed: maphash.MakeSeed()}
	if cfg.Clock != nil {
		m.epoch = cfg.Clock.Now()
	}
	m.queue.init()
	m.table.Store(table.New[K, entry[K, V]](table.Smallest))
	m.setBounds(cfg.Max, cfg.Idle)
	return m
}

// Get returns the value of k, and counts as a use. If k is not a member, Get adds it. If
// Max is reached and no member is idle, Get returns the overflow value instead, and k
// does not become a member.
func (m *Map[K, V]) Get(k K) V { return m.get(k).value }

func (m *Map[K, V]) get(k K) *entry[K, V] {
	hash := maphash.Comparable(m.seed, k)
	if e := m.table.Load().Find(hash, k); e != nil && m.use(e) {
		return e
	}
	return m.enter(hash, k)
}

// use records a use of e and reports whether e is a member.
//
// A use writes e.used and then reads e.state. A drop works in the opposite order: it
// reads e.used, increments the tick, writes gone to e.state, and reads e.used again. So
// if a use begins after the increment, either the drop sees the new e.used and restores
// the member, or the use sees gone.
//
// e.used is read before the tick and changed by compare-and-swap. A goroutine that is
// descheduled between the two would otherwise overwrite a later use with an earlier one.
// The swap is conditional, so that uses of one hot key do not contend for its cache
// line.
func (m *Map[K, V]) use(e *entry[K, V]) bool {
	if m.config.Clock != nil {
		before := e.at.Load()
		if now := m.now(); now != before {
			e.at.CompareAndSwap(before, now)
		}
	}
	used := e.used.Load()
	if tick := m.tick.Load(); tick != used {
		if m.exact.Load() {
			tick = m.tick.Add(1)
		}
		e.used.CompareAndSwap(used, tick)
	}
	return e.state.Load() == member
}

// Lookup returns the value of k and true if k is a member. It adds nothing and does not
// count as a use, so that displaying members does not keep them.
func (m *Map[K, V]) Lookup(k K) (V, bool) {
	if e := m.peek(k); e != nil {
		return e.value, true
	}
	var none V
	return none, false
}

func (m *Map[K, V]) peek(k K) *entry[K, V] {
	hash := maphash.Comparable(m.seed, k)
	if e := m.table.Load().Find(hash, k); e == nil || m.isMember(e) {
		return e
	}
	// The entry is being dropped, and its key may have been added again.
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.table.Load().Find(hash, k); e != nil && e.state.Load() == member {
		return e
	}
	return nil
}

// isMember reports whether e is a member. A drop may set the state to gone and restore
// it, all under mu, so gone counts only if it is read under mu.
func (m *Map[K, V]) isMember(e *entry[K, V]) bool {
	if state := e.state.Load(); state != gone {
		return state == member
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return e.state.Load() == member
}

// All returns an iterator over the members, in no order. It yields no member twice, and
// may leave out keys that are added or dropped during the iteration. The loop may use the
// map. An iteration does not count as a use.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for e := range m.table.Load().All {
			if m.isMember(e) && !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Len returns the number of members.
func (m *Map[K, V]) Len() int { return int(m.live.Load()) }

// Forget drops k, even if its value is not idle, and reports whether k was a member.
// Calls that have got the value continue to use it. A key whose value is being made is
// not a member yet: Forget returns false, and the key becomes a member.
func (m *Map[K, V]) Forget(k K) bool {
	e := m.forget(maphash.Comparable(m.seed, k), k)
	if e == nil {
		return false
	}
	m.notify([]*entry[K, V]{e})
	return true
}

func (m *Map[K, V]) forget(hash uint64, k K) *entry[K, V] {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.table.Load().Find(hash, k)
	if e == nil || e.state.Load() != member {
		return nil
	}
	e.state.Store(gone)
	m.remove(e)
	return e
}

// Reconfigure replaces Config.Max by limit and Config.Idle by idle; 0 means the default.
// It drops nothing itself: if there are more members than limit, later insertions drop
// idle ones. If a value is invalid, Reconfigure panics with the error of
// [Config.Validate] and changes nothing.
func (m *Map[K, V]) Reconfigure(limit int, idle time.Duration) {
	cfg := m.config
	cfg.Max, cfg.Idle = limit, idle
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	m.setBounds(limit, idle)
}

func (m *Map[K, V]) setBounds(limit int, idle time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.max, m.maxIdle = cmp.Or(limit, DefaultMax), cmp.Or(idle, DefaultIdle)
	m.exact.Store(m.max <= looks)
}

// bounds returns the current bounds.
func (m *Map[K, V]) bounds() (limit int, idle time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.max, m.maxIdle
}

// remove removes e, whose state is gone or will never be member, from the table and the
// queue. It is called with mu held.
func (m *Map[K, V]) remove(e *entry[K, V]) {
	t := m.table.Load()
	t.Unlink(e.hash, e)
	m.table.Store(t.Fitting())
	if e.prev != nil {
		m.queue.remove(e)
		m.live.Add(-1)
	}
	if e.counted {
		e.counted = false
		m.count--
	}
}

// notify calls the listeners and OnDrop for each of the dropped entries, even if one of
// the calls of OnDrop panics.
func (m *Map[K, V]) notify(dropped []*entry[K, V]) {
	if len(dropped) == 0 {
		return
	}
	defer m.notify(dropped[1:])
	m.left(dropped[0].key, dropped[0].value)
	if m.config.OnDrop != nil {
		m.config.OnDrop(dropped[0].key, dropped[0].value)
	}
}

// now returns the time in nanoseconds since a fixed time.
func (m *Map[K, V]) now() int64 {
	if m.config.Clock == nil {
		return mono.Now()
	}
	return int64(m.config.Clock.Now().Sub(m.epoch))
}
