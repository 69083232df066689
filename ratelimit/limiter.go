package ratelimit

import (
	"context"
	"errors"
	"sync"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/counter"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/policy"
)

// Limiter is the state of one limit, shared by all calls under it, of any result type.
// Make one with [NewLimiter]; the zero Limiter is not usable. It is safe for concurrent
// use, inside and outside of testing/synctest bubbles.
type Limiter struct {
	// bucket is the current bucket. A caller that loaded an older one sees that its full
	// is moved, and follows next.
	bucket atomic.Pointer[bucket]
	terms  atomic.Pointer[terms]
	name   string
	clock  policy.Clock

	admitted counter.Counter
	rejected counter.Counter
	exceeded ExceededError // shared by all refused calls for one token

	// mu guards the lines of waiters and the replacement of bucket and terms: without it, two
	// replacements could each copy the tokens, two Reconfigures could each leave a half of
	// their config, and a waiter could leave while its place is being planned. It is not held
	// while the clock is read or a waiter is woken. Allow, and calls that find their tokens
	// available, do not take it.
	mu        sync.Mutex
	cancelled int64 // cancelled reservations, which admitted includes
}

// NewLimiter returns a limiter with a full bucket. It panics with the error of
// [Config.Validate].
func NewLimiter(cfg Config) *Limiter {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	l := &Limiter{name: cfg.Name, clock: cfg.Clock}
	l.terms.Store(&terms{maxWait: cfg.MaxWait, cost: cfg.Cost})
	l.exceeded = ExceededError{Name: cfg.Name, limiter: l, tokens: 1}
	l.bucket.Store(new(bucket).at(cfg.withDefaults()).onLine(newLine(newTiming(cfg.Clock))))
	return l
}

func init() {
	origin.Limiter = func(v any) error {
		if l := v.(*Limiter); !l.made() {
			return errors.New("ratelimit: " + l.fault())
		}
		return nil
	}
}

// terms are the parts of a config that the bucket does not have. A call loads them once.
type terms struct {
	maxWait time.Duration
	cost    func(ctx context.Context) int
}

func (l *Limiter) made() bool { return l != nil && l.exceeded.limiter != nil }

// fault describes why a limiter was not made by NewLimiter.
func (l *Limiter) fault() string {
	if l == nil {
		return "limiter is nil, want one made by NewLimiter"
	}
	return "zero Limiter, want one made by NewLimiter"
}

// Name returns the limiter's name.
func (l *Limiter) Name() string { return l.name }

// Clock returns the limiter's clock, or nil for real time.
func (l *Limiter) Clock() policy.Clock { return l.clock }

// Allow takes n tokens if they are available now, and reports whether it did. It never
// waits, takes no tokens during a pause, and takes none that waiting calls need. An n of
// 0 or less is always allowed. Most callers want [Do], a [RateLimit] or [Limiter.Wait].
func (l *Limiter) Allow(n int) bool {
	if l.take(n) {
		l.admitted.Inc()
		return true
	}
	l.rejected.Inc()
	return false
}

// take is Allow without the counters.
func (l *Limiter) take(n int) bool {
	if n <= 0 {
		return true
	}
	b := l.bucket.Load()
	now, ok := b.now()
	return ok && n <= b.burst && b.take(n, now) || l.takeAgain(b, n, now, ok)
}

// takeAgain continues take after b had no tokens at the reading now.
func (l *Limiter) takeAgain(b *bucket, n int, now int64, ok bool) bool {
	for range attempts {
		if b = l.again(b, now, ok); b == nil {
			return false
		}
		if now, ok = b.now(); ok && n <= b.burst && b.take(n, now) {
			return true
		}
	}
	return false
}

// again returns the bucket to try next after b had no tokens: another one if b has been
// replaced or its clock was set, or nil if the answer stands.
func (l *Limiter) again(b *bucket, now int64, ok bool) *bucket {
	d, doubted := b.doubts(now)
	switch {
	case d.full == moved:
		return b.next.Load()
	case !ok:
		l.begin(b.line)
		return l.bucket.Load()
	case now < b.made:
		d.certain, d.now = true, now
	case !doubted:
		return nil
	}
	l.restart(&d)
	return l.bucket.Load()
}

// due returns the time until n tokens are available.
func (l *Limiter) due(n int) time.Duration {
	b := l.bucket.Load()
	for range attempts {
		now, ok := b.now()
		missing := b.missing(n, now)
		if missing == 0 {
			break
		}
		if b = l.again(b, now, ok); b == nil {
			return duration(missing)
		}
	}
	return 0
}

// Idle reports whether dropping the limiter and making a new one would lose nothing: the
// bucket is full, no call waits, no reservation is pending, and there is no pause. A rate
// set by SetRate would be lost.
func (l *Limiter) Idle() bool {
	b := l.bucket.Load()
	// Load promised after full: a promise fulfilled in between is not ahead of the later
	// clock reading.
	full, promised := b.full.Load(), b.line.promised.Load()
	now, ok := b.now()
	if !ok {
		return true
	}
	return full <= now && b.until <= now && (promised == 0 || promised <= now && !l.waits())
}

// waits reports whether a call is in the line, even if its tokens are available by now.
func (l *Limiter) waits() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.Load().line.waiting > 0
}

// refuse returns the error for a call that asked for n tokens.
func (l *Limiter) refuse(n int) error {
	if n == 1 {
		return &l.exceeded
	}
	return &ExceededError{Name: l.name, limiter: l, tokens: n}
}
