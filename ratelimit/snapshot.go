package ratelimit

import (
	"log/slog"
	"time"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// Snapshot is the state of a limiter at one moment. Its JSON has durations in
// nanoseconds.
type Snapshot struct {
	Name  string        `json:"name,omitempty"`
	Limit int           `json:"limit"` // tokens gained in Per
	Per   time.Duration `json:"per"`
	Burst int           `json:"burst"`
	// Tokens is the number of tokens in the bucket, Burst if it is full. Tokens promised
	// to waiting calls and reservations count as taken, so it may be negative. During a
	// pause with such promises, it is the number at the end of the pause.
	Tokens  int           `json:"tokens"`
	Waiting int           `json:"waiting,omitempty"` // waiting calls
	Paused  time.Duration `json:"paused,omitempty"`  // remaining time of a pause
	// Admitted counts the calls that were admitted, at once or after a wait, and the
	// reservations that were not cancelled. Rejected counts the refused calls. A call
	// whose context ended during its wait is in neither.
	Admitted int64 `json:"admitted,omitempty"`
	Rejected int64 `json:"rejected,omitempty"`
}

// Snapshot returns the limiter's rate, its current tokens, and its counters.
func (l *Limiter) Snapshot() Snapshot {
	l.mu.Lock()
	b, cancelled := l.bucket.Load(), l.cancelled
	waiting := b.line.waiting
	l.mu.Unlock()
	return Snapshot{
		Name: l.name, Limit: b.limit, Per: b.per, Burst: b.burst, Tokens: l.tokens(), Waiting: waiting, Paused: l.paused(),
		Admitted: l.admitted.Load() - cancelled, Rejected: l.rejected.Load(),
	}
}

// tokens returns the number of tokens in the bucket. If the clock was set, the next call
// restarts with a full bucket.
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
			now = max(now, b.until) // promised tokens are counted from there
		}
		return b.tokens(max(0, full-now))
	}
}

func (l *Limiter) confirms(d *doubt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return d.stands()
}

// tokens returns the number of tokens in a bucket that takes missing ticks to fill.
func (b *bucket) tokens(missing int64) int {
	left := b.span - missing
	if left < 0 {
		return int((left - b.cost + 1) / b.cost)
	}
	return int(left / b.cost)
}

// paused returns the remaining time of a pause.
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

// LogValue returns the rate and the other fields that are not zero.
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
