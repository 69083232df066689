package breaker_test

import (
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// model is a circuit written for clarity instead of speed, with a mutex and a list of all
// records.
type model struct {
	mu        sync.Mutex
	cfg       breaker.Config
	clk       *fake.Clock
	state     breaker.State
	gen       int
	calls     []modelCall
	row       int
	until     time.Time
	reopened  int
	out       int
	round     int
	granted   time.Time
	successes int
	bad       int // probes that failed or were slow
	passed    int // Ignored probes since the last that was not
	born      time.Time
	path      []breaker.State
}

type modelCall struct {
	at           time.Time
	failed, slow bool
}

type modelPermit struct {
	gen, round int
	at         time.Time
}

func (m *model) enter(s breaker.State, reopened int, period time.Duration) {
	if s != m.state {
		m.path = append(m.path, s)
	}
	m.state, m.gen, m.reopened = s, m.gen+1, reopened
	m.calls, m.row, m.out, m.round = nil, 0, 0, 0
	m.successes, m.bad, m.passed = 0, 0, 0
	if period == 0 {
		period = m.cfg.RecoveryTimeout
		for range reopened {
			if m.cfg.MaxRecoveryTimeout > period {
				period = min(2*period, m.cfg.MaxRecoveryTimeout)
			}
		}
	}
	m.until = m.clk.Now().Add(period)
}

func (m *model) look() breaker.State {
	if m.state == breaker.Open && !m.clk.Now().Before(m.until) {
		m.enter(breaker.HalfOpen, m.reopened, 0)
	}
	return m.state
}

func (m *model) acquire() (modelPermit, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clk.Now()
	switch m.look() {
	case breaker.Closed:
		return modelPermit{m.gen, 0, now}, true
	case breaker.HalfOpen:
		if m.out >= m.cfg.HalfOpenMaxCalls {
			if now.Sub(m.granted) < max(m.cfg.RecoveryTimeout, time.Second) {
				return modelPermit{}, false
			}
			m.out, m.round = 0, m.round+1
		}
		m.out++
		m.granted = now
		return modelPermit{m.gen, m.round, now}, true
	}
	return modelPermit{}, false
}

func (m *model) record(p modelPermit, o policy.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.gen != m.gen {
		return
	}
	switch m.state {
	case breaker.HalfOpen:
		if p.round == m.round {
			m.out--
		}
		m.recordProbe(p, o)
	case breaker.Closed:
		if o != policy.Ignored || m.slow(p) {
			m.recordClosed(p, o)
		}
	}
}

func (m *model) slow(p modelPermit) bool {
	return m.cfg.SlowCall > 0 && m.clk.Now().Sub(p.at) >= m.cfg.SlowCall
}

func (m *model) recordProbe(p modelPermit, o policy.Outcome) {
	if o == policy.Ignored {
		if m.passed++; m.passed >= max(10, 3*m.cfg.HalfOpenMaxCalls) {
			m.enter(breaker.Open, m.reopened, m.cfg.RecoveryTimeout)
		}
		return
	}
	m.passed = 0
	bad := o == policy.Failure || m.slow(p)
	if bad {
		m.bad++
	} else {
		m.successes++
	}
	if m.cfg.ProbeCalls > 0 {
		total := m.bad + m.successes
		switch {
		case total < m.cfg.ProbeCalls:
		case float64(m.bad)/float64(total) >= m.cfg.ProbeFailureRate:
			m.enter(breaker.Open, m.reopened+1, 0)
		default:
			m.enter(breaker.Closed, 0, 0)
		}
		return
	}
	switch {
	case bad:
		m.enter(breaker.Open, m.reopened+1, 0)
	case m.successes >= m.cfg.SuccessThreshold:
		m.enter(breaker.Closed, 0, 0)
	}
}

func (m *model) recordClosed(p modelPermit, o policy.Outcome) {
	now := m.clk.Now()
	failed := o == policy.Failure
	slow := m.slow(p)
	if m.cfg.Window == 0 && m.cfg.WindowCalls == 0 {
		m.row++
		if !failed {
			m.row = 0
		}
		if m.row >= m.cfg.FailureThreshold {
			m.enter(breaker.Open, 0, 0)
		}
		return
	}
	m.calls = append(m.calls, modelCall{now, failed, slow})
	total, failures, slows := m.totals()
	if !failed && !slow {
		return
	}
	rates := total >= m.cfg.MinCalls
	if m.cfg.FailureThreshold > 0 && failures >= m.cfg.FailureThreshold ||
		rates && m.cfg.FailureRate > 0 && float64(failures)/float64(total) >= m.cfg.FailureRate ||
		rates && m.cfg.SlowRate > 0 && float64(slows)/float64(total) >= m.cfg.SlowRate {
		m.enter(breaker.Open, 0, 0)
	}
}

func (m *model) totals() (total, failures, slows int) {
	bucket := func(at time.Time) int64 { return int64(at.Sub(m.born)) / int64(max(1, m.cfg.Window/10)) }
	for i, c := range m.calls {
		if m.cfg.Window > 0 && bucket(c.at) <= bucket(m.clk.Now())-10 ||
			m.cfg.WindowCalls > 0 && i < len(m.calls)-m.cfg.WindowCalls {
			continue
		}
		total++
		if c.failed {
			failures++
		}
		if c.slow {
			slows++
		}
	}
	return total, failures, slows
}
