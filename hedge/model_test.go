package hedge_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/ductile-go/ductile/hedge"
)

// outcome is the end of an attempt that is not cancelled.
type outcome int

const (
	succeeds outcome = iota
	fails            // with a retryable error
	fatal            // with a permanent error
	refused          // with a rejection
	asks             // with an error with a RetryAfter
	asksLong         // with an error whose RetryAfter is too long
	unwanted         // with a value that WithCondition rejects
	panics
	exits
	outcomes
)

func (o outcome) decides() bool { return o == succeeds || o.breaks() }
func (o outcome) breaks() bool  { return o == panics || o == exits }
func (o outcome) worth() bool   { return o == fails || o == asks || o == asksLong || o == unwanted }
func (o outcome) valued() bool  { return o == succeeds || o == unwanted }

// script is the input of a history: the behavior of each attempt, and when the caller
// leaves.
type script struct {
	cfg    hedge.Config
	tokens int // tokens in the budget
	takes  [18]time.Duration
	comes  [18]outcome
	deaf   [18]bool          // the attempt ignores its context
	hint   [18]time.Duration // the RetryAfter of asks
	leaves time.Duration     // 0 means never
}

// model is the reference implementation: one loop over the moments of a history, in the
// order of time, without goroutines.
type model struct {
	script
	now     time.Duration
	lines   []string
	times   []time.Duration
	timers  []int // pending timers after each of times
	tokens  int
	begun   int
	ends    map[int]time.Duration // by running attempt
	timer   time.Duration         // start of the next attempt; 0 means none
	wake    time.Duration         // end of the caller's wait for a RetryAfter; 0 means none
	until   time.Duration
	closed  bool
	gone    bool // the caller's context has ended
	told    bool // an attempt ended with it
	decided int  // the attempt that decided the call
	over    bool // the call has returned, or its goroutine panicked or exited
	inline  int  // the attempt on the caller's goroutine; 0 means none
	failed  []int
	result  string
}

func (m *model) log(format string, args ...any) {
	m.lines = append(m.lines, fmt.Sprintf("%v ", m.now)+fmt.Sprintf(format, args...))
}

// play runs the history.
func (m *model) play() {
	m.ends, m.tokens = map[int]time.Duration{}, m.script.tokens
	m.begin("")
	if !m.cfg.Abandon {
		m.inline = 1
	}
	if m.cfg.Delay == hedge.AtOnce {
		for range m.cfg.MaxExtra {
			if !m.take() {
				break
			}
			m.begin("delay")
		}
	} else {
		m.timer = m.cfg.Delay
	}
	for {
		what, at := m.next()
		if what == "" {
			break
		}
		if m.now == at && at > 0 {
			m.times = nil // a tie: the order is not defined
			return
		}
		m.now = at
		m.times = append(m.times, at)
		m.step(what)
		m.timers = append(m.timers, m.armed())
	}
	slices.Sort(m.lines)
}

// next returns the next event and its time. The end of an attempt is returned as its
// number.
func (m *model) next() (what string, at time.Duration) {
	first := func(w string, t time.Duration) {
		if t > 0 && (what == "" || t < at) {
			what, at = w, t
		}
	}
	for n, t := range m.ends {
		first(fmt.Sprint(n), t)
	}
	if !m.over && m.decided == 0 {
		first("timer", m.timer)
		first("wake", m.wake)
	}
	if !m.gone && !m.over {
		first("leaves", m.leaves)
	}
	return what, at
}

func (m *model) step(what string) {
	switch what {
	case "timer":
		m.timer = m.now + max(m.cfg.Delay, time.Millisecond)
		if m.gone {
			m.timer = 0
		} else if m.take() {
			m.begin("delay")
		}
	case "wake":
		m.wake = 0
		m.again()
	case "leaves":
		m.leave()
	default:
		var n int
		_, _ = fmt.Sscan(what, &n)
		m.end(n)
	}
}

func (m *model) take() bool {
	if m.cfg.Budget == hedge.NoBudget {
		return true
	}
	if m.tokens == 0 {
		return false
	}
	m.tokens--
	return true
}

func (m *model) begin(reason string) {
	m.begun++
	n := m.begun
	m.ends[n] = m.now + m.takes[n]
	m.log("begin %d, speculative %v", n, n > 1)
	if n > 1 {
		m.log("hedged %d by %s", n, reason)
		if m.timer = m.now + m.cfg.Delay; m.cfg.Delay == hedge.AtOnce {
			m.timer = 0
		}
	}
	if m.begun > m.cfg.MaxExtra {
		m.timer = 0
	}
}

// end handles the end of attempt n, if it is not cancelled.
func (m *model) end(n int) {
	delete(m.ends, n)
	o := m.comes[n]
	m.log("end %d", n)
	if o == refused && n > 1 {
		m.tokens++
	}
	switch {
	case n == m.inline && o.breaks():
		m.lost(n)
	case m.decided > 0 || m.over:
		m.late(n)
		if n == m.inline {
			m.hand()
		}
	case o.decides():
		m.decide(n)
	default:
		m.fail(n)
	}
}

