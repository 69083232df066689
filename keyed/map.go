package keyed

import (
	"hash/maphash"
	"iter"
	"sync"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/mono"
)

// Map holds a value for each key, up to a number of them. Make one with [New]; the
// zero Map is not usable. It is safe for concurrent use. To get the value of a known
// key takes no lock and allocates nothing, if keys contain no pointers but strings.
//
// A member is a key that has a value of its own. Each Get of a key that is not a
// member drops members that are idle, as their Idle method says at that moment: all
// that were unused for Config.Idle, and, where Max is reached, the least recently used
// one. It looks at no more than 32 members, those in front of a queue, and no goroutine
// runs in the background, so a map that gets no new keys drops nothing.
//
// With 32 members or fewer this is exact. Larger maps look at those that were used
// least recently when they were last looked at: what is dropped is among the least
// recently used, and what was unused for Config.Idle may stay until later insertions
// come to it. With a Max above 32, uses between the same two insertions count as made
// at the same time.
//
// A use is a Get, or a call through a [Policy]. With a Clock, each use reads it, and
// Idle is exact. In real time a use does not read the clock, which would take longer
// than the rest of it: it counts as made at the next insertion that looks at the
// member. A member may so stay longer than Config.Idle, never shorter.
//
// A value is not dropped if a Get returned it after the drop had begun. A caller that
// got it before, and has not yet begun to use it, is not known to the map: it goes on
// with the old value while others get a new one. For a circuit this means that the
// outcome of that one call is counted in a circuit that nobody else sees. For a gate it
// means that one call more than its limit may run.
type Map[K comparable, V Idler] struct {
	config Config[K, V]
	epoch  time.Time // a reading of config.Clock; times are kept as nanoseconds since then
	seed   maphash.Seed
	// table is replaced under mu by one of another size. A reader that still has the
	// old one may miss a key that is added meanwhile; it then looks again under mu.
	table atomic.Pointer[table[K, V]]
	// tick orders uses. It moves on with each insertion and before each drop, and in an
	// exact map with each use of another member than the last.
	tick  atomic.Int64
	exact atomic.Bool // Max is small enough; changed by Reconfigure during uses

	_ [64]byte // what insertions write is not on the cache line that each use reads

	overflow lazy[entry[K, V]]
	families atomic.Int64 // Policies over this map; each takes a number that no other has
	live     atomic.Int64 // members; written under mu, read by Len without it

	mu      sync.Mutex // never held while a function of the user's runs
	queue   queue[K, V]
	count   int // members, and keys that are about to become one
	max     int
	maxIdle time.Duration
}

// New returns an empty map. It panics with the error of [Config.Validate] if cfg is
// not valid.
func New[K comparable, V Idler](cfg Config[K, V]) *Map[K, V] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	m := &Map[K, V]{config: cfg, seed: maphash.MakeSeed()}
	if cfg.Clock != nil {
		m.epoch = cfg.Clock.Now()
	}
	m.queue.init()
	m.table.Store(newTable[K, V](smallest))
	m.setBounds(cfg.Max, cfg.Idle)
	return m
}

// Get returns the value of k and counts as a use of it. If k is not a member, Get
// makes it one; where Max is reached and no member is idle, it returns the overflow
// value instead, and k does not become a member.
func (m *Map[K, V]) Get(k K) V { return m.get(k).value }

func (m *Map[K, V]) get(k K) *entry[K, V] {
	hash := maphash.Comparable(m.seed, k)
	if e := m.table.Load().find(hash, k); e != nil && m.use(e) {
		return e
	}
	return m.enter(hash, k)
}

// use notes that e is used now and reports whether it is a member.
//
// A drop takes the opposite order: it notes e.used, moves the tick on, marks e as gone
// and looks at e.used again. So of a use that begins after the tick has moved, either
// the drop sees the new e.used and takes the mark back, or the use sees the mark.
//
// e.used is read before the tick and swapped, not stored: a goroutine held up between
// the two would otherwise replace a later use by an earlier one. It is left alone where
// it is up to date, so that uses of one hot key do not fight over its cache line.
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

