package throttle_test

import (
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

// request is a request that was counted.
type request struct {
	at       int64 // in nanoseconds since the throttle was made
	accepted bool
	class    policy.Priority
}

// model is a throttle as a list of all requests that it has counted.
type model struct {
	cfg throttle.Config
	all []request
	now int64

	gone              int // how many of all have left the window
	requests, accepts int64
	classes           map[policy.Priority]int // of the last 1,000
}

// counts returns the requests and accepts of the window: of the bucket of now and the nine
// before.
func (m *model) counts() (requests, accepts int64) {
	width := int64(m.cfg.Window) / 10
	for ; m.gone < len(m.all) && m.all[m.gone].at/width <= m.now/width-10; m.gone++ {
		m.requests--
		if m.all[m.gone].accepted {
			m.accepts--
		}
	}
	return m.requests, m.accepts
}

func (m *model) count(accepted bool, class policy.Priority) {
	m.all = append(m.all, request{m.now, accepted, class})
	m.requests++
	if accepted {
		m.accepts++
	}
	m.classes[class]++
	if len(m.all) > 1000 {
		m.classes[m.all[len(m.all)-1001].class]--
	}
}

func (m *model) reconfigure(cfg throttle.Config) {
	if m.counts(); m.cfg.Window != cfg.Window {
		m.gone, m.requests, m.accepts = len(m.all), 0, 0
	}
	m.cfg = cfg
}

func (m *model) pressure() float64 {
	requests, accepts := m.counts()
	if requests < int64(m.cfg.MinCalls) {
		return 0
	}
	return max(0, (float64(requests)-m.cfg.K*float64(accepts))/float64(requests+1))
}

func (m *model) rate(class policy.Priority) float64 {
	below := 0
	for c, n := range m.classes {
		if c < class {
			below += n
		}
	}
	total := float64(max(1, min(len(m.all), 1000)))
	left := m.pressure() - float64(below)/total
	switch {
	case left <= 0:
		return 0
	case m.classes[class] == 0:
		return m.cfg.MaxReject
	}
	return min(left/(float64(m.classes[class])/total), m.cfg.MaxReject)
}
