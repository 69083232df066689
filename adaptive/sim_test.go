package adaptive_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/adaptive/internal/sim"
	"github.com/ductile-go/ductile/internal/raced"
)

// The tests of this file run limiters against a simulated server, in virtual time and from
// a seed. docs/adaptive.md shows such runs as curves.

// simulates begins such a test. It has one goroutine, in which there is no race to detect, so
// it is left to make cover.
func simulates(t *testing.T) {
	t.Helper()
	raced.Skip(t, "it simulates in one goroutine")
	t.Parallel()
}

// server returns a server with so many workers, whose calls take service on average.
func server(workers int, service time.Duration) sim.Server {
	return sim.Server{Workers: workers, Classes: []sim.Class{{Share: 1, Service: service, Sigma: 0.3}}}
}

// run simulates one limiter, and returns a row every 5 s without the first.
func run(t *testing.T, cfg adaptive.Config, phases ...sim.Phase) []sim.Row {
	t.Helper()
	rows := sim.Run(1, 5*time.Second, phases, sim.New(cfg))
	require.NotEmpty(t, rows)
	return rows[1:]
}

// bounds are what rows must stay within.
type bounds struct {
	limit  int           // at most
	mean   time.Duration // at most, in each row
	served float64       // a second, at least, on average
}

func (b bounds) hold(t *testing.T, rows []sim.Row) {
	t.Helper()
	served := 0.0
	for _, r := range rows {
		assert.LessOrEqual(t, r.Limit(), b.limit, "at %v", r.At)
		assert.LessOrEqual(t, r.Mean, b.mean, "at %v", r.At)
		served += r.Served / float64(len(rows))
	}
	assert.GreaterOrEqual(t, served, b.served)
}

// between returns the rows from one time to another.
func between(rows []sim.Row, from, to time.Duration) (part []sim.Row) {
	for _, r := range rows {
		if r.At > from && r.At <= to {
			part = append(part, r)
		}
	}
	return part
}

// Limiters with a baseline of latency drift upwards here: failsafe-go, Gradient2, Vegas.
func TestSteadyOverloadForFiveMinutes(t *testing.T) {
	simulates(t)
	overload := sim.Phase{Until: 5 * time.Minute, Server: server(10, 20*ms), Rate: 3 * 500}
	bounds{limit: 20, mean: 40 * ms, served: 0.9 * 500}.hold(t, run(t, adaptive.Config{}, overload))
	overload.Until = 2 * time.Minute
	bounds{limit: 20, mean: 40 * ms, served: 0.9 * 500}.hold(t, run(t, adaptive.Config{Initial: 300}, overload)[18:])
	aimd := run(t, adaptive.Config{Target: 80 * ms}, overload)
	bounds{limit: 45, mean: 80 * ms, served: 0.98 * 500}.hold(t, aimd)
}

func TestTheLimitFollowsTheCapacity(t *testing.T) {
	simulates(t)
	for name, c := range map[string]struct {
		cfg  adaptive.Config
		mean time.Duration
	}{"climb": {adaptive.Config{}, 40 * ms}, "aimd": {adaptive.Config{Target: 80 * ms}, 80 * ms}} {
		rows := run(t, c.cfg,
			sim.Phase{Until: 40 * time.Second, Server: server(10, 20*ms), Rate: 1500},
			sim.Phase{Until: 80 * time.Second, Server: server(4, 20*ms), Rate: 1500},
			sim.Phase{Until: 120 * time.Second, Server: server(20, 20*ms), Rate: 3000})
		t.Log(name)
		bounds{limit: 45, mean: c.mean, served: 450}.hold(t, between(rows, 5*time.Second, 40*time.Second))
		bounds{limit: 18, mean: c.mean, served: 170}.hold(t, between(rows, 55*time.Second, 80*time.Second))
		bounds{limit: 90, mean: c.mean, served: 900}.hold(t, between(rows, 95*time.Second, 120*time.Second))
	}
}

