package console_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"encoding/json"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// measured is the part of a snapshot that comes from a Stats.
type measured struct {
	Circuits []struct {
		Name, State, Ribbon string
		ReadOnly            bool `json:"read_only"`
	}
	Pipelines []struct {
		Name, Composition                                                                          string
		Calls, Succeeded, Failed, Timeouts, Rejected, Canceled, Rescued, Attempts, Retries, Active int64
		Refused                                                                                    []struct {
			Policy, Reason string
			Calls          int64
		}
		P50, P95, P99 float64
	}
	Limits []struct {
		Name, Type         string
		Used, Limit, Queue float64
		Left               *float64
		Sheds              *float64
	}
	Dropped int64
}

func measure(t *testing.T, base string) (m measured) {
	t.Helper()
	status, _, body := request(t, http.MethodGet, base+"snapshot", "")
	require.Equal(t, http.StatusOK, status, body)
	require.NoError(t, json.Unmarshal([]byte(body), &m), body)
	return m
}

func TestPipelinesLimitsAndBudgetsComeFromTheStats(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	stats := observe.New(observe.Config{Clock: clk})
	stripe := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 4, Clock: clk})
	gate := bulkhead.NewGate(bulkhead.Config{Name: "reports", Limit: 4, MaxQueue: 8, Clock: clk})
	budget := retry.NewBudget(retry.BudgetConfig{Name: "retries", MinPerSecond: 100, Clock: clk})
	p := pipeline.New(
		retry.New[int](retry.Config{Backoff: retry.Constant(time.Second), Budget: budget, Clock: clk}),
		breaker.New[int](stripe),
	).WithName("charge").WithObserver(stats.Observe)
	stats.Watch(stripe, gate, budget, p)
	base := serve(t, console.New(console.Config{Stats: stats, Circuits: []*breaker.Circuit{stripe}, Clock: clk}))

	took := func(d time.Duration, err error) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) { return 1, errors.Join(policy.Sleep(ctx, clk, d), err) }
	}
	for range 8 {
		_, err := p.Do(t.Context(), took(100*time.Millisecond, nil))
		require.NoError(t, err)
	}
	f := fake.NewFunc[int]().Fail(errDown).Return(1)
	_, err := p.Do(t.Context(), f.Do) // rescued
	require.NoError(t, err)
	_, err = p.Do(t.Context(), took(0, errDown)) // three attempts
	require.Error(t, err)
	_, err = p.Do(t.Context(), took(0, errDown)) // opens the circuit
	require.Error(t, err)
	for range 2 {
		_, err = p.Do(t.Context(), took(0, nil))
		require.ErrorIs(t, err, breaker.ErrOpen)
	}
	place, err := gate.Acquire(t.Context())
	require.NoError(t, err)
	defer place.Release()

	m := measure(t, base)
	require.Len(t, m.Pipelines, 1)
	got := m.Pipelines[0]
	assert.Equal(t, "charge", got.Name)
	assert.Equal(t, "retry(3) > breaker(stripe)", got.Composition)
	assert.EqualValues(t, 13, got.Calls)
	assert.EqualValues(t, 9, got.Succeeded)
	assert.EqualValues(t, 1, got.Rescued)
	assert.EqualValues(t, 2, got.Failed)
	assert.EqualValues(t, 2, got.Rejected)
	assert.EqualValues(t, 0, got.Active)
	assert.GreaterOrEqual(t, got.Attempts, int64(8+2+3+1+2))
	assert.GreaterOrEqual(t, got.Retries, int64(3))
	require.Len(t, got.Refused, 1)
	assert.Equal(t, "stripe", got.Refused[0].Policy)
	assert.Equal(t, "open", got.Refused[0].Reason)
	assert.InEpsilon(t, 0.1, got.P50, 0.1)
	assert.InEpsilon(t, 2, got.P99, 0.1)

	require.Len(t, m.Limits, 2)
	for _, l := range m.Limits {
		if l.Type == "budget" {
			assert.Equal(t, "retries", l.Name)
			require.NotNil(t, l.Left)
			assert.Less(t, *l.Left, 1.0)
			continue
		}
		assert.Equal(t, "reports", l.Name)
		assert.Equal(t, "bulkhead", l.Type)
		assert.InDelta(t, 1, l.Used, 0)
		assert.InDelta(t, 4, l.Limit, 0)
		assert.Nil(t, l.Left)
	}
	require.Len(t, m.Circuits, 1, "a circuit of both is shown once")
	assert.False(t, m.Circuits[0].ReadOnly)
	require.Len(t, events(t, base, ""), 1, "and its moves are events once")
}

