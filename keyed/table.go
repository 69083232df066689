package keyed

import atomic "github.com/ductile-go/ductile/internal/atomicx"

const smallest = 16 // buckets; a power of two

// table finds entries by key. Readers take no lock: a bucket is a list that is
// changed, under Map.mu, by one pointer at a time. Another size is another table,
// with nodes of its own, so a reader of the old one finds what it would have found.
type table[K comparable, V Idler] struct {
	buckets []atomic.Pointer[node[K, V]]
	len     int // guarded by Map.mu
}

type node[K comparable, V Idler] struct {
	hash  uint64
	entry *entry[K, V]
	next  atomic.Pointer[node[K, V]]
}

func newTable[K comparable, V Idler](buckets int) *table[K, V] {
	return &table[K, V]{buckets: make([]atomic.Pointer[node[K, V]], buckets)}
}

func (t *table[K, V]) bucket(hash uint64) *atomic.Pointer[node[K, V]] {
	return &t.buckets[hash&uint64(len(t.buckets)-1)]
}

// find returns the entry of the key, or nil.
//
// A node that is unlinked keeps its next. So a reader that stands on it goes on to
// all nodes that were behind it and are still linked, and misses no key that is
// there from the beginning to the end of the search.
func (t *table[K, V]) find(hash uint64, k K) *entry[K, V] {
	for n := t.bucket(hash).Load(); n != nil; n = n.next.Load() {
		if n.hash == hash && n.entry.key == k {
			return n.entry
		}
	}
	return nil
}

// link adds e. The new node is whole before it is linked, so a reader never sees
// one that leads nowhere.
func (t *table[K, V]) link(e *entry[K, V]) {
	at := t.bucket(e.hash)
	n := &node[K, V]{hash: e.hash, entry: e}
	n.next.Store(at.Load())
	at.Store(n)
	t.len++
}

// unlink removes e, which is found by identity: a key that does not equal itself,
// such as a NaN, is removed as well.
func (t *table[K, V]) unlink(e *entry[K, V]) {
	for at := t.bucket(e.hash); ; {
		n := at.Load()
		if n.entry == e {
			at.Store(n.next.Load())
			t.len--
			return
		}
		at = &n.next
	}
}

// fitting returns t, or a table of another size with the same entries if t has
// become too small or far too large.
func (t *table[K, V]) fitting() *table[K, V] {
	buckets := len(t.buckets)
	switch {
	case t.len > buckets:
		buckets *= 2
	case t.len < buckets/8 && buckets > smallest:
		buckets /= 2
	default:
		return t
	}
	other := newTable[K, V](buckets)
	for e := range t.all {
		other.link(e)
	}
	return other
}

// all yields the entries, in no order.
func (t *table[K, V]) all(yield func(*entry[K, V]) bool) {
	for i := range t.buckets {
		for n := t.buckets[i].Load(); n != nil; n = n.next.Load() {
			if !yield(n.entry) {
				return
			}
		}
	}
}
