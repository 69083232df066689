package chaos_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// observed makes a call through p, and returns its events without Started and Finished.
func observed(t *testing.T, p policy.Policy[int]) []policy.Event {
	t.Helper()
	rec := fake.NewRecorder()
	_, _ = pipeline.New(p).WithName("p").WithObserver(rec.Observe).Do(t.Context(), answer(1))
	events := rec.Events()
	require.GreaterOrEqual(t, len(events), 2)
	return events[1 : len(events)-1]
}

func TestEachKindOfInjectionEmitsInjected(t *testing.T) {
	cfg := always
	cfg.Clock = fake.NewClock(fake.AutoAdvance())
	injected := func(reason string, d time.Duration) policy.Event {
		return policy.Event{Kind: policy.Injected, Pipeline: "p", Policy: "chaos", Name: "stripe", Reason: reason, Delay: d}
	}
	failed := func(reason string) policy.Event {
		e := injected(reason, 0)
		e.Err = &chaos.Error{Name: "stripe", Kind: reason, Err: errDown}
		return e
	}
	fail := func(context.Context) (int, error) { return 0, errDown }
	for _, tt := range []struct {
		p    *chaos.Injector[int]
		want policy.Event
	}{
		{chaos.Fault[int](cfg, failing), failed("fault")},
		{chaos.Latency[int](cfg, lasting(time.Second)), injected("latency", time.Second)},
		{chaos.Outcome(cfg, answer(7)), injected("outcome", 0)},
		{chaos.Outcome(cfg, fail), failed("outcome")},
		{chaos.Behavior[int](cfg, nothing), injected("behavior", 0)},
		{chaos.Behavior[int](cfg, failing), failed("behavior")},
		{chaos.Detour[int](cfg, through), injected("detour", 0)},
		{chaos.Detour[int](cfg, func(context.Context, policy.Func[int]) (int, error) { return 0, errDown }), failed("detour")},
	} {
		assert.Equal(t, []policy.Event{tt.want}, observed(t, tt.p))
		assert.Equal(t, []policy.Event{tt.want}, observed(t, chaos.Mix(tt.p)))
	}
}

func TestACallWithoutAnInjectionEmitsNoEvent(t *testing.T) {
	off, missed := always, always
	off.Enabled, missed.Rate = false, 0
	for _, cfg := range []chaos.Config{off, missed} {
		for name, p := range kinds(cfg) {
			assert.Empty(t, observed(t, p), name)
			assert.Empty(t, observed(t, chaos.Mix(p)), name)
		}
	}
	assert.Empty(t, observed(t, chaos.Fault[int](always, nothing)))
	assert.Empty(t, observed(t, chaos.Latency[int](always, lasting(0))))
}

func TestAnObserverOfInjectedAloneHearsIt(t *testing.T) {
	rec := fake.NewRecorder()
	p := pipeline.New[int](chaos.Fault[int](always, failing)).WithObserver(rec.Observe, policy.Injected)
	_, _ = p.Do(t.Context(), answer(1))
	require.Len(t, rec.Events(), 1)
	assert.Equal(t, policy.Injected, rec.Events()[0].Kind)
}

// The pipeline reads the clock when a call begins, and policies that run at once reuse that
// reading.
func TestTheLatencyOfAnInjectionIsPartOfTheCallsElapsed(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := always
	cfg.Clock = clk
	rec := fake.NewRecorder()
	p := pipeline.New[int](chaos.Latency[int](cfg, lasting(time.Minute))).WithObserver(rec.Observe, policy.Finished)
	_, err := p.Do(t.Context(), answer(1))
	require.NoError(t, err)
	require.Len(t, rec.Events(), 1)
	assert.Equal(t, time.Minute, rec.Events()[0].Elapsed)
}

// The pipeline's reading of the clock is no start for a circuit behind an injection.
func TestACircuitInsideDoesNotMeasureWhatAnInjectionTook(t *testing.T) {
	asleep := func() { time.Sleep(time.Minute) }
	for name, p := range map[string]*chaos.Injector[int]{
		"latency":    chaos.Latency[int](always, lasting(time.Minute)),
		"no latency": chaos.Latency[int](always, func(context.Context) time.Duration { asleep(); return 0 }),
		"behavior":   chaos.Behavior[int](always, func(context.Context) error { asleep(); return nil }),
		"fault":      chaos.Fault[int](always, func(context.Context) error { asleep(); return nil }),
		"when":       chaos.Fault[int](chaos.Config{When: func(context.Context) bool { asleep(); return false }}, failing),
		"rate":       chaos.Fault[int](chaos.Config{Enabled: true, RateFunc: func(context.Context) float64 { asleep(); return 0 }}, failing),
	} {
		for _, p := range []policy.Policy[int]{p, chaos.Mix(p)} {
			synctest.Test(t, func(t *testing.T) {
				rec := fake.NewRecorder()
				circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour, FailureRate: 0.5})
				_, err := pipeline.New[int](p, breaker.New[int](circuit)).
					WithObserver(rec.Observe, policy.Judged, policy.Finished).Do(t.Context(), func(context.Context) (int, error) {
					time.Sleep(time.Second)
					return 1, nil
				})
				require.NoError(t, err)
				require.Len(t, rec.Events(), 2)
				assert.Equal(t, time.Second, rec.Events()[0].Took, name)
				assert.Equal(t, time.Minute+time.Second, rec.Events()[1].Elapsed, name)
			})
		}
	}
}