func TestAClimberHoldsWhenTheServiceSlowsDown(t *testing.T) {
	simulates(t)
	rows := run(t, adaptive.Config{},
		sim.Phase{Until: 40 * time.Second, Server: server(10, 20*ms), Rate: 1500},
		sim.Phase{Until: 120 * time.Second, Server: server(10, 60*ms), Rate: 1500},
		sim.Phase{Until: 160 * time.Second, Server: server(10, 20*ms), Rate: 1500})
	bounds{limit: 20, mean: 120 * ms, served: 0.9 * 167}.hold(t, between(rows, 45*time.Second, 120*time.Second))
	bounds{limit: 20, mean: 40 * ms, served: 0.9 * 500}.hold(t, between(rows, 125*time.Second, 160*time.Second))
}

// fleet runs ten clients that each have a limiter, on one server of ten workers.
func fleet(cfg adaptive.Config) []sim.Row {
	clients := make([]sim.Limiter, 10)
	for i := range clients {
		clients[i] = sim.New(cfg)
	}
	return sim.Run(5, 10*time.Second, []sim.Phase{{Until: 3 * time.Minute, Server: server(10, 20*ms), Rate: 1500}}, clients...)[1:]
}

func TestTenClientsWithATargetShareAServer(t *testing.T) {
	simulates(t)
	rows := fleet(adaptive.Config{Initial: 5, Target: 80 * ms, MinCalls: 20})
	bounds{limit: 60, mean: 80 * ms, served: 0.98 * 500}.hold(t, rows)
	shares := make([]int, 10)
	for _, r := range rows {
		for i, l := range r.Limits {
			shares[i] += l
		}
	}
	for _, sum := range shares {
		assert.Greater(t, float64(sum)/float64(len(rows)), 1.2, "no client starves: %v", shares)
	}
}

// Each of ten climbers gains throughput at the cost of the others (Jaffe, "Flow control
// power is nondecentralizable", 1981). So Climb is only for what all load passes through.
func TestTenClientsThatClimbRuinAServer(t *testing.T) {
	simulates(t)
	rows := fleet(adaptive.Config{Initial: 5})
	first, last := rows[2], rows[len(rows)-1]
	assert.Greater(t, last.Mean, 20*20*ms)
	assert.Greater(t, last.Mean, 3*first.Mean, "and it gets worse")
}

// One call in ten takes eleven times as long as the others.
func TestCallsOfDifferentCostsNeedLongerWindows(t *testing.T) {
	simulates(t)
	mixed := server(10, 0)
	mixed.Classes = []sim.Class{{Share: 0.9, Service: 10 * ms, Sigma: 0.3}, {Share: 0.1, Service: 110 * ms, Sigma: 0.3}}
	overload := sim.Phase{Until: 2 * time.Minute, Server: mixed, Rate: 1500}
	bounds{limit: 24, mean: 48 * ms, served: 0.9 * 500}.hold(t, run(t, adaptive.Config{MinCalls: 400}, overload))
	bounds{limit: 50, mean: 100 * ms, served: 0.9 * 500}.hold(t, run(t, adaptive.Config{}, overload)) // excursions
	bounds{limit: 55, mean: 90 * ms, served: 0.98 * 500}.hold(t, run(t, adaptive.Config{Target: 80 * ms, Quantile: 0.5}, overload))
}

func TestPausesOfTheServerAreNoOverload(t *testing.T) {
	simulates(t)
	for name, c := range map[string]struct{ every, pause time.Duration }{
		"short": {200 * ms, 20 * ms}, "usual": {time.Second, 80 * ms}, "long": {10 * time.Second, time.Second},
	} {
		paused := server(10, 20*ms)
		paused.PauseEvery, paused.Pause = c.every, c.pause
		capacity := 500 * (1 - float64(c.pause)/float64(c.every))
		overload := sim.Phase{Until: time.Minute, Server: paused, Rate: 1500}
		t.Log(name)
		bounds{limit: 30, mean: 60 * ms, served: 0.9 * capacity}.hold(t, run(t, adaptive.Config{}, overload))
		bounds{limit: 45, mean: 90 * ms, served: 0.9 * capacity}.hold(t, run(t, adaptive.Config{Target: 80 * ms}, overload))
	}
}

