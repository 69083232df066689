package ratelimit

import "time"

// Reservation is a promise of tokens. It is a small value; copies refer to the same
// promise. The zero Reservation is due, and Cancel does nothing.
type Reservation struct {
	spot    *spot // nil if the tokens were available at once
	limiter *Limiter
}

// Reserve takes n tokens at the earliest time at which they are available, if that is at
// most most from now; a negative most means no limit. The caller must not act before
// [Reservation.Delay] has passed. An n of 0 or less is due at once.
//
// Otherwise it takes no tokens, and returns an *[ExceededError], or an error that matches
// [ErrCost] if n is more than Burst.
func (l *Limiter) Reserve(n int, most time.Duration) (Reservation, error) {
	if l.take(n) {
		l.admitted.Inc()
		return Reservation{}, nil
	}
	s, err := l.reserve(n, ahead(most))
	if err != nil {
		l.rejected.Inc()
		return Reservation{}, err
	}
	l.admitted.Inc()
	return Reservation{s, l}, nil
}

func (l *Limiter) reserve(n int, most int64) (*spot, error) {
	b, now := l.lock()
	defer func() { b.line.unlock(&l.mu) }()
	if n > b.burst {
		return nil, &costError{l.name, n, b.burst}
	}
	base, from, due, ok := b.book(n, now, most)
	switch {
	case !ok:
		b.line.publish()
		return nil, l.refuse(n)
	case due == now:
		b.line.publish()
		return nil, nil
	}
	s := &spot{tokens: n, cost: int64(n) * b.cost, due: due}
	b.line.add(s, base, from, now)
	return s, nil
}

// ahead converts a wait to ticks. A negative wait becomes the maximum.
func ahead(d time.Duration) int64 {
	if d < 0 || d > maxAhead/perNano {
		return maxAhead
	}
	return int64(d) * perNano
}

// Delay returns the time from now until the tokens are available, or 0 if they are. A
// pause or a change of the rate can change it.
func (r Reservation) Delay() time.Duration {
	if r.spot == nil {
		return 0
	}
	now, ok := r.spot.line.now()
	r.limiter.mu.Lock()
	defer r.limiter.mu.Unlock()
	if r.spot.out || !ok {
		return 0
	}
	return duration(max(0, r.spot.due-now))
}

// Cancel returns the tokens if they are not due yet. Waiting calls move up. A later
// reservation keeps its time; the tokens then go to the calls behind it. Tokens that
// would have overflowed the bucket by then are lost. Only the first Cancel counts, also
// across copies.
func (r Reservation) Cancel() {
	if r.spot == nil {
		return
	}
	n, where := r.spot.line, bubble()
	seen := n.seen.Load()
	now, ok := n.now()
	if !ok {
		return
	}
	r.limiter.mu.Lock()
	defer n.unlock(&r.limiter.mu)
	if r.spot.out || n.bubble != where {
		return
	}
	if now = r.limiter.settle(n, seen, now); r.spot.out || r.spot.due <= now {
		return
	}
	n.remove(r.spot, now)
	r.limiter.cancelled++
}