func TestAThrottleShowsTheShareThatItRejects(t *testing.T) {
	clk := fake.NewClock()
	stats := observe.New(observe.Config{Clock: clk})
	quotes := throttle.NewThrottle(throttle.Config{Name: "quotes", MinCalls: 1, Clock: clk})
	stats.Watch(quotes, adaptive.NewLimiter(adaptive.Config{Name: "search", Initial: 5, Clock: clk}))
	base := serve(t, console.New(console.Config{Stats: stats, Clock: clk}))
	for range 4 {
		_, _ = throttle.Do(t.Context(), quotes, func(context.Context) (int, error) { return 0, errDown })
	}
	m := measure(t, base)
	require.Len(t, m.Limits, 2)
	for _, l := range m.Limits {
		if l.Type == "throttle" {
			assert.Equal(t, "quotes", l.Name)
			require.NotNil(t, l.Sheds)
			assert.InDelta(t, quotes.Snapshot().Rate, *l.Sheds, 1e-9)
			assert.Positive(t, *l.Sheds)
			continue
		}
		assert.Equal(t, "adaptive", l.Type)
		assert.Equal(t, "search", l.Name)
		assert.InDelta(t, 5, l.Limit, 0)
		assert.Nil(t, l.Sheds)
	}
}

func TestQuantilesAreOfTheLatestCalls(t *testing.T) {
	clk := fake.NewClock()
	stats := observe.New(observe.Config{Clock: clk})
	base := serve(t, console.New(console.Config{Stats: stats, Clock: clk}))
	calls := func(d time.Duration) {
		for range 100 {
			stats.Observe(t.Context(), policy.Event{Kind: policy.Finished, Pipeline: "p", Elapsed: d, Attempt: 1})
		}
	}
	calls(time.Second)
	assert.InEpsilon(t, 1, measure(t, base).Pipelines[0].P50, 0.1)
	for range 4 {
		clk.Advance(10 * time.Second)
		calls(time.Millisecond)
		m := measure(t, base).Pipelines[0]
		t.Log(m.P50, m.P99)
	}
	m := measure(t, base).Pipelines[0]
	assert.InEpsilon(t, 0.001, m.P99, 0.1, "the slow calls are long ago")
	assert.EqualValues(t, 500, m.Calls)
	clk.Advance(10 * time.Second)
	measure(t, base)
	clk.Advance(10 * time.Second)
	assert.Zero(t, measure(t, base).Pipelines[0].P50, "no call ended of late")
	clk.Advance(time.Hour)
	calls(time.Second)
	assert.InEpsilon(t, 1, measure(t, base).Pipelines[0].P50, 0.1)
}

func TestCircuitsThatTheStatsWatchesAreShownAndControlledByTheirNames(t *testing.T) {
	quietLog(t)
	clk := fake.NewClock()
	stats := observe.New(observe.Config{Clock: clk})
	c, twin := quick("search", clk), quick("twin", clk)
	stats.Watch(c, twin, quick("twin", clk), quick("", clk))
	h := console.New(console.Config{Stats: stats, Clock: clk, Allow: allow, Actor: func(*http.Request) string { return "alice" }})
	base := serve(t, h)
	fail(c, errDown)
	m := measure(t, base)
	require.Len(t, m.Circuits, 4)
	for _, shown := range m.Circuits {
		assert.Equal(t, shown.Name != "search", shown.ReadOnly, shown.Name)
		if shown.Name == "search" {
			assert.Equal(t, "open", shown.State)
			assert.Contains(t, shown.Ribbon, "o1")
		}
	}
	for _, action := range []string{"isolate", "reset"} {
		clk.Advance(time.Second)
		status, text := post(t, base, `{"circuit":"search","action":"`+action+`","reason":"drill"}`)
		assert.Equal(t, http.StatusNoContent, status, text)
	}
	clk.Advance(time.Second)
	c.Trip(0, "by the program")
	var got []string
	for _, e := range events(t, base, "") {
		assert.Equal(t, "search", e.Name)
		got = append(got, e.To+" "+e.Reason+" "+e.Err+" "+e.Actor)
	}
	assert.Equal(t, []string{"open failures connection refused ", "isolated drill  alice", "closed drill  alice", "open by the program  "}, got)
	for _, name := range []string{"twin", "twin (2)", "", "nothing"} {
		status, _ := post(t, base, `{"circuit":"`+name+`","action":"reset"}`)
		assert.Equal(t, http.StatusNotFound, status, name)
	}
	h.Close()
	c.Reset()
	assert.Len(t, events(t, base, ""), 4)
}

