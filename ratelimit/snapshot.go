package ratelimit

import (
	"log/slog"
	"time"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// Snapshot is a limiter at one moment. In its JSON, durations are in nanoseconds.
type Snapshot struct {
	Name  string        `json:"name,omitempty"`
	Limit int           `json:"limit"` // tokens gained in Per
	Per   time.Duration `json:"per"`
	Burst int           `json:"burst"`
	// Tokens is how many are in the bucket, Burst if it is full. What is promised to
	// calls that wait, and to reservations, has been taken, so it may be less than 0. If
	// there is such a promise during a pause, it is what there will be at its end.
	Tokens  int           `json:"tokens"`
	Waiting int           `json:"waiting,omitempty"` // calls
	Paused  time.Duration `json:"paused,omitempty"`  // how long a pause still lasts
	// Admitted counts the calls that were let in, at once or later, and the reservations
	// that were not cancelled. Rejected counts those that were refused; a call that left
	// since its context ended is in neither.
	Admitted int64 `json:"admitted,omitempty"`
	Rejected int64 `json:"rejected,omitempty"`
}

// Snapshot returns the limiter's rate, as of now what it holds, and what it has counted
// so far.
func (l *Limiter) Snapshot() Snapshot {
	l.mu.Lock()
	b, waiting, cancelled := l.bucket.Load(), 0, l.cancelled
	waiting = b.line.waiting
	l.mu.Unlock()
	s := Snapshot{
		Name: l.name, Limit: b.limit, Per: b.per, Burst: b.burst, Tokens: l.tokens(), Waiting: waiting, Paused: l.paused(),
		Admitted: l.admitted.Load() - cancelled, Rejected: l.rejected.Load(),
	}
	return s
}

// tokens returns how many are in the bucket. Where the clock was set, the next call begins
// anew, with a full one.
func (l *Limiter) tokens() int {
	for b := l.bucket.Load(); ; b = l.bucket.Load() {
		full := b.full.Load()
		for ; full == moved; full = b.full.Load() {
			b = b.next.Load()
		}
		now, ok := b.now()
		if !ok || full <= now {
			return b.burst
		}
		if d, doubted := b.doubts(now); doubted {
			if l.confirms(&d) {
				return b.burst
			}
			continue
		}
		if b.line.promised.Load() != 0 {
			now = max(now, b.until) // what is promised is counted from there
		}
		return b.tokens(max(0, full-now))
	}
}

func (l *Limiter) confirms(d *doubt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return d.stands()
}

// tokens returns how many there are in a bucket that takes a while to fill.
func (b *bucket) tokens(missing int64) int {
	left := b.span - missing
	if left < 0 {
		return int((left - b.cost + 1) / b.cost)
	}
	return int(left / b.cost)
}

// paused returns how long a pause still lasts.
func (l *Limiter) paused() time.Duration {
	b := l.bucket.Load()
	if b.until == 0 {
		return 0
	}
	now, ok := b.now()
	if !ok {
		return 0
	}
	return duration(max(0, b.until-now))
}

// Config returns the limiter's config with the defaults filled in, and the rate that is
// in force.
func (l *Limiter) Config() Config {
	b := l.bucket.Load()
	return Config{
		Name: l.name, Limit: b.limit, Per: b.per, Burst: b.burst, MaxWait: l.maxWait, Cost: l.cost, Clock: l.clock,
	}
}

// LogValue returns the rate, and the other fields that are not zero.
func (s Snapshot) LogValue() slog.Value {
	return logvalue.Group(
		slog.String("name", s.Name),
		slog.Int("limit", s.Limit),
		slog.Duration("per", s.Per),
		slog.Int("burst", s.Burst),
		slog.Int("tokens", s.Tokens),
		slog.Int("waiting", s.Waiting),
		slog.Duration("paused", s.Paused),
		slog.Int64("admitted", s.Admitted),
		slog.Int64("rejected", s.Rejected),
	)
}
