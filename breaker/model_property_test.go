package breaker_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// model is a circuit as one would write it without a thought for speed: a mutex,
// and a list of all that was recorded.
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
	m.calls, m.row, m.out, m.round, m.successes = nil, 0, 0, 0, 0
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
			if now.Sub(m.granted) < m.cfg.RecoveryTimeout {
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
		switch o {
		case policy.Success:
			if m.successes++; m.successes >= m.cfg.SuccessThreshold {
				m.enter(breaker.Closed, 0, 0)
			}
		case policy.Failure:
			m.enter(breaker.Open, m.reopened+1, 0)
		}
	case breaker.Closed:
		if o != policy.Ignored {
			m.recordClosed(p, o)
		}
	}
}

func (m *model) recordClosed(p modelPermit, o policy.Outcome) {
	now := m.clk.Now()
	failed := o == policy.Failure
	slow := m.cfg.SlowCall > 0 && now.Sub(p.at) >= m.cfg.SlowCall
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

// modes are the ways to count, with their defaults written out for the model.
var modes = map[string]breaker.Config{
	"in a row":     {FailureThreshold: 3},
	"time window":  {FailureThreshold: 3, Window: 100},
	"time rate":    {FailureRate: 0.5, Window: 100, MinCalls: 4},
	"call window":  {FailureThreshold: 3, WindowCalls: 7},
	"call rate":    {FailureRate: 0.4, WindowCalls: 7, MinCalls: 4},
	"slow in time": {SlowCall: 20, SlowRate: 0.5, FailureThreshold: 4, Window: 100, MinCalls: 3},
	"slow in last": {SlowCall: 20, SlowRate: 0.5, FailureThreshold: 4, WindowCalls: 8, MinCalls: 3},
	"growing":      {FailureThreshold: 1, MaxRecoveryTimeout: 300},
	"two to close": {FailureThreshold: 2, SuccessThreshold: 2},
}

func TestCircuitDoesWhatTheModelDoes(t *testing.T) {
	for name, cfg := range modes {
		cfg.RecoveryTimeout, cfg.HalfOpenMaxCalls = 50, 2
		cfg.SuccessThreshold = max(1, cfg.SuccessThreshold)
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(300) {
				compare(t, cfg, seed, 150, rand.New(rand.NewPCG(seed, 1)))
			}
		})
	}
}

// FuzzCircuit lets the fuzzer write the history.
func FuzzCircuit(f *testing.F) {
	names := slices.Sorted(maps.Keys(modes))
	for i := range names {
		f.Add(uint8(i), []byte("\x00\x00\x30\x00\x01\x30\x00\x01\x30\x00\x01\x60\x1d\x60\x1d\x00\x30\x00\x00"))
	}
	f.Fuzz(func(t *testing.T, mode uint8, script []byte) {
		cfg := modes[names[int(mode)%len(names)]]
		cfg.RecoveryTimeout, cfg.HalfOpenMaxCalls = 50, 2
		cfg.SuccessThreshold = max(1, cfg.SuccessThreshold)
		compare(t, cfg, 0, len(script), &scripted{script})
	})
}

// scripted chooses as its bytes say, and 0 when they have run out.
type scripted struct{ bytes []byte }

func (s *scripted) IntN(n int) int {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return int(b) % n
}

// compare plays one history, of so many steps as rnd chooses, on both.
func compare(t *testing.T, cfg breaker.Config, seed uint64, steps int, rnd interface{ IntN(n int) int }) {
	t.Helper()
	clk := fake.NewClock()
	m := &model{cfg: cfg, clk: clk, born: clk.Now()}
	var path []breaker.State
	cfg.Clock = clk
	cfg.OnStateChange = func(tr breaker.Transition) { path = append(path, tr.To) }
	c := breaker.NewCircuit(cfg)
	type held struct {
		real  breaker.Permit
		model modelPermit
	}
	var permits []held
	for step := range steps {
		switch n := rnd.IntN(100); {
		case n < 40:
			p, err := c.Acquire()
			mp, ok := m.acquire()
			require.Equal(t, ok, err == nil, "seed %d, step %d: admission", seed, step)
			if ok {
				permits = append(permits, held{p, mp})
			}
		case n < 80 && len(permits) > 0:
			i := rnd.IntN(len(permits))
			o := policy.Outcome(rnd.IntN(3))
			permits[i].real.Record(o)
			m.record(permits[i].model, o)
			permits = append(permits[:i], permits[i+1:]...)
		case n < 83:
			playPanic(c, m)
		case n < 96:
			clk.Advance(time.Duration(rnd.IntN(30)))
		case n < 97:
			c.Isolate()
			if m.look(); m.state != breaker.Isolated {
				m.enter(breaker.Isolated, 0, 0)
			}
		case n < 99:
			c.Reset()
			m.enter(breaker.Closed, 0, 0)
		default:
			c.Trip(20)
			if m.state != breaker.Isolated {
				m.enter(breaker.Open, m.reopened, 20)
			}
		}
		require.Equal(t, m.look(), c.State(), "seed %d, step %d: state", seed, step)
		if m.state == breaker.Closed && (cfg.Window > 0 || cfg.WindowCalls > 0) {
			total, failures, slows := m.totals()
			counts := c.Snapshot().Counts
			require.Equal(t, [3]int{total, failures, slows},
				[3]int{int(counts.Successes + counts.Failures), int(counts.Failures), int(counts.Slow)}, "seed %d, step %d: counts", seed, step)
		}
	}
	require.Equal(t, m.path, path, "seed %d: transitions", seed)
}

// playPanic makes a call that panics, which the model takes for a failure.
func playPanic(c *breaker.Circuit, m *model) {
	defer func() { _ = recover() }()
	if p, ok := m.acquire(); ok {
		m.record(p, policy.Failure)
	}
	_, _ = breaker.Do(context.Background(), c, func(context.Context) (int, error) { panic("boom") })
}