// Lookup returns the value of k if it is a member. It inserts nothing and does not
// count as a use, so that a page which shows members does not keep them.
func (m *Map[K, V]) Lookup(k K) (V, bool) {
	if e := m.peek(k); e != nil {
		return e.value, true
	}
	var none V
	return none, false
}

func (m *Map[K, V]) peek(k K) *entry[K, V] {
	hash := maphash.Comparable(m.seed, k)
	if e := m.table.Load().find(hash, k); e == nil || m.isMember(e) {
		return e
	}
	// The entry is leaving, and its key may have come back since.
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.table.Load().find(hash, k); e != nil && e.state.Load() == member {
		return e
	}
	return nil
}

// isMember reports whether e is a member. A drop may mark e as gone and take that
// back, all under mu, so a mark is believed only if it is still there under mu.
func (m *Map[K, V]) isMember(e *entry[K, V]) bool {
	if state := e.state.Load(); state != gone {
		return state == member
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return e.state.Load() == member
}

// All returns the members, in no order. A key that is added or dropped meanwhile may
// be missing; none comes twice. The loop may use the map. It counts as no use.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for e := range m.table.Load().all {
			if m.isMember(e) && !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Len returns how many members there are.
func (m *Map[K, V]) Len() int { return int(m.live.Load()) }

// Forget drops k, whether its value is idle or not, and reports whether k was a
// member. Calls that got the value before go on with it. A key whose value is being
// made is not a member yet, and becomes one.
func (m *Map[K, V]) Forget(k K) bool {
	e := m.forget(maphash.Comparable(m.seed, k), k)
	if e == nil {
		return false
	}
	m.tell([]*entry[K, V]{e})
	return true
}

func (m *Map[K, V]) forget(hash uint64, k K) *entry[K, V] {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.table.Load().find(hash, k)
	if e == nil || e.state.Load() != member {
		return nil
	}
	e.state.Store(gone)
	m.remove(e)
	return e
}

// Reconfigure replaces Config.Max and Config.Idle; 0 means the default, as there. It
// drops nothing by itself: if there are more members than limit, later insertions drop
// those that are idle. It panics with the text of [Config.Validate] if a value is not
// valid, and then changes nothing.
func (m *Map[K, V]) Reconfigure(limit int, idle time.Duration) {
	if err := validateBounds(limit, idle); err != nil {
		panic(err)
	}
	m.setBounds(limit, idle)
}

func (m *Map[K, V]) setBounds(limit int, idle time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.max, m.maxIdle = boundsOf(limit, idle)
	m.exact.Store(m.max <= looks)
}

// bounds returns the bounds in force.
func (m *Map[K, V]) bounds() (limit int, idle time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.max, m.maxIdle
}

// remove takes e, already marked as gone, out of the table and, a member, out of the
// queue. It is called with mu held.
func (m *Map[K, V]) remove(e *entry[K, V]) {
	t := m.table.Load()
	t.unlink(e)
	m.table.Store(t.fitting())
	if e.prev != nil {
		m.queue.remove(e)
		m.live.Add(-1)
	}
	if e.counted {
		e.counted = false
		m.count--
	}
}

// tell calls OnDrop for each of the dropped entries, also if it panics for one.
func (m *Map[K, V]) tell(dropped []*entry[K, V]) {
	if len(dropped) == 0 || m.config.OnDrop == nil {
		return
	}
	defer m.tell(dropped[1:])
	m.config.OnDrop(dropped[0].key, dropped[0].value)
}

// now returns the time in nanoseconds since some moment.
func (m *Map[K, V]) now() int64 {
	if m.config.Clock == nil {
		return mono.Now()
	}
	return int64(m.config.Clock.Now().Sub(m.epoch))
}