// More concurrency is always better there. The limit rises until it holds no call back, and
// not beyond twice what is in use; if demand has no end, it rises to Max.
func TestALatencyThatDoesNotAnswerToLoadLetsTheLimitRiseToTheDemand(t *testing.T) {
	simulates(t)
	free := sim.Phase{Until: 30 * time.Second, Server: server(0, 20*ms), Rate: 3000} // 60 in use on average
	for name, cfg := range map[string]adaptive.Config{"climb": {}, "aimd": {Target: 80 * ms}} {
		rows := run(t, cfg, free)
		bounds{limit: 120, mean: 25 * ms, served: 2700}.hold(t, rows)
		assert.Less(t, rows[len(rows)-1].Rejected, 30.0, name)
	}
	endless := run(t, adaptive.Config{Max: 30}, free)
	bounds{limit: 30, mean: 25 * ms, served: 1350}.hold(t, endless)
	assert.GreaterOrEqual(t, endless[len(endless)-1].Limit(), 27)
}

// A server that sheds load keeps its latency by itself.
func TestAServerThatShedsLoadDoesNotRaiseTheLimit(t *testing.T) {
	simulates(t)
	shedding := server(10, 20*ms)
	shedding.Shed = 20
	overload := sim.Phase{Until: time.Minute, Server: shedding, Rate: 1500}
	bounds{limit: 20, mean: 40 * ms, served: 450}.hold(t, run(t, adaptive.Config{}, overload))
	shedding.Shed = 10 // at its knee: successes are as fast with any limit
	overload.Server = shedding
	bounds{limit: 30, mean: 40 * ms, served: 450}.hold(t, run(t, adaptive.Config{}, overload))
}

// The 90th percentile of this server without load is 28 ms.
func TestATargetBelowTheHealthyQuantilePinsTheLimit(t *testing.T) {
	simulates(t)
	overload := sim.Phase{Until: 30 * time.Second, Server: server(10, 20*ms), Rate: 1500}
	low := sim.New(adaptive.Config{Target: 24 * ms})
	rows := sim.Run(1, 5*time.Second, []sim.Phase{overload}, low)
	last := rows[len(rows)-1]
	assert.Equal(t, 1, last.Limit())
	assert.True(t, low.Snapshot().Pinned)
	assert.InDelta(t, 50, last.Served, 10, "Min divided by the latency, of 500")

	good := sim.New(adaptive.Config{Target: 3 * 28 * ms})
	rows = sim.Run(1, 5*time.Second, []sim.Phase{overload}, good)
	bounds{limit: 50, mean: 3 * 28 * ms, served: 0.98 * 500}.hold(t, rows[1:])
	assert.False(t, good.Snapshot().Pinned)
}

// Min bounds the loss while a service is slower than the target allows, and the limit
// recovers with the service.
func TestAPinnedLimitRecovers(t *testing.T) {
	simulates(t)
	l := sim.New(adaptive.Config{Min: 5, Target: 80 * ms})
	rows := sim.Run(1, 5*time.Second, []sim.Phase{
		{Until: 20 * time.Second, Server: server(10, 20*ms), Rate: 1500},
		{Until: 60 * time.Second, Server: server(10, 70*ms), Rate: 1500}, // the healthy 90th percentile is 98 ms
		{Until: 100 * time.Second, Server: server(10, 20*ms), Rate: 1500},
	}, l)
	pinned := between(rows, 35*time.Second, 60*time.Second)
	bounds{limit: 5, mean: 80 * ms, served: 65}.hold(t, pinned)
	bounds{limit: 45, mean: 80 * ms, served: 0.98 * 500}.hold(t, between(rows, 75*time.Second, 100*time.Second))
	assert.False(t, l.Snapshot().Pinned)
}

func TestAQuietNightLeavesTheLimitAndTheMorningIsServed(t *testing.T) {
	simulates(t)
	for name, cfg := range map[string]adaptive.Config{"climb": {}, "aimd": {Target: 80 * ms}} {
		rows := run(t, cfg,
			sim.Phase{Until: 5 * time.Minute, Server: server(50, 20*ms), Rate: 100},
			sim.Phase{Until: 5*time.Minute + 30*time.Second, Server: server(50, 20*ms), Rate: 7500})
		for _, r := range between(rows, 0, 5*time.Minute) {
			assert.Equal(t, 20, r.Limit(), name)
			assert.Zero(t, r.Rejected)
		}
		bounds{limit: 225, mean: 80 * ms, served: 0.9 * 2500}.hold(t, between(rows, 5*time.Minute+10*time.Second, 6*time.Minute))
	}
}
