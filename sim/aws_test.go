package sim_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/sim"
)

// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: n clients each update one
// row once, by optimistic locking. The network takes |N(10 ms, 2 ms)| each way. The figures
// are means of 20 rounds of the simulator that was published with it
// (aws-arch-backoff-simulator), ported to Python 3: the calls of all clients.
var aws = []struct {
	name    string
	backoff func() retry.Backoff
	calls   map[int]float64 // by the number of clients
}{
	// Their exponent begins at base*2^1, so our base is twice theirs, 5 ms.
	{"Exponential", func() retry.Backoff { return retry.Exponential(10*ms, 2*seconds, 2) }, map[int]float64{100: 1865}},
	{"Decorrelated", func() retry.Backoff { return retry.Decorrelated(5*ms, 2*seconds) }, map[int]float64{100: 1007}},
	{"EqualJitter", func() retry.Backoff { return retry.EqualJitter(10*ms, 2*seconds) }, map[int]float64{100: 812}},
	{"FullJitter", func() retry.Backoff { return retry.FullJitter(10*ms, 2*seconds) }, map[int]float64{100: 795}},
	{"None", func() retry.Backoff { return retry.Constant(0) }, map[int]float64{100: 2420}},
}

// contend returns the calls, and the time, of n clients that update one row.
func contend(t *testing.T, seed uint64, n int, b retry.Backoff) (calls int, took time.Duration) {
	t.Helper()
	version := 0
	lost := errors.New("lost the race")
	_, err := sim.Run(t.Context(), sim.Scenario{
		Seed: seed, Duration: 10 * time.Minute,
		Clients: []sim.Client{{Name: "writer", Replicas: n, Burst: 1, Do: func(ctx context.Context) error {
			clock := sim.Clock(ctx)
			random := sim.Rand(ctx)
			hop := func() {
				normal := math.Sqrt(-2*math.Log(1-random())) * math.Cos(2*math.Pi*random())
				_ = policy.Sleep(ctx, clock, time.Duration(math.Abs(10+2*normal)*float64(ms)))
			}
			hop() // to the server
			seen := version
			hop() // back
			hop() // the write on its way
			calls++
			won := seen == version
			if won {
				version++
			}
			if hop(); !won {
				return lost
			}
			took = clock.Now().Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
			return nil
		}}},
		Variants: []sim.Variant{{Name: "aws", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
			return pipeline.New[any](retry.New[any](retry.Config{MaxAttempts: retry.Unlimited, Backoff: b, Clock: sim.Clock(ctx), Rand: sim.Rand(ctx)}))
		}}},
	})
	require.NoError(t, err)
	require.Equal(t, n, version, "each client has written once")
	return calls, took
}

// reference is the published simulator, in Go, without coroutines: each client is a chain of
// messages on one queue in the order of time.
func reference(seed uint64, n int, wait func(r *rand.Rand, attempt int, last *float64) float64) (calls int, ms float64) {
	type message struct {
		at     float64
		seq    int
		client int
		kind   int // 0 read at the server, 1 read's answer, 2 write at the server, 3 write's answer
		ok     bool
		seen   int
	}
	r := rand.New(rand.NewPCG(seed, 99))
	hop := func() float64 { return math.Abs(10 + 2*r.NormFloat64()) }
	var queue []message
	seq := 0
	send := func(m message, d float64) {
		seq++
		m.at, m.seq = m.at+d, seq
		queue = append(queue, m)
	}
	attempts, last := make([]int, n), make([]float64, n)
	for c := range n {
		send(message{client: c}, hop())
	}
	version := 0
	for len(queue) > 0 {
		first := 0
		for i, m := range queue {
			if m.at < queue[first].at || m.at == queue[first].at && m.seq < queue[first].seq {
				first = i
			}
		}
		m := queue[first]
		queue[first] = queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		switch m.kind {
		case 0:
			m.kind, m.seen = 1, version
			send(m, hop())
		case 1:
			m.kind = 2
			send(m, hop())
		case 2:
			calls++
			if m.ok = m.seen == version; m.ok {
				version++
			}
			m.kind = 3
			send(m, hop())
		case 3:
			if m.ok {
				ms = max(ms, m.at)
				continue
			}
			m.kind = 0
			attempts[m.client]++
			send(m, wait(r, attempts[m.client], &last[m.client])+hop())
		}
	}
	return calls, ms
}

// waits are the formulas of the published simulator, with base 5 and cap 2000.
var waits = map[string]func(r *rand.Rand, n int, last *float64) float64{
	"Exponential": func(_ *rand.Rand, n int, _ *float64) float64 { return expo(n) },
	"Decorrelated": func(r *rand.Rand, _ int, last *float64) float64 {
		if *last == 0 {
			*last = 5
		}
		*last = min(2000, 5+r.Float64()*(*last*3-5))
		return *last
	},
	"EqualJitter": func(r *rand.Rand, n int, _ *float64) float64 { return expo(n)/2 + r.Float64()*expo(n)/2 },
	"FullJitter":  func(r *rand.Rand, n int, _ *float64) float64 { return r.Float64() * expo(n) },
	"None":        func(*rand.Rand, int, *float64) float64 { return 0 },
}

func expo(n int) float64 { return min(2000, 5*math.Pow(2, float64(n))) }

func TestBackoffsAgreeWithTheSimulatorOfAWS(t *testing.T) {
	rounds := max(2, 20/slower)
	for _, k := range aws {
		for _, n := range []int{20, 50, 100} {
			var calls, want, took, lasts float64
			for seed := range uint64(rounds) {
				c, d := contend(t, seed, n, k.backoff())
				calls, took = calls+float64(c), took+d.Seconds()*1000
				c, m := reference(seed, n, waits[k.name])
				want, lasts = want+float64(c), lasts+m
			}
			bound := 0.05 * math.Sqrt(20/float64(rounds)) // fewer rounds vary more
			assert.InEpsilon(t, want, calls, bound, "%s, %d clients", k.name, n)
			if figure, ok := k.calls[n]; ok {
				assert.InEpsilon(t, figure, calls/float64(rounds), bound, "%s, %d clients, against the figure", k.name, n)
			}
			t.Logf("%-12s %3d clients: %.0f calls here, %.0f there; %.0f ms here, %.0f ms there", k.name, n, calls/float64(rounds), want/float64(rounds), took/float64(rounds), lasts/float64(rounds))
		}
	}
}
