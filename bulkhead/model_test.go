package bulkhead_test

import (
	"slices"
	"time"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/policy"
)

// model is the reference of the property test: the documented behavior of a gate, one
// step at a time, without optimization.
type model struct {
	cfg      bulkhead.Config
	limit    int
	now      time.Duration
	emptyAt  time.Duration
	arrivals int
	queue    []*guest // in the order of service
	in       map[*guest]bool
	rejected int64
	admitted int64
}

// guest is a call in the model.
type guest struct {
	priority policy.Priority
	number   int
	expires  time.Duration // 0 means never
	refused  bool
	left     bool
}

func newModel(cfg bulkhead.Config) *model {
	return &model{cfg: cfg, limit: cfg.Limit, in: map[*guest]bool{}}
}

func (m *model) admit(g *guest) {
	m.in[g] = true
	m.admitted++
}

func (m *model) refuse(g *guest) {
	g.refused = true
	m.rejected++
}

func (m *model) arrive(p policy.Priority, speculative bool) *guest {
	m.arrivals++
	g := &guest{priority: p, number: m.arrivals}
	switch {
	case len(m.queue) == 0 && len(m.in) < m.limit:
		m.admit(g)
	case m.cfg.MaxQueue == 0 || speculative || !m.makeRoom(p):
		m.refuse(g)
	default:
		m.join(g)
	}
	return g
}

// makeRoom makes room in the queue for a call of priority p, if possible.
func (m *model) makeRoom(p policy.Priority) bool {
	if len(m.queue) < m.cfg.MaxQueue {
		return true
	}
	least := slices.MinFunc(m.queue, func(a, b *guest) int {
		if a.priority != b.priority {
			return int(a.priority) - int(b.priority)
		}
		return b.number - a.number
	})
	if least.priority >= p {
		return false
	}
	m.remove(least)
	m.refuse(least)
	return true
}

func (m *model) join(g *guest) {
	if len(m.queue) == 0 {
		m.emptyAt = m.now
	}
	first, wait := m.cfg.Order == bulkhead.LIFO, m.cfg.MaxWait
	if m.cfg.Delay != (bulkhead.CoDel{}) {
		bound := m.cfg.Delay.Interval
		if m.now-m.emptyAt > m.cfg.Delay.Interval {
			bound = m.cfg.Delay.Target
			first = first || m.cfg.Order == bulkhead.Adaptive
		}
		if wait == 0 || bound < wait {
			wait = bound
		}
	}
	if wait > 0 {
		g.expires = m.now + wait
	}
	at := 0
	for at < len(m.queue) && (m.queue[at].priority > g.priority || !first && m.queue[at].priority == g.priority) {
		at++
	}
	m.queue = slices.Insert(m.queue, at, g)
}

func (m *model) remove(g *guest) {
	m.queue = slices.DeleteFunc(m.queue, func(o *guest) bool { return o == g })
}

// serve admits waiting calls while places are free.
func (m *model) serve() {
	for len(m.queue) > 0 && len(m.in) < m.limit {
		g := m.queue[0]
		m.queue = m.queue[1:]
		m.admit(g)
	}
}

func (m *model) release(g *guest) {
	delete(m.in, g)
	m.serve()
}

func (m *model) leave(g *guest) {
	if slices.Contains(m.queue, g) {
		g.left = true
		m.remove(g)
	}
}

func (m *model) setLimit(n int) {
	m.limit = n
	m.serve()
}

func (m *model) reconfigure(cfg bulkhead.Config) {
	if m.cfg.Delay == (bulkhead.CoDel{}) {
		m.emptyAt = m.now // used with Delay, and only while calls wait
	}
	m.cfg = cfg
	m.setLimit(cfg.Limit)
}

func (m *model) pass(d time.Duration) {
	m.now += d
	for _, g := range slices.Clone(m.queue) {
		if g.expires > 0 && g.expires <= m.now {
			m.remove(g)
			m.refuse(g)
		}
	}
}

func (m *model) snapshot() bulkhead.Snapshot {
	return bulkhead.Snapshot{
		Name: m.cfg.Name, Limit: m.limit, InUse: len(m.in), Waiting: len(m.queue),
		Admitted: m.admitted, Rejected: m.rejected,
	}
}
