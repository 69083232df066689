package linear

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

// tapOp is what an operation on a limiter does.
type tapOp uint8

const (
	tapAllow tapOp = iota
	tapReserve
	tapCancel
	tapDelay
	tapPause
	tapSetRate
	tapAdvance // of the clock, while nothing else runs
	tapSettle  // Snapshot, while nothing else runs
)

type tapInput struct {
	op tapOp
	n  int // tokens, or the number of a rate
	id int // of a reservation
	d  time.Duration
}

type tapOutput struct {
	ok     bool
	d      time.Duration
	tokens int
	paused time.Duration
}

// tapUnit is the time that histories of limiters are counted in.
const tapUnit = time.Microsecond

// tapRates are what SetRate changes between: the interval of a token, and the burst.
var tapRates = [...]struct {
	interval time.Duration
	burst    int
}{{10 * tapUnit, 3}, {4 * tapUnit, 2}, {25 * tapUnit, 5}}

const maxHeld = 24

// held is a reservation, or tokens that were taken in spite of one.
type heldTokens struct {
	id     int
	tokens int
	cost   int64 // of what was taken
	due    int64
	taken  bool
}

// tapState is a limiter with no waiters, in sixteenths of a nanosecond: the reservations in their order,
// when the bucket would be full again without them, and what was taken since the last.
type tapState struct {
	now, until    int64
	served, extra int64
	rate, n       int
	line          [maxHeld]heldTokens
}

func (s tapState) cost(h heldTokens) int64 {
	if h.taken {
		return h.cost
	}
	return int64(h.tokens) * s.interval()
}

func (s tapState) span() int64 {
	return int64(tapRates[s.rate].burst) * s.interval()
}

func (s tapState) interval() int64 { return ticksOf(tapRates[s.rate].interval) }

func ticksOf(d time.Duration) int64 { return int64(d) * 16 }

func durationOf(ticks int64) time.Duration { return time.Duration((ticks + 15) / 16) }

// end is when the bucket would be full after the first n of the line.
func (s tapState) end(n int) int64 {
	t := s.served
	if n > 0 {
		t = max(t, s.until)
	}
	for _, h := range s.line[:n] {
		t = max(t, h.due) + s.cost(h)
	}
	return t
}

// swept is the state without what is due at the beginning of the line.
func (s tapState) swept() tapState {
	for s.n > 0 && s.line[0].due <= s.now {
		s.served = s.end(1)
		s = s.without(0)
	}
	if s.n == 0 {
		s.served, s.extra = s.served+s.extra, 0
	}
	return s
}

func (s tapState) without(i int) tapState {
	copy(s.line[i:], s.line[i+1:s.n])
	s.n--
	s.line[s.n] = heldTokens{}
	return s
}

// take is every way to take tokens: within most from now.
func (s tapState) take(id, n int, most int64) (tapState, bool) {
	s = s.swept()
	h := heldTokens{id: id, tokens: n}
	end := s.end(s.n)
	base := max(end+s.extra, s.now)
	from := max(base, s.until)
	due := max(from+s.cost(h)-s.span(), s.until, s.now)
	switch {
	case n > tapRates[s.rate].burst || due-s.now > most:
		return s, false
	case due == s.now && s.n == 0:
		s.served = from + s.cost(h)
		return s, true
	case due == s.now:
		s.extra = from + s.cost(h) - end
		return s, true
	case s.n == 0:
		s.served = base
	case from > end:
		s.line[s.n] = heldTokens{taken: true, due: s.now, cost: from - max(end, s.now)}
		s.n++
		s.extra = 0
	}
	h.due = due
	s.line[s.n] = h
	s.n++
	return s, true
}

func (s tapState) find(id int) int {
	for i, h := range s.line[:s.n] {
		if h.id == id && !h.taken {
			return i
		}
	}
	return -1
}

func (s tapState) cancel(id int) tapState {
	s = s.swept()
	i := s.find(id)
	if i < 0 || s.line[i].due <= s.now {
		return s
	}
	end := s.end(s.n)
	if i == 0 {
		s.served = max(s.served, s.now)
	}
	s = s.without(i)
	if back := end - s.end(s.n); s.extra > 0 {
		s.extra += back - (max(end, s.now) - max(end-back, s.now))
	}
	return s.swept()
}

// replan gives what is reserved its times anew.
func (s tapState) replan(keep bool) tapState {
	all, n := s.line, s.n
	s.n = 0
	for _, h := range all[:n] {
		due := max(max(s.end(s.n), s.until)+s.cost(h)-s.span(), s.until)
		switch {
		case h.taken:
		case keep:
			h.due = max(h.due, due)
		default:
			h.due = due
		}
		s.line[s.n] = h
		s.n++
	}
	return s
}

func (s tapState) pause(d time.Duration) tapState {
	s = s.swept()
	if until := s.now + ticksOf(d); until > s.until {
		s.until = until
		s = s.replan(true)
	}
	return s
}

func (s tapState) setRate(k int) tapState {
	s = s.swept()
	if k == s.rate {
		return s
	}
	from, to := s.interval(), ticksOf(tapRates[k].interval)
	scaled := func(t int64) int64 {
		if t <= s.now {
			return t
		}
		return s.now + ((t-s.now)*to+from-1)/from
	}
	end := s.end(s.n)
	full := end + s.extra
	s.served = scaled(s.served)
	for i := range s.line[:s.n] {
		if h := &s.line[i]; h.taken {
			h.cost = scaled(s.now+h.cost) - s.now
		}
	}
	s.extra = scaled(full) - scaled(end)
	s.rate = k
	return s.replan(false).swept()
}

// tokens is what Snapshot shows.
func (s tapState) tokens() int {
	now := s.now
	if s.n > 0 {
		now = max(now, s.until)
	}
	left := s.span() - max(0, s.end(s.n)+s.extra-now)
	if left < 0 {
		left -= s.interval() - 1
	}
	return int(left / s.interval())
}

func (s tapState) delay(id int) time.Duration {
	if i := s.find(id); i >= 0 {
		return durationOf(max(0, s.line[i].due-s.now))
	}
	return 0
}

// apply does an operation.
func (s tapState) apply(in tapInput) (tapState, tapOutput) {
	var out tapOutput
	switch in.op {
	case tapAllow:
		s, out.ok = s.take(0, in.n, 0)
	case tapReserve:
		s, out.ok = s.take(in.id, in.n, ticksOf(in.d))
	case tapCancel:
		s = s.cancel(in.id)
	case tapDelay:
		out.d = s.delay(in.id)
	case tapPause:
		s = s.pause(in.d)
	case tapSetRate:
		s = s.setRate(in.n)
	case tapAdvance:
		s.now += ticksOf(in.d)
	case tapSettle:
		s = s.swept()
		out.tokens, out.paused = s.tokens(), durationOf(max(0, s.until-s.now))
	}
	return s, out
}

func tapModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return tapState{} },
		Step: func(s, in, out any) (bool, any) {
			next, want := s.(tapState).apply(in.(tapInput))
			return want == out.(tapOutput), next
		},
		DescribeOperation: func(in, out any) string {
			names := [...]string{"Allow", "Reserve", "Cancel", "Delay", "Pause", "SetRate", "pass", "at rest"}
			return fmt.Sprintf("%s%+v: %+v", names[in.(tapInput).op], in, out)
		},
	}
}