// lost handles the end of the caller's goroutine by a panic or Goexit.
func (m *model) lost(n int) {
	m.result = fmt.Sprintf("%v %s of %d", m.now, []string{"panic", "Goexit"}[m.comes[n]-panics], n)
	if m.decided > 0 {
		m.dropLast()
		m.over = true
		m.late(m.decided)
		return
	}
	m.over = true
	m.dropLast()
	m.cancel("lost")
}

// decide handles the end of an attempt that decides the call.
func (m *model) decide(n int) {
	m.decided, m.timer = n, 0
	m.cancel("lost")
	if m.inline == 0 || m.inline == n || m.ends[m.inline] == 0 {
		m.hand()
	}
}

// hand returns the decided result to the caller.
func (m *model) hand() {
	m.inline, m.over = 0, true
	m.dropLast()
	switch n := m.decided; m.comes[n] {
	case succeeds:
		m.result = fmt.Sprintf("%v value of %d", m.now, n)
	case panics:
		m.result = fmt.Sprintf("%v panic of %d", m.now, n)
	case exits:
		m.result = fmt.Sprintf("%v Goexit of %d", m.now, n)
	}
}

// cancel ends the contexts of all running attempts. Attempts that respect their context
// end at once.
func (m *model) cancel(why string) {
	for n := range m.ends {
		if m.deaf[n] {
			continue
		}
		delete(m.ends, n)
		m.log("end %d: %s", n, why)
		if why == "lost" {
			m.log("late %d: lost", n)
			m.log("finished_late %d", n)
		}
	}
}

// late handles the end of an attempt after the call was decided.
func (m *model) late(n int) {
	switch o := m.comes[n]; {
	case o.valued():
		m.log("discard %d", n)
	default:
		m.log("late %d: %d", n, o)
	}
	m.log("finished_late %d", n)
}

func (m *model) dropLast() {
	if len(m.failed) > 0 {
		if n := m.failed[len(m.failed)-1]; m.comes[n] == unwanted {
			m.log("discard %d", n)
		}
	}
}

func (m *model) fail(n int) {
	m.dropLast()
	m.failed = append(m.failed, n)
	if n == m.inline {
		m.inline = 0
	}
	o := m.comes[n]
	switch o {
	case asksLong:
		m.closed, m.timer = true, 0
		m.until = max(m.until, m.now+time.Hour)
	case asks:
		m.until = max(m.until, m.now+m.hint[n])
	}
	worth := o.worth() && m.cfg.OnFailure && m.cfg.Delay != hedge.AtOnce
	open := !m.closed && m.begun <= m.cfg.MaxExtra
	switch {
	case len(m.ends) == 0:
		m.alone(worth && open)
	case m.gone && m.inline == 0: // the caller is not running an attempt, so it leaves
		m.left()
	case worth && m.until <= m.now:
		if open && !m.gone && m.take() {
			m.begin("failure")
		}
	case worth && open:
		m.timer = m.until
	case o == asks && m.timer > 0 && open:
		m.timer = max(m.timer, m.until)
	}
}

// alone handles the moment at which no attempt is running.
func (m *model) alone(again bool) {
	m.timer = 0
	switch {
	case !again || m.gone:
		m.finish()
	case m.until > m.now:
		m.wake = m.until
	default:
		m.again()
	}
}

func (m *model) again() {
	if !m.take() {
		m.finish()
		return
	}
	m.begin("failure")
	if !m.cfg.Abandon {
		m.inline = m.begun
	}
}

// finish ends the call with the last result.
func (m *model) finish() {
	m.over = true
	last := m.failed[len(m.failed)-1]
	switch {
	case m.comes[last] == unwanted:
		m.result = fmt.Sprintf("%v value of %d", m.now, last)
		return
	case m.told:
		m.result = fmt.Sprintf("%v left", m.now)
		return
	}
	var errs []int
	for _, n := range m.failed {
		if m.comes[n] != unwanted {
			errs = append(errs, n)
		}
	}
	m.result = fmt.Sprintf("%v errors of %v", m.now, errs)
}

// leave handles the end of the caller's context.
func (m *model) leave() {
	m.gone, m.timer = true, 0
	waiting := m.inline == 0
	if m.inline > 0 && !m.deaf[m.inline] { // the inline attempt fails with the context's error
		waiting = true
	}
	decided := m.decided > 0
	for n := range m.ends {
		if !m.deaf[n] {
			if n == m.inline {
				m.inline = 0
			}
			delete(m.ends, n)
			m.log("end %d: left", n)
			m.told = true
			if !waiting && !decided { // another failure
				m.dropLast()
				m.failed, m.comes[n] = append(m.failed, n), -1
			}
		}
	}
	if waiting && !decided {
		m.left()
	}
}

// left returns the call after the caller's context has ended.
func (m *model) left() {
	m.over, m.wake = true, 0
	m.dropLast()
	m.result = fmt.Sprintf("%v left", m.now)
}
