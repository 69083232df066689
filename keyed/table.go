package keyed

import atomic "github.com/ductile-go/ductile/internal/atomicx"

const smallest = 16 // buckets; a power of two

// table is a hash table of entries. Readers take no lock: each bucket is a list, and
// writers, under Map.mu, change one pointer of it at a time. A table of another size has
// nodes of its own, so readers of the old table are not disturbed.
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
// An unlinked node keeps its next pointer. A reader that has reached it continues with
// the nodes behind it, and so finds every key that is in the table during the whole
// search.
func (t *table[K, V]) find(hash uint64, k K) *entry[K, V] {
	for n := t.bucket(hash).Load(); n != nil; n = n.next.Load() {
		if n.hash == hash && n.entry.key == k {
			return n.entry
		}
	}
	return nil
}

// link adds e. It sets the next pointer of the new node first: a reader that reached the
// node without it would miss the rest of the bucket.
func (t *table[K, V]) link(e *entry[K, V]) {
	at := t.bucket(e.hash)
	n := &node[K, V]{hash: e.hash, entry: e}
	n.next.Store(at.Load())
	at.Store(n)
	t.len++
}

// unlink removes e. It compares entries and not keys, so that it also removes a key that
// does not equal itself, such as NaN.
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

// fitting returns t, or a table of another size with the same entries if t is too small
// or far too large.
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
