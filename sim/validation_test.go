package sim_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/sim"
)

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
