package observe

import (
	"hash/maphash"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/counter"
)

// series is an entry of the table: a series, or a name with its series.
type series struct {
	id
	rest  bool            // an overflow series
	pipe  *pipe           // of the pipeline, for kinds that belong to one
	count counter.Counter // of a counter; for callActive, the calls that have started
	hist  *hist           // of a histogram

	next atomic.Pointer[series] // in its bucket
	// dead is set before the series is unlinked. A goroutine that has found the series
	// before may put it in the table's recent entries after that; see table.get.
	dead atomic.Bool
	kin  []*series // of a name: the series that are deleted with it. Guarded by Stats.mu
}

// pipe is what the series of one pipeline share.
type pipe struct {
	attempts hist // attempts per call: its count is the number of calls that have ended
	// The numbers of names that the pipeline tells apart. They are written under Stats.mu,
	// and read without it by calls that find a limit reached.
	keys, operations, errorTypes atomic.Int64
}

const recentBits = 10

// table holds the series. Readers take no lock. Each bucket is a list, and writers, under
// Stats.mu, change one pointer of it at a time.
type table struct {
	seed    maphash.Seed
	buckets []atomic.Pointer[series]
	// recent holds entries at the hints of the ids under which they were last found, so
	// that the usual lookup hashes no string.
	recent [1 << recentBits]atomic.Pointer[series]
}

func newTable(maxSeries int) *table {
	buckets := 16
	for buckets/2 < maxSeries && buckets < 1<<16 { // 2*maxSeries could overflow
		buckets *= 2
	}
	return &table{seed: maphash.MakeSeed(), buckets: make([]atomic.Pointer[series], buckets)}
}

// get returns the entry of x from the recent ones, or nil. Each entry has two places.
func (t *table) get(x *id) *series {
	h := x.hint()
	if r := t.recent[h].Load(); r != nil && r.is(x) && !r.dead.Load() {
		return r
	}
	if r := t.recent[h^1].Load(); r != nil && r.is(x) && !r.dead.Load() {
		return r
	}
	return nil
}

// remember makes r, the entry of x, a recent one.
func (t *table) remember(x *id, r *series) {
	h := x.hint()
	if was := t.recent[h].Load(); was == nil || was.dead.Load() {
		t.recent[h].Store(r)
		return
	}
	t.recent[h^1].Store(r)
}

func (t *table) bucket(x *id) *atomic.Pointer[series] {
	h := maphash.Comparable(t.seed, *x)
	return &t.buckets[h&uint64(len(t.buckets)-1)]
}

// find returns the entry of x, or nil. An unlinked entry keeps its next pointer, so a
// reader that has reached it continues with the entries behind it.
func (t *table) find(x *id) *series {
	for r := t.bucket(x).Load(); r != nil; r = r.next.Load() {
		if r.is(x) && !r.dead.Load() {
			return r
		}
	}
	return nil
}

// link adds r. It sets the next pointer of r first: a reader that reached r without it
// would miss the rest of the bucket.
func (t *table) link(r *series) {
	at := t.bucket(&r.id)
	r.next.Store(at.Load())
	at.Store(r)
}

// unlink removes r.
func (t *table) unlink(r *series) {
	r.dead.Store(true)
	for at := t.bucket(&r.id); ; {
		one := at.Load()
		if one == r {
			at.Store(r.next.Load())
			return
		}
		at = &one.next
	}
}

// all yields the entries, in no order.
func (t *table) all(yield func(*series) bool) {
	for i := range t.buckets {
		for r := t.buckets[i].Load(); r != nil; r = r.next.Load() {
			if !r.dead.Load() && !yield(r) {
				return
			}
		}
	}
}
