package ratelimit

import (
	"context"
	"sync"

	"github.com/ductile-go/ductile/policy"
)

// attempts bounds how often a step restarts because the clock was set: a clock that is
// set at every reading would never stop it.
const attempts = 4

// lock locks the limiter for a step on the current bucket, and returns the bucket and the
// time. All waiters in the line belong to the caller's bubble: waking one in another
// bubble is a fatal error.
func (l *Limiter) lock() (b *bucket, now int64) {
	where := bubble()
	for n := 0; ; n++ {
		line := l.bucket.Load().line
		seen := line.seen.Load()
		now, ok := line.now()
		if n >= attempts && !ok {
			now, ok = seen, true
		}
		l.mu.Lock()
		current := l.bucket.Load().line == line
		if current && ok && (line.first == nil || line.bubble == where) {
			line.bubble = where
			now = l.settle(line, seen, now)
			return l.bucket.Load(), now
		}
		l.mu.Unlock()
		if current {
			l.begin(line)
		}
	}
}

// step locks the limiter for a step of a waiter in the line, and returns the time.
func (l *Limiter) step(n *line) (now int64) {
	seen := n.seen.Load()
	now, ok := n.now()
	if !ok {
		l.begin(n)
	}
	l.mu.Lock()
	if !ok {
		n.lost = true
		return n.seen.Load()
	}
	return l.settle(n, seen, now)
}

// settle updates a line for a step under the lock, and returns the time. seen was loaded
// before the reading now was taken. The clock is not read under the lock, so a reading
// may be older than that of the step before. It shows that the clock was set back only if
// it is less than seen.
func (l *Limiter) settle(n *line, seen, now int64) int64 {
	latest := n.seen.Load()
	if now < seen && now < latest {
		l.rewind(n, now)
	} else {
		now = max(now, latest)
		n.seen.Store(now)
	}
	n.sweep(now)
	return now
}

// bell wakes a waiter.
type bell struct {
	turn      policy.Waiter
	interrupt context.CancelFunc
}

// unlock unlocks mu, and then wakes the waiters that the step rang.
func (n *line) unlock(mu *sync.Mutex) {
	var few [4]bell
	bells := few[:0]
	for w := n.ringing; w != nil; w = w.alsoRinging {
		w.ringing = false
		bells = append(bells, bell{w.turn, w.interrupt})
	}
	n.ringing = nil
	mu.Unlock()
	ringAll(bells)
}

// ringAll rings all bells, even if the Wake of one panics.
func ringAll(bells []bell) {
	defer func() {
		if len(bells) > 0 {
			ringAll(bells)
		}
	}()
	for len(bells) > 0 {
		b := bells[0]
		bells = bells[1:]
		if b.interrupt != nil {
			b.interrupt()
		}
		b.turn.Wake()
	}
}
