package ratelimit

import (
	"math/bits"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/policy"
)

// Times are in ticks, sixteenths of a nanosecond, since the line of waiters was made.
// The bounds keep every sum of a reading, a full bucket, a wait and a cost within int64.
const (
	perNano    = 16
	maxReading = 1 << 62 // 9 years
	maxSpan    = 1 << 60 // of a full bucket, 2 years
	maxAhead   = 1 << 59 // of a wait
	moved      = maxReading + 2*maxSpan - 1
)

// bucket is the tokens at one rate. SetRate, Pause and a clock that is set back put
// another one in its place.
type bucket struct {
	// full is when the bucket will be full again: in the past if it is full, and moved
	// once next has taken its place. Everything that is granted or promised is in it, so
	// a caller that finds room takes nothing from those who wait.
	full atomic.Int64
	_    [56]byte // readers of what follows do not fight over full's cache line
	// next is stored before full becomes moved: a caller that finds it moved goes on there,
	// and never waits for the one that moved it.
	next atomic.Pointer[bucket]

	timing
	line  *line
	cost  int64 // of a token
	span  int64 // of a full bucket: burst x cost
	until int64 // nothing is granted before: a pause
	made  int64 // when the bucket was; an earlier reading is of a clock that was set back
	start int64 // what full was then: more than burst may be missing from before
	burst int
	limit int
	per   time.Duration
}

// timing is the clock of a line and of its buckets.
type timing struct {
	clock policy.Clock // nil is real time
	born  int64        // on real time, by package mono
	epoch time.Time    // on clock
}

func newTiming(clock policy.Clock) timing {
	if clock == nil {
		return timing{born: mono.Now()}
	}
	return timing{clock: clock, epoch: clock.Now()}
}

// now returns the time, and false if that is out of range: the clock is another one than
// at the beginning, as in a bubble of testing/synctest, or was set.
func (t *timing) now() (now int64, ok bool) {
	var nanos int64
	if t.clock == nil {
		nanos = mono.Now() - t.born
	} else {
		nanos = int64(t.clock.Now().Sub(t.epoch))
	}
	return nanos * perNano, uint64(nanos) < maxReading/perNano
}

// take takes n tokens, at most burst, if they are there now.
func (b *bucket) take(n int, now int64) bool {
	cost := int64(n) * b.cost
	for {
		// Where full is moved, so much is missing that no n is there.
		full := b.full.Load()
		next := max(full, now) + cost
		if next-b.span > now || now < b.until {
			return false
		}
		if b.full.CompareAndSwap(full, next) {
			return true
		}
	}
}

// book takes n tokens as soon as they are there, if that is within most from now. It
// returns when the bucket was to be full, when that is with a pause, and when the tokens
// are there. The lock is held, so
// b does not move; callers of take come in between.
func (b *bucket) book(n int, now, most int64) (base, from, due int64, ok bool) {
	cost := int64(n) * b.cost
	for {
		full := b.full.Load()
		base = max(full, now)
		from = max(base, b.until)
		due = max(from+cost-b.span, b.until, now)
		if due-now > most {
			return base, from, due, false
		}
		if due > now {
			b.line.promise(from + cost) // before it shows in full: see doubtful
		}
		if b.full.CompareAndSwap(full, from+cost) {
			return base, from, due, true
		}
	}
}

// missing returns how long n tokens are not there yet.
func (b *bucket) missing(n int, now int64) int64 {
	due := max(b.full.Load(), now) + int64(n)*b.cost - b.span
	return max(due, b.until, now) - now
}

// doubt is that the clock was set back: full was further ahead of a reading than what can
// be missing. It is settled under the lock.
type doubt struct {
	bucket  *bucket
	lowered int64 // the line's, before full was looked at
	full    int64
	now     int64
	certain bool // the reading is from before the bucket was made
}

// doubts reports whether full is further ahead of a reading than the tokens that a bucket
// holds, what was missing when it was made, and what is promised. Everything in full was
// counted from an earlier reading, or was promised before it showed. The reading may be
// old, so it is taken again, after full and after what is promised have been looked at.
func (b *bucket) doubts(now int64) (d doubt, is bool) {
	d = doubt{bucket: b, lowered: b.line.lowered.Load(), full: b.full.Load()}
	if d.full-now <= b.span || d.full == moved || !d.holds() {
		return d, false
	}
	now, ok := b.now()
	d.now = now
	return d, ok && d.full-now > b.span
}

func (d *doubt) holds() bool {
	return d.full > d.bucket.start && d.full > d.bucket.line.promised.Load()
}

// stands reports whether the doubt is none about what has been given back meanwhile. The
// lock is held.
func (d *doubt) stands() bool {
	n := d.bucket.line
	if d.bucket != n.bucket || n.left {
		return false // others were first
	}
	return d.certain || d.lowered == n.lowered.Load() && d.full == d.bucket.full.Load() && d.holds()
}

// successor returns a bucket like b that is to take its place.
func (b *bucket) successor(now int64) *bucket {
	return &bucket{
		timing: b.timing, line: b.line, cost: b.cost, span: b.span, until: b.until, made: now,
		burst: b.burst, limit: b.limit, per: b.per,
	}
}

// at sets the rate of a bucket that nobody uses yet. cfg is valid, with its defaults.
func (b *bucket) at(cfg Config) *bucket {
	b.limit, b.per, b.burst = cfg.Limit, cfg.Per, cfg.Burst
	b.cost = cfg.cost()
	b.span = b.cost * int64(cfg.Burst)
	return b
}

// scaled returns the time t of b as one of a bucket with another cost: what is missing
// at now is as many tokens as before, rounded up.
func (b *bucket) scaled(t, now, cost int64) int64 {
	if t <= now || cost == b.cost {
		return t
	}
	hi, lo := bits.Mul64(uint64(t-now), uint64(cost))
	lo, carry := bits.Add64(lo, uint64(b.cost-1), 0)
	if hi += carry; hi >= uint64(b.cost) {
		return now + 2*maxSpan - 1
	}
	q, _ := bits.Div64(hi, lo, uint64(b.cost))
	return now + int64(min(q, 2*maxSpan-1))
}

// duration returns ticks in nanoseconds, rounded up.
func duration(ticks int64) time.Duration {
	return time.Duration((ticks + perNano - 1) / perNano)
}
