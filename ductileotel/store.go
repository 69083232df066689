package ductileotel

import (
	"hash/maphash"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/table"
	"github.com/ductile-go/ductile/observe"
)

// series is an attribute set of one instrument, or a name that a pipeline tells apart.
type series struct {
	add    []metric.AddOption    // of a counter
	record []metric.RecordOption // of a histogram
	rest   bool                  // the overflow series
	pipe   *pipe                 // of callActive
}

// pipe is what the series of one pipeline share.
type pipe struct {
	// active is the number of calls in flight. It keeps an observer that gets Finished
	// events without Started ones from counting below 0.
	active atomic.Int64
	// The numbers of names that the pipeline tells apart. They are written under store.mu,
	// and read without it by calls that find a limit reached.
	errorTypes, operations atomic.Int64
}

// store has the series by their keys.
type store struct {
	seed maphash.Seed
	// table is replaced by a larger one under mu. A reader of the old one may miss a series
	// that was just added: it then looks again under mu.
	table atomic.Pointer[table.Table[key, series]]
	// used has the number of series of each instrument. It is written under mu, and read
	// without it by calls that find the limit reached.
	used     [kinds]atomic.Int64
	overflow [kinds]*series

	// mu serializes changes of the table: of two goroutines that add a series at the same
	// time, one would otherwise unlink the other's. It is not held during a call out.
	mu sync.Mutex
}

func newStore() *store {
	s := &store{seed: maphash.MakeSeed()}
	s.table.Store(table.New[key, series](table.Smallest))
	set := attribute.NewSet(labelled(observe.LabelOverflow, "true"))
	for i := range s.overflow {
		s.overflow[i] = newSeries(set)
		s.overflow[i].rest, s.overflow[i].pipe = true, new(pipe)
	}
	return s
}

// newSeries returns a series whose options are built once, for all its measurements.
func newSeries(set attribute.Set) *series {
	opt := metric.WithAttributeSet(set)
	return &series{add: []metric.AddOption{opt}, record: []metric.RecordOption{opt}}
}

func (s *store) hash(k *key) uint64 { return maphash.Comparable(s.seed, *k) }

func (s *store) lookup(k *key) *series { return s.table.Load().Find(s.hash(k), *k) }

// find returns the series of k, with the attributes more besides those of k. It adds the
// series if there is room, and otherwise returns one that stands for several.
func (s *store) find(k *key, more attribute.Set) *series {
	if r := s.lookup(k); r != nil {
		return r
	}
	// Without the lock first: once the limits are reached, names that a client invents must
	// not make calls wait for each other.
	if r := s.resolve(*k, more, false); r != nil {
		return r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resolve(*k, more, true)
}

// resolve returns the series that counts the measurements of k: its own, that of
// observe.Other, or the overflow series. If that means to add an entry, it adds it if add
// is true, and otherwise returns nil. If add is true, the caller holds mu.
func (s *store) resolve(k key, more attribute.Set, add bool) *series {
	if k.kind != callActive && k.ofPipeline() {
		of := s.resolve(key{kind: callActive, pipeline: k.pipeline}, attribute.Set{}, add)
		switch {
		case of == nil:
			return nil
		case of.rest:
			return s.overflow[k.kind]
		}
		errorType := key{kind: errorTypeName, pipeline: k.pipeline, errorType: k.errorType}
		operation := key{kind: operationName, pipeline: k.pipeline, operation: k.operation}
		if !s.admit(&k.errorType, errorType, &of.pipe.errorTypes, observe.DefaultMaxErrorTypes, add) ||
			!s.admit(&k.operation, operation, &of.pipe.operations, observe.DefaultMaxOperations, add) {
			return nil
		}
	}
	if r := s.lookup(&k); r != nil {
		return r
	}
	if s.used[k.kind].Load() >= observe.DefaultMaxSeries {
		return s.overflow[k.kind]
	}
	if !add {
		return nil
	}
	return s.insert(k, more)
}

// insert adds the series of k. The caller holds mu.
func (s *store) insert(k key, more attribute.Set) *series {
	k = k.cloned()
	r := newSeries(attribute.NewSet(append(more.ToSlice(), k.attributes()...)...)) // of two equal keys the last wins
	if k.kind == callActive {
		r.pipe = new(pipe)
	}
	s.used[k.kind].Add(1)
	s.link(k, r)
	return r
}

// admit replaces a name by observe.Other if its pipeline tells enough others apart. It
// returns false if the name must be added first and add is false.
func (s *store) admit(name *string, k key, n *atomic.Int64, limit int64, add bool) bool {
	switch {
	case *name == "" || *name == observe.Other || s.lookup(&k) != nil:
	case n.Load() >= limit:
		*name = observe.Other
	case !add:
		return false
	default:
		n.Add(1)
		s.link(k.cloned(), new(series))
	}
	return true
}

// link adds an entry. The caller holds mu.
func (s *store) link(k key, r *series) {
	t := s.table.Load()
	t.Link(s.hash(&k), k, r)
	if fitting := t.Fitting(); fitting != t {
		s.table.Store(fitting)
	}
}
