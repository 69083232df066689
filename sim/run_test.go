package sim_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/report"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/sim"
)

// text is everything that a report says.
func text(t *testing.T, r *sim.Report) string {
	t.Helper()
	var all strings.Builder
	for _, x := range r.Results {
		fmt.Fprintf(&all, "%+v\n", *x)
	}
	fmt.Fprintf(&all, "%+v", r.Checks)
	return all.String()
}

// varied is a scenario with a bit of everything.
func varied() sim.Scenario {
	s := sim.Scenario{
		Seed: 11, Duration: 12 * seconds, Warmup: seconds,
		Clients: []sim.Client{
			{Name: "web", Replicas: 3, Rate: 60, Calls: "api", Keys: 30, Classes: []sim.Class{{Name: "pay", Share: 0.2, Priority: policy.Critical}, {Name: "browse", Share: 0.5, Priority: policy.Low}}},
			{Name: "batch", Closed: 5, Think: sim.Exponential(100 * ms), Burst: 3, Calls: "db", Priority: policy.Sheddable},
		},
		Services: []sim.Service{
			{Name: "api", Replicas: 2, Balance: sim.LeastRequests, Workers: 8, Queue: 50, ServiceTime: sim.Lognormal(8*ms, 60*ms), Calls: []string{"db"}, HitRatio: 0.3, HitTime: sim.Constant(ms)},
			{Name: "db", Replicas: 2, Balance: sim.Random, Workers: 10, Queue: 100, ServiceTime: sim.FromTable(sim.Quantile{0, 2 * ms}, sim.Quantile{0.9, 10 * ms}, sim.Quantile{1, 40 * ms}), AbandonQueue: true},
		},
		Faults: []sim.Fault{{At: 4 * seconds, For: 3 * seconds, Service: "db", Slow: 20}, {At: 5 * seconds, For: 2 * seconds, Service: "api", Replica: 1, Errors: 0.5}, {At: 6 * seconds, Service: "api", Cold: true}},
		Expect: []sim.Expect{{RecoversWithin: 5 * seconds}, {When: "during", Amplification: "<= 3", P99: "<= 10s"}},
	}
	for _, left := range []string{"cache", "coalesce", "hedge", "abandon", "breaker"}[:max(1, 5/slower)] {
		s.Variants = append(s.Variants, variantOf("without "+left, except(left)...))
	}
	s.Variants = append(s.Variants, broken)
	return s
}

func TestARunIsDeterministic(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	texts := map[string]int{}
	var scenario string
	for _, procs := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(procs)
		s := varied()
		r, err := sim.Run(t.Context(), s)
		require.NoError(t, err)
		texts[text(t, r)]++
		scenario = fmt.Sprint(len(text(t, r)))
	}
	assert.Len(t, texts, 1, "runs of one seed differ (%s bytes)", scenario)
	s := varied()
	s.Seed++
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	assert.NotContains(t, texts, text(t, r), "another seed")
}

func TestVariantsHaveTheSameArrivals(t *testing.T) {
	s := fit(timeoutAlone, broken)
	s.Faults = []sim.Fault{{At: 5 * seconds, For: 5 * seconds, Service: "api", Slow: 50}}
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	assert.NotEqual(t, r.Result("timeout").During.Succeeded, r.Result("breaker").During.Requests)
	for i, p := range r.Result("timeout").Points {
		assert.Equal(t, p.Calls, r.Result("breaker").Points[i].Calls)
	}
}

func TestRunDoesNotChangeTheScenario(t *testing.T) {
	s := varied()
	before := fmt.Sprintf("%+v", s)
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, before, fmt.Sprintf("%+v", s))
	assert.Equal(t, 1, r.Scenario.Clients[1].Replicas, "the report has the defaults")
	assert.Zero(t, s.Clients[1].Replicas)
	assert.Equal(t, 1000, r.Scenario.Services[0].Entries)
}

func TestRunUnderACancelledContext(t *testing.T) {
	cause := errors.New("not now")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	r, err := sim.Run(ctx, fit())
	assert.Nil(t, r)
	assert.ErrorIs(t, err, cause)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestAnInterruptGivesTheReportSoFar(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := fit(timeoutAlone, broken)
	s.Duration = 20 * time.Hour // so much that it cannot end before the first progress is told
	var seen []sim.Progress
	r, err := sim.Run(ctx, s, sim.WithProgress(func(p sim.Progress) {
		seen = append(seen, p)
		if p.Done > 120*seconds {
			cancel(cause)
		}
	}))
	require.ErrorIs(t, err, cause)
	assert.ErrorContains(t, err, "sim: the run was interrupted at "+report.Span(r.Interrupted)+" of 20 h: ")
	require.NotNil(t, r)
	assert.Greater(t, r.Interrupted, time.Duration(0))
	assert.Less(t, r.Interrupted, s.Duration)
	for _, x := range r.Results {
		assert.Len(t, x.Points, int((r.Interrupted+seconds-1)/seconds))
		assert.Len(t, x.Services[0].Points, len(x.Points))
		assert.Contains(t, x.Verdict, "interrupted")
		for _, c := range x.Circuits {
			for _, span := range c.Spans {
				assert.LessOrEqual(t, span.To, r.Interrupted)
				assert.Less(t, span.From, span.To)
			}
		}
	}
	for i, p := range seen {
		assert.Equal(t, 2*s.Duration, p.Total)
		if i > 0 {
			assert.Greater(t, p.Done, seen[i-1].Done, "progress is monotone")
		}
	}
}

func TestAnInterruptEndsALoopThatNeverWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, err := sim.Run(ctx, sim.Scenario{Duration: seconds, Clients: []sim.Client{{Burst: 1, Do: func(ctx context.Context) error {
		cancel()
		for {
			_ = policy.Sleep(ctx, sim.Clock(ctx), 0)
		}
	}}}})
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, r.Interrupted)
}

func TestProgressEndsAtTheWhole(t *testing.T) {
	var last sim.Progress
	_, err := sim.Run(t.Context(), fit(timeoutAlone, retry3, broken), sim.WithProgress(func(p sim.Progress) { last = p }))
	require.NoError(t, err)
	assert.Equal(t, sim.Progress{Done: 60 * seconds, Total: 60 * seconds}, last)
	assert.EqualValues(t, 1, last.Share())
	assert.Zero(t, sim.Progress{}.Share())
	assert.PanicsWithValue(t, "sim: WithProgress: fn is nil, want a function", func() { sim.WithProgress(nil) })
}
