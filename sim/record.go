package sim

import "time"

// bin is what is recorded of one second of a run.
type bin struct {
	calls, succeeded, open   int64
	requests, served, wasted int64
	sum                      time.Duration
	times                    spread
	queue                    int
}

// tenth is the unit of time in which a recovery is measured.
const tenth = 100 * time.Millisecond

// tally counts the calls that began in a tenth of a second. The outcome of those that are
// open is not known.
type tally struct{ calls, ended, succeeded, open int32 }

// record is what is recorded of a run. Its size depends on the duration alone.
type record struct {
	bins    []bin
	tallies []tally
	ticked  int // seconds of which the state at the end is recorded
}

func newRecord(d time.Duration) record {
	return record{bins: make([]bin, parts(d, time.Second)), tallies: make([]tally, parts(d, tenth))}
}

// parts returns how many units, the last one maybe not whole, make d.
func parts(d, unit time.Duration) int { return int((d + unit - 1) / unit) }

// second returns the index of the second of a time.
func (r *record) second(now int64) int { return min(int(now/int64(time.Second)), len(r.bins)-1) }

func (r *record) bin(now int64) *bin { return &r.bins[r.second(now)] }

func (r *record) tally(now int64) *tally {
	return &r.tallies[min(int(now/int64(tenth)), len(r.tallies)-1)]
}

// begin records that a call begins.
func (r *record) begin(now int64) {
	r.bin(now).calls++
	r.tally(now).calls++
}

// end records the end of a call that began at a time.
func (r *record) end(began, now int64, succeeded bool) {
	b, t := r.bin(began), r.tally(began)
	t.ended++
	b.sum += time.Duration(now - began)
	b.times.add(time.Duration(now - began))
	if succeeded {
		b.succeeded++
		t.succeeded++
	}
}

// cut shortens the record to what had passed, and marks the calls whose outcome is not known.
func (r *record) cut(end time.Duration) {
	r.bins = r.bins[:min(len(r.bins), parts(end, time.Second))]
	r.tallies = r.tallies[:min(len(r.tallies), parts(end, tenth))]
	for i := max(0, len(r.tallies)-int(time.Second/tenth)); i < len(r.tallies); i++ {
		t := &r.tallies[i]
		t.open = t.calls - t.ended
		r.bin(int64(i) * int64(tenth)).open += int64(t.open)
	}
}
