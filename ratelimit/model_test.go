package ratelimit_test

import (
	"math/big"
	"slices"
	"time"
)

// model is the plain implementation of the limiter's contract: every question walks the
// whole line. Times are in sixteenths of a nanosecond.
type model struct {
	cost, span int64 // ticks of one token, of a full bucket
	burst      int
	until      int64 // end of a pause
	served     int64 // when the bucket would be full again if the line were gone
	line       []*entry
	last       int64 // time of the last call of pass
	extra      int64 // tokens taken since then by calls that did not have to wait
}

// entry is an entry in the line.
type entry struct {
	id     int
	tokens int
	fixed  bool  // a reservation, or tokens taken ahead of one
	due    int64 // set if fixed
	taken  bool
	cost   int64 // of the tokens taken
	latest int64 // set for a waiter
	// The outcome of a wait.
	at      time.Duration
	refused bool
}

const tick = 16

func newModel(limit int, per time.Duration, burst int) *model {
	m := &model{}
	m.rate(limit, per, burst)
	return m
}

func (m *model) rate(limit int, per time.Duration, burst int) {
	m.cost = (int64(per)*tick + int64(limit) - 1) / int64(limit)
	m.span, m.burst = m.cost*int64(burst), burst
}

func (m *model) costOf(e *entry) int64 {
	if e.taken {
		return e.cost
	}
	return int64(e.tokens) * m.cost
}

// end returns when the bucket would be full again after the first n entries.
func (m *model) end(n int) int64 {
	t := m.served
	if n > 0 {
		t = max(t, m.until)
	}
	for _, e := range m.line[:n] {
		if e.fixed {
			t = max(t, e.due)
		}
		t += m.costOf(e)
	}
	return t
}

func (m *model) full() int64 { return m.end(len(m.line)) + m.extra }

// pass serves the entries that are due by now.
func (m *model) pass(now int64) {
	for {
		for len(m.line) > 0 && m.line[0].fixed && m.line[0].due <= now {
			m.served = m.end(1)
			m.line = m.line[1:]
		}
		i := slices.IndexFunc(m.line, func(e *entry) bool { return !e.fixed })
		if i < 0 {
			break
		}
		e, before := m.line[i], max(m.end(i), m.until)
		due := max(before+m.costOf(e)-m.span, m.until)
		if due > now {
			break
		}
		at := max(m.last, (due+tick-1)/tick*tick) // timers have a resolution of a nanosecond
		e.at = time.Duration(at / tick)
		if i == 0 {
			m.served = before + m.costOf(e)
			m.line = m.line[1:]
			continue
		}
		e.cost, e.fixed, e.taken, e.due = m.costOf(e), true, true, min(at, before)
	}
	m.last = now
	if len(m.line) == 0 && m.extra > 0 {
		m.served, m.extra = m.served+m.extra, 0
	}
}

// book takes tokens for Allow, Wait and Reserve. It returns when they are available.
func (m *model) book(e *entry, now, most int64) (due int64, ok bool) {
	from := max(m.full(), now, m.until)
	due = max(from+m.costOf(e)-m.span, m.until, now)
	if e.tokens > m.burst || due-now > most {
		return due, false
	}
	if due == now { // no wait
		if len(m.line) == 0 {
			m.served = from + m.costOf(e)
		} else {
			m.extra = from + m.costOf(e) - m.end(len(m.line))
		}
		return due, true
	}
	switch end := m.end(len(m.line)); {
	case len(m.line) == 0:
		m.served = max(m.full(), now)
	case from > end:
		m.line = append(m.line, &entry{fixed: true, taken: true, due: now, cost: from - max(end, now)})
		m.extra = 0
	}
	e.due, e.latest = due, now+most
	m.line = append(m.line, e)
	return due, true
}

// cancel removes e, and reports whether it was in the line.
func (m *model) cancel(e *entry, now int64) bool {
	i := slices.Index(m.line, e)
	if i < 0 || e.taken || e.fixed && e.due <= now {
		return false
	}
	end := m.end(len(m.line))
	if e.fixed && i == 0 { // the bucket is at most full now
		m.served = max(m.served, now)
	}
	m.line = slices.Delete(m.line, i, i+1)
	if back := end - m.end(len(m.line)); m.extra > 0 {
		m.extra += back - (max(end, now) - max(end-back, now))
	}
	return true
}

// plan reschedules the line after a change. Reservations keep their time where possible.
func (m *model) plan(now int64, keep bool) (refused []*entry) {
	all := m.line
	m.line = nil
	for _, e := range all {
		t := max(m.end(len(m.line)), m.until)
		due := max(t+m.costOf(e)-m.span, m.until)
		switch {
		case e.taken:
		case e.fixed && keep:
			e.due = max(e.due, due)
		case e.fixed:
			e.due = due
		case e.tokens > m.burst || due > e.latest:
			e.refused, e.at = true, time.Duration(now/tick)
			refused = append(refused, e)
			continue
		}
		m.line = append(m.line, e)
	}
	return refused
}

func (m *model) pause(now int64, d time.Duration) {
	if until := now + int64(d)*tick; until > m.until {
		m.until = until
		m.plan(now, true)
	}
}

// setRate carries the debt over as a number of tokens.
func (m *model) setRate(now int64, limit int, per time.Duration, burst int) {
	was, burstWas := m.cost, m.burst
	if m.rate(limit, per, burst); m.cost == was && burst == burstWas {
		return
	}
	end := m.endBy(was)
	full := end + m.extra
	m.served = m.scaled(m.served, now, was)
	for _, e := range m.line {
		if e.taken {
			e.cost = m.scaled(now+e.cost, now, was) - now
		}
	}
	m.plan(now, false)
	m.extra = m.scaled(full, now, was) - m.scaled(end, now, was)
	m.pass(now)
}

// endBy is end at another cost per token.
func (m *model) endBy(cost int64) int64 {
	is := m.cost
	m.cost = cost
	defer func() { m.cost = is }()
	return m.end(len(m.line))
}

func (m *model) scaled(t, now, was int64) int64 {
	if t <= now || was == m.cost {
		return t
	}
	missing := new(big.Int).Mul(big.NewInt(t-now), big.NewInt(m.cost))
	missing.Add(missing, big.NewInt(was-1)).Div(missing, big.NewInt(was))
	return now + missing.Int64()
}

func (m *model) tokens(now int64) int {
	if len(m.line) > 0 {
		now = max(now, m.until)
	}
	left := m.span - max(0, m.full()-now)
	if left < 0 {
		return int((left - m.cost + 1) / m.cost)
	}
	return int(left / m.cost)
}

func (m *model) waiting() (n int) {
	for _, e := range m.line {
		if !e.fixed {
			n++
		}
	}
	return n
}
