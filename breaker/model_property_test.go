package breaker_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/policy"
)

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
	"probe calls":  {FailureThreshold: 2, ProbeCalls: 3, ProbeFailureRate: 0.5},
	"slow probes":  {FailureThreshold: 2, ProbeCalls: 4, ProbeFailureRate: 0.75, SlowCall: 20, SlowRate: 1, Window: 100, MinCalls: 3},
}

func TestTheCircuitBehavesLikeTheModel(t *testing.T) {
	for name, cfg := range modes {
		cfg.RecoveryTimeout, cfg.HalfOpenMaxCalls = 50, 2
		if cfg.ProbeCalls == 0 {
			cfg.SuccessThreshold = max(1, cfg.SuccessThreshold)
		}
		t.Run(name, func(t *testing.T) {
			for seed := range raced.Or[uint64](100, 300) {
				compare(t, cfg, seed, 150, rand.New(rand.NewPCG(seed, 1)))
			}
		})
	}
}

// FuzzCircuit plays histories that the fuzzer chooses.
func FuzzCircuit(f *testing.F) {
	names := slices.Sorted(maps.Keys(modes))
	for i := range names {
		f.Add(uint8(i), []byte("\x00\x00\x30\x00\x01\x30\x00\x01\x30\x00\x01\x60\x1d\x60\x1d\x00\x30\x00\x00"))
	}
	f.Fuzz(func(t *testing.T, mode uint8, script []byte) {
		cfg := modes[names[int(mode)%len(names)]]
		cfg.RecoveryTimeout, cfg.HalfOpenMaxCalls = 50, 2
		if cfg.ProbeCalls == 0 {
			cfg.SuccessThreshold = max(1, cfg.SuccessThreshold)
		}
		compare(t, cfg, 0, len(script), &scripted{script})
	})
}

// scripted chooses as its bytes say, and 0 after the last of them.
type scripted struct{ bytes []byte }

func (s *scripted) IntN(n int) int {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return int(b) % n
}

// compare plays one random history on the circuit and on the model.
func compare(t *testing.T, cfg breaker.Config, seed uint64, steps int, rnd interface{ IntN(n int) int }) {
	t.Helper()
	clk := fake.NewClock()
	m := &model{cfg: cfg, clk: clk, born: clk.Now()}
	var path []breaker.State
	cfg.Clock = clk
	cfg.OnStateChange = func(tr breaker.Transition) { path = append(path, tr.To) }
	c := breaker.NewCircuit(cfg)
	type held struct {
		real  *breaker.Permit
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
				permits = append(permits, held{&p, mp})
			}
		case n < 80 && len(permits) > 0:
			i := rnd.IntN(len(permits))
			o := policy.Outcome(1 + rnd.IntN(3))
			permits[i].real.Record(o)
			m.record(permits[i].model, o)
			permits = append(permits[:i], permits[i+1:]...)
		case n < 83:
			playPanic(c, m)
		case n < 96:
			d := time.Duration(rnd.IntN(30))
			if rnd.IntN(10) == 0 {
				d = time.Second // lost permits are replaced
			}
			clk.Advance(d)
		case n < 97:
			c.Isolate("")
			if m.look(); m.state != breaker.Isolated {
				m.enter(breaker.Isolated, 0, 0)
			}
		case n < 99:
			c.Reset()
			m.enter(breaker.Closed, 0, 0)
		default:
			c.Trip(20, "")
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

// playPanic makes a call that panics, which is a failure for the model.
func playPanic(c *breaker.Circuit, m *model) {
	defer func() { _ = recover() }()
	if p, ok := m.acquire(); ok {
		m.record(p, policy.Failure)
	}
	_, _ = breaker.Do(context.Background(), c, func(context.Context) (int, error) { panic("boom") })
}
