package ratelimit

import (
	"math/bits"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/policy"
)

// Times are in ticks of 1/16 ns since the line of waiters was made. The bounds below keep
// every sum of a reading, a full bucket, a wait and a cost within int64.
const (
	perNano    = 16
	maxReading = 1 << 62 // 9 years
	maxSpan    = 1 << 60 // of a full bucket, 2 years
	maxAhead   = 1 << 59 // of a wait
	moved      = maxReading + 2*maxSpan - 1
)

// bucket holds the tokens at one rate. SetRate, Pause and a clock that is set back
// replace it.
type bucket struct {
	// full is the time at which the bucket will be full again: in the past if it is full,
	// and moved once next has replaced the bucket. It includes every granted and promised
	// token, so Allow cannot take a token that a waiter was promised.
	full atomic.Int64
	_    [56]byte // readers of what follows do not fight over full's cache line
	// next is stored before full becomes moved: a caller that sees moved continues at
	// next, and never waits for the goroutine that replaced the bucket.
	next atomic.Pointer[bucket]

	timing
	line  *line
	cost  int64 // of a token
	span  int64 // of a full bucket: burst x cost
	until int64 // end of the pause: nothing is granted before
	made  int64 // when the bucket was made; an earlier reading shows a clock set back
	start int64 // full when the bucket was made; a debt carried over may exceed burst
	burst int
	limit int
	per   time.Duration
}

// timing is the clock shared by a line and its buckets.
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

// now returns the time. ok is false if the time is out of range: the clock was set, or
// belongs to another testing/synctest bubble.
func (t *timing) now() (now int64, ok bool) {
	var nanos int64
	if t.clock == nil {
		nanos = mono.Now() - t.born
	} else {
		nanos = int64(t.clock.Now().Sub(t.epoch))
	}
	return nanos * perNano, uint64(nanos) < maxReading/perNano
}

// take takes n tokens, at most burst, if they are available now.
func (b *bucket) take(n int, now int64) bool {
	cost := int64(n) * b.cost
	for {
		// If full is moved, it is so large that the check below fails for every n.
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

// book takes n tokens at the earliest time at which they are available, if that is within
// most from now. base is when the bucket would have been full, from is base after a
// pause, and due is when the tokens are available. The caller holds the lock, so b is not
// replaced; calls of take may interleave.
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
			b.line.promise(from + cost) // before full shows it: see doubts
		}
		if b.full.CompareAndSwap(full, from+cost) {
			return base, from, due, true
		}
	}
}

// missing returns the time until n tokens are available.
func (b *bucket) missing(n int, now int64) int64 {
	due := max(b.full.Load(), now) + int64(n)*b.cost - b.span
	return max(due, b.until, now) - now
}

// doubt is the suspicion that the clock was set back: full was further ahead of a reading
// than any possible debt. It is decided under the lock.
type doubt struct {
	bucket  *bucket
	lowered int64 // the line's lowered, loaded before full
	full    int64
	now     int64
	certain bool // the reading is older than the bucket
}

// doubts reports whether full is further ahead of a reading than the bucket's capacity,
// the debt at its start, and the promised tokens allow. Every token in full was counted
// from an earlier reading, or was promised before full showed it. The given reading may
// be old, so doubts reads the clock again, after it has loaded full and promised.
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

// stands reports whether the doubt still holds and is not explained by tokens returned
// meanwhile. The caller holds the lock.
func (d *doubt) stands() bool {
	n := d.bucket.line
	if d.bucket != n.bucket || n.left {
		return false // another goroutine was first
	}
	return d.certain || d.lowered == n.lowered.Load() && d.full == d.bucket.full.Load() && d.holds()
}

// successor returns a copy of b that will replace it.
func (b *bucket) successor(now int64) *bucket {
	return &bucket{
		timing: b.timing, line: b.line, cost: b.cost, span: b.span, until: b.until, made: now,
		burst: b.burst, limit: b.limit, per: b.per,
	}
}

// at sets the rate of a bucket that is not in use yet. cfg is valid and has its defaults.
func (b *bucket) at(cfg Config) *bucket {
	b.limit, b.per, b.burst = cfg.Limit, cfg.Per, cfg.Burst
	b.cost = cfg.cost()
	b.span = b.cost * int64(cfg.Burst)
	return b
}

// scaled converts the time t of b for a bucket with another cost: the number of tokens
// missing at now stays the same, rounded up.
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

// duration converts ticks to nanoseconds, rounded up.
func duration(ticks int64) time.Duration {
	return time.Duration((ticks + perNano - 1) / perNano)
}
