package policy

import (
	"sync"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/mono"
)

// record collects what the pipeline's Finished event reports about one observed call,
// and holds the clock reading at which it began.
//
// A policy may keep a Call on its own goroutine after the pipeline has returned, so a
// record is never reused for another call.
type record struct {
	// start is the reading at which the pipeline began. It is 0 if the pipeline is
	// measured on a user's clock, or if a callback may have taken time since.
	start   atomic.Int64
	again   atomic.Int32 // attempts after the first
	ended   atomic.Int64 // the last reading by a policy after the first attempt succeeded
	rescuer atomic.Pointer[string]
	// outer is the record of the pipeline around this one. It is cleared when this
	// pipeline ends: records are allocated in blocks, and a block in use would
	// otherwise keep every older block alive.
	outer atomic.Pointer[record]
}

// lap returns the reading of an inner policy that has just ended, or makes a new one
// for the policies around to use. A reading is out of date if it is older than start or
// if a further attempt has begun since.
func (r *record) lap(start int64) int64 {
	ended := r.ended.Load()
	if ended == 0 || ended < start || r.again.Load() != 0 {
		ended = mono.Now()
		r.ended.Store(ended)
	}
	return ended
}

// countAgain counts a further attempt, here and in the pipelines around.
func (r *record) countAgain() {
	for ; r != nil; r = r.outer.Load() {
		r.again.Add(1)
	}
}

// rescued records the kind of the policy that rescued the call.
func (r *record) rescued(by string) {
	for ; r != nil; r = r.outer.Load() {
		r.rescuer.Store(&by)
	}
}

// block holds records that are handed out one after another: one allocation for 64
// observed calls. The garbage collector frees it once no call uses it.
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
