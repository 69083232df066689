package sim_test

import (
	"context"
	"errors"
	"fmt"
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

// Erlang C: the mean time in a queue with Poisson arrivals, exponential service times and c
// workers.
func TestQueuesAgreeWithErlangC(t *testing.T) {
	loads := []float64{0.5, 0.7, 0.9}
	if slower > 1 {
		loads = loads[:2] // the mean of few calls at 90 % varies too much
	}
	for _, c := range []int{1, 10} {
		for _, load := range loads {
			const mu = 100.0
			rate := load * mu * float64(c)
			length := time.Duration(float64(500_000/slower) / rate * float64(seconds))
			r, err := sim.Run(t.Context(), sim.Scenario{
				Seed: 6, Duration: length, Warmup: length / 20,
				Clients:  []sim.Client{{Rate: rate, Calls: "q"}},
				Services: []sim.Service{{Name: "q", Workers: c, Queue: 1 << 30, ServiceTime: sim.Exponential(seconds / mu)}},
			})
			require.NoError(t, err)
			got := r.Results[0].Before.Mean.Seconds()
			want := erlangC(c, load)/(float64(c)*mu-rate) + 1/mu
			bound := 0.02 * math.Sqrt(float64(slower))
			assert.InEpsilon(t, want, got, bound, "M/M/%d at %.0f %%", c, 100*load)
			t.Logf("M/M/%d at %.0f %%: mean %.3f ms, Erlang C %.3f ms (%+.1f %%)", c, 100*load, got*1e3, want*1e3, 100*(got/want-1))
		}
	}
}

// erlangC returns the probability that a call waits.
func erlangC(c int, load float64) float64 {
	a, term, sum := load*float64(c), 1.0, 0.0
	for k := range c {
		sum += term
		term *= a / float64(k+1)
	}
	term /= 1 - load
	return term / (sum + term)
}

func TestRetriesAtEveryLevelMultiply(t *testing.T) {
	for depth := 1; depth <= 4; depth++ {
		s := sim.Scenario{
			Duration: time.Hour,
			Clients:  []sim.Client{{Burst: 1, Calls: "level 1"}},
			Faults:   []sim.Fault{{For: time.Hour, Service: fmt.Sprint("level ", depth), Down: true}},
			Variants: []sim.Variant{{Name: "retry", Pipeline: func(ctx context.Context, _ string, _ int) *pipeline.Pipeline[any] {
				return pipeline.New(retries(ctx, nil))
			}}},
		}
		for level := 1; level <= depth; level++ {
			service := sim.Service{Name: fmt.Sprint("level ", level)}
			if level < depth {
				service.Calls = []string{fmt.Sprint("level ", level+1)}
			}
			s.Services = append(s.Services, service)
		}
		r, err := sim.Run(t.Context(), s)
		require.NoError(t, err)
		bottom := int64(0)
		for _, p := range r.Results[0].Services[depth-1].Points {
			bottom += p.Requests
		}
		assert.EqualValues(t, math.Pow(3, float64(depth)), bottom, "depth %d", depth)
	}
}

// Brooker, "Fixing retries with token buckets and circuit breakers", 2022: with f failures
// and three retries, 1-f^4 of the calls succeed at (1-f^4)/(1-f) times the load; a budget of
// 10 % bounds the load to 1.1 times.
func TestRetriesAgreeWithTheirClosedForms(t *testing.T) {
	length := time.Duration(120/slower) * seconds
	for _, f := range []float64{0.01, 0.1, 0.3, 0.5, 0.75} {
		retrying := func(ctx context.Context, b *retry.Budget) policy.Policy[any] {
			return retry.New[any](retry.Config{MaxAttempts: 4, BaseDelay: ms, Budget: b, Clock: sim.Clock(ctx), Rand: sim.Rand(ctx)})
		}
		r, err := sim.Run(t.Context(), sim.Scenario{
			Seed: 5, Duration: length,
			Clients:  []sim.Client{{Rate: 1000, Calls: "api"}},
			Services: []sim.Service{{Name: "api"}},
			Faults:   []sim.Fault{{For: length, Service: "api", Errors: f}},
			Variants: []sim.Variant{
				variantOf("retry", func(ctx context.Context) policy.Policy[any] { return retrying(ctx, nil) }),
				variantOf("budget", func(ctx context.Context) policy.Policy[any] {
					return retrying(ctx, retry.NewBudget(retry.BudgetConfig{Ratio: 0.1, MinPerSecond: 0.001, Clock: sim.Clock(ctx)}))
				}),
			},
		})
		require.NoError(t, err)
		bound := 0.01 * math.Sqrt(float64(slower))
		all := r.Result("retry").During
		success := 1 - math.Pow(f, 4)
		assert.InEpsilon(t, success, all.Success(), bound, "f=%v", f)
		assert.InEpsilon(t, success/(1-f), all.Amplification(), bound, "f=%v", f)
		bounded := r.Result("budget").During
		want := 1.1
		if f < 0.1 {
			want = success / (1 - f) // the budget is not used up
		}
		assert.InEpsilon(t, want, bounded.Amplification(), bound, "f=%v, budget", f)
		t.Logf("f=%.2f: success %.4f (%.4f), load x%.3f (x%.3f); budget x%.3f", f, all.Success(), success, all.Amplification(), success/(1-f), bounded.Amplification())
	}
}

// The four rows of the first result: a tenth of the capacity for five seconds.
func TestWhatPoliciesDoInAnOutage(t *testing.T) {
	r, err := sim.Run(t.Context(), storm(timeoutAlone, retry3, budgeted, broken))
	require.NoError(t, err)
	row := func(variant string, from, to int) sim.Totals {
		return r.Result(variant).Between(time.Duration(from)*seconds, time.Duration(to)*seconds)
	}
	for _, x := range r.Results {
		t.Logf("%-8s during %.1f %% x%.2f; 30-45 s %.1f %%; 70-85 s %.1f %% x%.2f; recovery %v", x.Variant,
			100*row(x.Variant, 20, 25).Success(), row(x.Variant, 20, 25).Amplification(), 100*row(x.Variant, 30, 45).Success(),
			100*row(x.Variant, 70, 85).Success(), row(x.Variant, 70, 85).Amplification(), x.Recovery)
		assert.GreaterOrEqual(t, row(x.Variant, 5, 20).Success(), 0.999, "%s, before", x.Variant)
		assert.InDelta(t, 1, row(x.Variant, 5, 20).Amplification(), 0.01, "%s, before", x.Variant)
		assert.Less(t, row(x.Variant, 20, 25).Success(), 0.03, "%s, during", x.Variant)
	}
	assert.EqualValues(t, 1, row("timeout", 20, 25).Amplification())
	assert.InDelta(t, 0.7, row("timeout", 30, 45).Success(), 0.25, "it recovers slowly")
	assert.EqualValues(t, 1, row("timeout", 70, 85).Success())
	assert.Positive(t, r.Result("timeout").Recovery)

	assert.InDelta(t, 2.85, row("retry", 20, 25).Amplification(), 0.15)
	assert.Less(t, row("retry", 30, 45).Success(), 0.01)
	assert.Less(t, row("retry", 70, 85).Success(), 0.01, "metastable: it never recovers")
	assert.InDelta(t, 3, row("retry", 70, 85).Amplification(), 0.05)
	assert.Negative(t, r.Result("retry").Recovery)

	assert.InDelta(t, 1.2, row("budget", 20, 25).Amplification(), 0.1)
	assert.EqualValues(t, 1, row("budget", 70, 85).Success())
	assert.Greater(t, r.Result("budget").Recovery, r.Result("timeout").Recovery)

	assert.Less(t, row("breaker", 20, 25).Amplification(), 0.5)
	assert.GreaterOrEqual(t, row("breaker", 30, 45).Success(), 0.99)
	assert.Less(t, r.Result("breaker").Recovery, r.Result("timeout").Recovery)
	assert.Positive(t, r.Result("breaker").Recovery)
}
