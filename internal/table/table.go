// Package table is a hash table that is read without a lock.
package table

import atomic "github.com/ductile-go/ductile/internal/atomicx"

// Smallest is the number of buckets of the smallest table.
const Smallest = 16

// Table is a hash table of pointers. Any number of goroutines may read it while one, under
// a lock of the owner's, changes it. Each bucket is a list, and a writer changes one
// pointer of it at a time. A table of another size has nodes of its own, so readers of
// the old table are not disturbed; they may miss what is added to the new one.
type Table[K comparable, V any] struct {
	buckets []atomic.Pointer[node[K, V]]
	len     int // guarded by the owner's lock
}

type node[K comparable, V any] struct {
	hash  uint64
	key   K
	value *V
	next  atomic.Pointer[node[K, V]]
}

// New returns an empty table. The number of buckets must be a power of two.
func New[K comparable, V any](buckets int) *Table[K, V] {
	return &Table[K, V]{buckets: make([]atomic.Pointer[node[K, V]], buckets)}
}

// Buckets returns the number of buckets.
func (t *Table[K, V]) Buckets() int { return len(t.buckets) }

// Len returns the number of values. The caller holds the owner's lock.
func (t *Table[K, V]) Len() int { return t.len }

func (t *Table[K, V]) bucket(hash uint64) *atomic.Pointer[node[K, V]] {
	return &t.buckets[hash&uint64(len(t.buckets)-1)]
}

// Find returns the value that was linked last for the key, or nil.
//
// An unlinked node keeps its next pointer. A reader that has reached it continues with
// the nodes behind it, and so finds every key that is in the table during the whole
// search.
func (t *Table[K, V]) Find(hash uint64, k K) *V {
	for n := t.bucket(hash).Load(); n != nil; n = n.next.Load() {
		if n.hash == hash && n.key == k {
			return n.value
		}
	}
	return nil
}

// Link adds a value. It sets the next pointer of the new node first: a reader that reached
// the node without it would miss the rest of the bucket.
func (t *Table[K, V]) Link(hash uint64, k K, v *V) {
	at := t.bucket(hash)
	n := &node[K, V]{hash: hash, key: k, value: v}
	n.next.Store(at.Load())
	at.Store(n)
	t.len++
}

// Unlink removes v, which was linked with the hash. It compares values and not keys, so
// that it also removes a key that does not equal itself, such as NaN.
func (t *Table[K, V]) Unlink(hash uint64, v *V) {
	for at := t.bucket(hash); ; {
		n := at.Load()
		if n.value == v {
			at.Store(n.next.Load())
			t.len--
			return
		}
		at = &n.next
	}
}

// Fitting returns t, or a table of another size with the same values if t is too small or
// far too large.
func (t *Table[K, V]) Fitting() *Table[K, V] {
	buckets := len(t.buckets)
	switch {
	case t.len > buckets:
		buckets *= 2
	case t.len < buckets/8 && buckets > Smallest:
		buckets /= 2
	default:
		return t
	}
	other := New[K, V](buckets)
	for i := range t.buckets {
		for n := t.buckets[i].Load(); n != nil; n = n.next.Load() {
			other.Link(n.hash, n.key, n.value)
		}
	}
	return other
}

// All yields the values, in no order.
func (t *Table[K, V]) All(yield func(*V) bool) {
	for i := range t.buckets {
		for n := t.buckets[i].Load(); n != nil; n = n.next.Load() {
			if !yield(n.value) {
				return
			}
		}
	}
}