func TestEveryOutcomeIsCounted(t *testing.T) {
	stats := observe.New(observe.Config{MaxKeys: 10})
	base := serve(t, console.New(console.Config{Stats: stats}))
	for err, n := range map[error]int{
		nil: 1, errDown: 2, context.DeadlineExceeded: 3, context.Canceled: 4, policy.ErrRejected: 5,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if errors.Is(err, context.Canceled) {
			cancel()
		}
		for i := range n {
			stats.Observe(ctx, policy.Event{Kind: policy.Started, Pipeline: "p"})
			stats.Observe(ctx, policy.Event{Kind: policy.Finished, Pipeline: "p", Key: []string{"a", "b"}[i%2], Err: err, Attempt: 1, Elapsed: time.Second})
			if errors.Is(err, policy.ErrRejected) {
				stats.Observe(ctx, policy.Event{Kind: policy.Rejected, Pipeline: "p", Key: []string{"a", "b"}[i%2], Policy: "breaker", Name: "c", Reason: "open"})
			}
		}
		cancel()
	}
	stats.Observe(t.Context(), policy.Event{Kind: policy.Started, Pipeline: "p"})
	stats.Observe(t.Context(), policy.Event{Kind: policy.Rejected, Pipeline: "p", Policy: "bulkhead", Name: "g", Reason: "queue_full"})
	stats.Observe(t.Context(), policy.Event{Kind: policy.Waited, Pipeline: "p", Policy: "bulkhead", Name: "g", Delay: time.Second})
	m := measure(t, base)
	require.Len(t, m.Pipelines, 1)
	p := m.Pipelines[0]
	assert.Equal(t, []int64{15, 1, 2, 3, 4, 5, 1}, []int64{p.Calls, p.Succeeded, p.Failed, p.Timeouts, p.Canceled, p.Rejected, p.Active})
	require.Len(t, p.Refused, 2)
	assert.EqualValues(t, 5, p.Refused[0].Calls, "of both keys, the most frequent first")
	assert.Equal(t, "queue_full", p.Refused[1].Reason)
	require.Len(t, m.Limits, 1)
	assert.Equal(t, "g", m.Limits[0].Name)
	_, _, body := request(t, http.MethodGet, base+"snapshot", "")
	assert.Regexp(t, `"wait":(0\.9|1)`, body)
}

func TestMeasurementsBeyondTheLimitsOfTheStatsAreCountedAsDropped(t *testing.T) {
	stats := observe.New(observe.Config{MaxSeries: 1})
	base := serve(t, console.New(console.Config{Stats: stats}))
	for _, name := range []string{"a", "b", "b"} {
		stats.Observe(t.Context(), policy.Event{Kind: policy.Finished, Pipeline: name, Attempt: 1, Elapsed: time.Second})
	}
	m := measure(t, base)
	assert.Positive(t, m.Dropped)
	assert.Equal(t, "a", m.Pipelines[0].Name)
}

func TestCircuitsOfAStatsComeAndGo(t *testing.T) {
	stats := observe.New(observe.Config{})
	one, two := quick("twin", nil), quick("twin", nil)
	stop := stats.Watch(one, two)
	base := serve(t, console.New(console.Config{Stats: stats}))
	m := measure(t, base)
	require.Len(t, m.Circuits, 2)
	assert.Equal(t, "twin", m.Circuits[0].Name)
	assert.Equal(t, "twin (2)", m.Circuits[1].Name, "a page tells circuits apart by their names")
	stop()
	assert.Empty(t, measure(t, base).Circuits)
}
