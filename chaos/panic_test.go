package chaos_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestAnAuthorsPanicPassesThroughAndIsToldAsAnInjection(t *testing.T) {
	boom := func(context.Context) error { panic("boom") }
	for name, p := range map[string]*chaos.Injector[int]{
		"fault":    chaos.Fault[int](always, boom),
		"outcome":  chaos.Outcome(always, func(context.Context) (int, error) { panic("boom") }),
		"behavior": chaos.Behavior[int](always, boom),
		"latency":  chaos.Latency[int](always, func(context.Context) time.Duration { panic("boom") }),
		"detour":   chaos.Detour[int](always, func(context.Context, policy.Func[int]) (int, error) { panic("boom") }),
	} {
		rec := fake.NewRecorder()
		circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		calls := pipeline.New[int](breaker.New[int](circuit), p).WithObserver(rec.Observe, policy.Injected)
		assert.PanicsWithValue(t, "boom", func() { _, _ = calls.Do(t.Context(), answer(1)) }, name)
		require.Len(t, rec.Events(), 1, name)
		assert.Equal(t, policy.ErrNoReturn, rec.Events()[0].Err)
		assert.EqualValues(t, 1, p.Snapshot().Injected, name)
		assert.Equal(t, breaker.Open, circuit.State(), "a circuit counts it")
	}
}

func TestAnAuthorsGoexitEndsTheCallersGoroutine(t *testing.T) {
	p := chaos.Behavior[int](always, func(context.Context) error { runtime.Goexit(); return nil })
	ended := make(chan bool)
	go func() {
		returned := false
		defer func() { ended <- returned }()
		_, _ = p.Do(t.Context(), answer(1))
		returned = true
	}()
	assert.False(t, <-ended)
	assert.EqualValues(t, 1, p.Snapshot().Injected)
}

// The lock of the sequence is not held while anything of the author's runs.
func TestPanicsInTheFunctionsOfAConfigLeaveTheInjectorUsable(t *testing.T) {
	broken := true
	boom := func() {
		if broken {
			panic("boom")
		}
	}
	for name, cfg := range map[string]chaos.Config{
		"when": {Rate: 1, When: func(context.Context) bool { boom(); return true }},
		"rate": {Enabled: true, RateFunc: func(context.Context) float64 { boom(); return 1 }},
		"rand": {Rate: 1, Enabled: true, Rand: func() float64 { boom(); return 0 }},
	} {
		cfg.Clock = fake.NewClock(fake.AutoAdvance())
		for _, p := range kinds(cfg) {
			p.Off()
			p.On()
			broken = true
			assert.PanicsWithValue(t, "boom", func() { _, _ = p.Do(t.Context(), answer(1)) }, name)
			assert.PanicsWithValue(t, "boom", func() { _, _ = chaos.Mix(p).Do(t.Context(), answer(1)) }, name)
			assert.Zero(t, p.Snapshot().Injected)
			broken = false
			_, _ = p.Do(t.Context(), answer(1))
			assert.EqualValues(t, 1, p.Snapshot().Injected, name)
		}
	}
}

func TestAnAuthorsFunctionMayUseTheInjectorItself(t *testing.T) {
	var p *chaos.Injector[int]
	p = chaos.Behavior[int](always, func(ctx context.Context) error {
		p.Off()
		v, err := p.Do(ctx, answer(2))
		assert.Equal(t, 2, v)
		return err
	})
	v, err := p.Do(t.Context(), answer(1))
	require.NoError(t, err)
	assert.Equal(t, 1, v)
}
