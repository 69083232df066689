package adaptive_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ductile-go/ductile/adaptive"
)

// model is a limiter without a queue, for one goroutine, as the documentation describes
// it: it keeps every latency, sorts them for a quantile, and counts calls one by one.
type model struct {
	cfg                adaptive.Config
	limit, inUse, era  int
	admitted, rejected int64
	pinned             bool
	window             modelWindow
	base               float64
	above              bool // the limit in force is above the base
	steps              int
	started            bool         // a window at Initial has counted
	seen               []modelProbe // of the current step, in their order
}

// modelProbe is a window of Climb.
type modelProbe struct {
	limit  int
	value  float64
	barren bool
}

// modelWindow is what a window has seen.
type modelWindow struct {
	begun            *time.Duration // nil before it begins
	old, gone, early int
	warming, reached bool
	took             []time.Duration // of its samples
	late, refused    int
	other            time.Duration // in places, without a sample
}

// modelCall is a call in flight.
type modelCall struct {
	era   int
	start time.Duration
}

// modelEnd is how a call ends.
type modelEnd int

const (
	noSample modelEnd = iota
	success
	deadline
	refusal
)

func newModel(cfg adaptive.Config) *model {
	return &model{cfg: cfg, limit: cfg.Initial, base: float64(cfg.Initial)}
}

func (m *model) arrive(now time.Duration) *modelCall {
	if m.inUse >= m.limit {
		m.rejected++
		m.window.reached = true
		return nil
	}
	m.admitted++
	m.inUse++
	if m.inUse == m.limit {
		m.window.reached = true
	}
	return &modelCall{m.era, now}
}

func (m *model) leave(c *modelCall, end modelEnd, now time.Duration) {
	complete := m.sample(c, end, now)
	m.inUse--
	if complete {
		m.close(now)
	}
}

// sample adds the end of a call to the window, and reports whether the window is complete.
func (m *model) sample(c *modelCall, end modelEnd, now time.Duration) bool {
	w := &m.window
	if end == refusal && m.cfg.Target == 0 {
		end = noSample
	}
	switch {
	case c.era != m.era:
		if w.gone++; w.warming && w.gone >= max(1, w.old*9/10) {
			m.begin(now)
		}
		return false
	case w.warming:
		if end != noSample {
			if w.early++; w.early >= m.needed() {
				m.begin(now)
			}
		}
		return false
	case w.begun == nil:
		w.begun = &c.start
	}
	took := now - c.start
	if end == noSample {
		w.other += took
		return false
	}
	switch end {
	case refusal:
		w.refused++
	case deadline:
		w.late++
		fallthrough
	default:
		w.took = append(w.took, took)
	}
	return len(w.took)+w.refused >= m.needed() && now-*w.begun >= m.cfg.Window
}

func (m *model) begin(now time.Duration) {
	m.window.warming, m.window.reached, m.window.begun = false, false, &now
}

func (m *model) needed() int {
	if m.cfg.Target > 0 {
		return m.cfg.MinCalls
	}
	return max(m.cfg.MinCalls, m.limit)
}

// close moves the limit and begins the next window.
func (m *model) close(now time.Duration) {
	var to int
	if m.cfg.Target > 0 {
		to = m.aim()
	} else {
		to = m.climb(now)
	}
	m.window = modelWindow{begun: &now}
	if to == m.limit {
		return
	}
	m.era++
	m.limit = to
	if m.cfg.Target == 0 {
		m.window = modelWindow{old: m.inUse, warming: m.inUse > 0}
	}
}

func (m *model) reconfigure(cfg adaptive.Config, now time.Duration) {
	was := m.cfg
	m.cfg = cfg
	to := max(cfg.Min, min(cfg.Max, m.limit))
	m.base = max(float64(cfg.Min), min(float64(cfg.Max), m.base))
	if (was.Target == 0) != (cfg.Target == 0) {
		m.base, m.steps = float64(to), 0
	}
	moves := to != m.limit
	m.pinned = m.pinned && to == cfg.Min
	if !moves && was.Target == cfg.Target && was.Window == cfg.Window && was.MinCalls == cfg.MinCalls {
		return
	}
	m.started, m.seen, m.pinned = false, nil, false
	before := m.window
	m.window = modelWindow{begun: &now}
	switch {
	case moves:
		m.era++
		m.limit = to
		if cfg.Target == 0 {
			m.window = modelWindow{old: m.inUse, warming: m.inUse > 0}
		}
	case cfg.Target == 0 && before.warming:
		m.window = modelWindow{old: before.old - before.gone, warming: true}
	}
}

func (m *model) aim() int {
	w := &m.window
	slices.Sort(w.took)
	over := false
	if n := len(w.took); n > 0 {
		over = w.took[max(1, int(math.Ceil(m.cfg.Quantile*float64(n)-1e-9)))-1] > m.cfg.Target
	}
	m.pinned = over && m.limit == m.cfg.Min
	switch {
	case over || w.late > 0 || w.refused > 0:
		return max(m.cfg.Min, int(math.Floor(float64(m.limit)*0.9+1e-9)))
	case w.reached:
		return min(m.cfg.Max, m.limit+1)
	}
	return m.limit
}

func (m *model) climb(now time.Duration) int {
	w := &m.window
	sum := time.Duration(0)
	for _, d := range w.took {
		sum += d
	}
	elapsed := now - *w.begun
	inUse := float64(sum+w.other)/float64(elapsed) + float64(max(0, w.old-w.gone))
	upper := func() int { return min(m.cfg.Max, max(int(math.Ceil(m.base*1.1-1e-9)), int(m.base)+1)) }
	lower := func() int { return max(m.cfg.Min, min(int(m.base*0.9), int(m.base)-1)) }
	if upper() == lower() {
		return m.limit
	}
	if !w.reached || inUse < 0.5*float64(m.limit) {
		m.seen = nil
		return m.limit
	}
	successes := float64(len(w.took) - w.late)
	value := 3*math.Log(max(0.5, successes)/float64(elapsed)) - math.Log(max(1, float64(sum)/float64(len(w.took))))
	m.seen = append(m.seen, modelProbe{m.limit, value, successes == 0})
	if !m.started { // at Initial
		m.started, m.seen = true, nil
	}
	if n := len(m.seen); n >= 4 && n%2 == 0 && m.step() {
		m.seen = nil
		m.steps++
	}
	if len(m.seen) == 0 {
		m.above = strings.Count(fmt.Sprintf("%b", m.steps), "1")%2 == 0 // the first side of a step
	} else {
		m.above = !m.above
	}
	if m.above {
		return upper()
	}
	return lower()
}

// step moves the base if the pairs agree, and reports whether they do.
func (m *model) step() bool {
	var slopes []float64
	for i := 0; i < len(m.seen); i += 2 {
		a, b := m.seen[i], m.seen[i+1] // in either order the slope is the same
		slope := (a.value - b.value) / math.Log(float64(a.limit)/float64(b.limit))
		if a.barren && b.barren {
			slope = -1
		}
		slopes = append(slopes, slope)
	}
	average, n, deviation := mean(slopes), float64(len(slopes)), 0.0
	for _, s := range slopes {
		deviation += (s - average) * (s - average)
	}
	if n < 8 && math.Abs(average) < math.Sqrt(deviation/(n-1)/n)-1e-9 {
		return false
	}
	m.base = max(float64(m.cfg.Min), min(float64(m.cfg.Max), m.base*math.Exp(0.2*max(-1, min(1, average)))))
	return true
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
