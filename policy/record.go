package policy

import (
	"sync"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/mono"
)

// record is what the pipeline's Finished event says about an observed call, and
// the clock reading that it began with.
//
// A policy may keep a Call on a goroutine of its own after the pipeline has
// returned, so a record is never used again for another call.
type record struct {
	// start is the reading that the pipeline began with; 0 if it is on a clock of the
	// user's, or if time may have passed since.
	start   atomic.Int64
	again   atomic.Int32 // attempts after the first
	ended   atomic.Int64 // the last reading by a policy that saw the first attempt succeed
	rescuer atomic.Pointer[string]
	// outer is the record of the pipeline around this one. It is cleared when this
	// pipeline has ended: records lie in blocks, and a block that is still in use
	// would otherwise keep every older one alive.
	outer atomic.Pointer[record]
}

// lap returns the reading of a policy inside that has just ended, or a new one, which is
// left for the policies around. A reading from before start, or with a further attempt
// since, belongs to something else.
func (r *record) lap(start int64) int64 {
	ended := r.ended.Load()
	if ended == 0 || ended < start || r.again.Load() != 0 {
		ended = mono.Now()
		r.ended.Store(ended)
	}
	return ended
}

// countAgain counts an attempt after the first, here and in the pipelines around.
func (r *record) countAgain() {
	for ; r != nil; r = r.outer.Load() {
		r.again.Add(1)
	}
}

// rescued remembers which kind of policy rescued the call.
func (r *record) rescued(by string) {
	for ; r != nil; r = r.outer.Load() {
		r.rescuer.Store(&by)
	}
}

// block holds records that are handed out one after another: one allocation for
// 64 observed calls, of memory that is then left to the garbage collector.
type block struct {
	used    int
	records [64]record
}

var blocks = sync.Pool{New: func() any { return new(block) }}

func newRecord(outer *record) *record {
	b := blocks.Get().(*block)
	r := &b.records[b.used]
	b.used++
	if b.used < len(b.records) {
		blocks.Put(b)
	}
	if outer != nil {
		r.outer.Store(outer)
	}
	return r
}
