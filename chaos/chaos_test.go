package chaos_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestAFaultEndsTheCallAndDoesNotRunTheFunction(t *testing.T) {
	fn := fake.NewFunc[int]().Return(1)
	v, err := chaos.Fault[int](always, failing).Do(t.Context(), fn.Do)
	assert.ErrorIs(t, err, errDown)
	assert.ErrorIs(t, err, chaos.ErrInjected)
	assert.Zero(t, v)
	assert.Zero(t, fn.Calls())
}

func TestAFaultWithoutAnErrorRunsTheCallAndIsNoInjection(t *testing.T) {
	p := chaos.Fault[int](always, nothing)
	v, err := p.Do(t.Context(), answer(1))
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.Equal(t, chaos.Snapshot{Name: "stripe", Kind: "fault", Enabled: true, Calls: 1}, p.Snapshot())
}

func TestAnOutcomeEndsTheCallAndDoesNotRunTheFunction(t *testing.T) {
	fn := fake.NewFunc[int]().Return(1)
	v, err := chaos.Outcome(always, answer(7)).Do(t.Context(), fn.Do)
	require.NoError(t, err)
	assert.Equal(t, 7, v)

	v, err = chaos.Outcome(always, func(context.Context) (int, error) { return 8, errDown }).Do(t.Context(), fn.Do)
	assert.ErrorIs(t, err, errDown)
	assert.ErrorIs(t, err, chaos.ErrInjected)
	assert.Equal(t, 8, v, "the value beside the error")
	assert.Zero(t, fn.Calls())
}

func TestALatencySleepsOnTheClockBeforeTheFunctionRuns(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	begun := clk.Now()
	cfg := always
	cfg.Clock = clk
	v, err := chaos.Latency[int](cfg, lasting(time.Hour)).Do(t.Context(), func(context.Context) (int, error) {
		assert.Equal(t, time.Hour, clk.Now().Sub(begun))
		return 1, nil
	})
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.Equal(t, []time.Duration{time.Hour}, clk.Sleeps())
}

func TestALatencyOfZeroOrLessIsNoInjectionAndArmsNoTimer(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := always
	cfg.Clock = clk
	for _, d := range []time.Duration{0, -1, math.MinInt64} {
		p := chaos.Latency[int](cfg, lasting(d))
		v, err := p.Do(t.Context(), answer(1))
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		assert.EqualValues(t, 1, p.Snapshot().Calls)
		assert.Zero(t, p.Snapshot().Injected)
	}
	assert.Empty(t, clk.Sleeps())
}

func TestABehaviorRunsBeforeTheFunction(t *testing.T) {
	var order []string
	p := chaos.Behavior[int](always, func(context.Context) error { order = append(order, "behavior"); return nil })
	v, err := p.Do(t.Context(), func(context.Context) (int, error) { order = append(order, "function"); return 1, nil })
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.Equal(t, []string{"behavior", "function"}, order)
	assert.EqualValues(t, 1, p.Snapshot().Injected)
}

func TestTheErrorOfABehaviorEndsTheCall(t *testing.T) {
	fn := fake.NewFunc[int]().Return(1)
	v, err := chaos.Behavior[int](always, failing).Do(t.Context(), fn.Do)
	assert.ErrorIs(t, err, errDown)
	assert.ErrorIs(t, err, chaos.ErrInjected)
	assert.Zero(t, v)
	assert.Zero(t, fn.Calls())
}

func TestAnInjectorIsOffUntilItIsSwitchedOn(t *testing.T) {
	cfg := chaos.Config{Rate: 1, Clock: fake.NewClock(fake.AutoAdvance())}
	for name, p := range kinds(cfg) {
		for _, on := range []bool{false, true, false, true} {
			if on {
				p.On()
			} else {
				p.Off()
			}
			assert.Equal(t, on, p.Enabled(), name)
			before := p.Snapshot()
			v, err := p.Do(t.Context(), answer(1))
			after := p.Snapshot()
			assert.Equal(t, on, after.Injected > before.Injected, name)
			assert.Equal(t, on, after.Calls > before.Calls, name)
			assert.Equal(t, on && name != "latency", v != 1 || err != nil, name)
		}
	}
}

func TestEnabledMakesAnInjectorThatIsOn(t *testing.T) {
	_, err := chaos.Fault[int](chaos.Config{Rate: 1, Enabled: true}, failing).Do(t.Context(), answer(1))
	assert.ErrorIs(t, err, errDown)
	_, err = chaos.Fault[int](chaos.Config{Rate: 1}, failing).Do(t.Context(), answer(1))
	assert.NoError(t, err)
}

func TestWhenReplacesTheSwitch(t *testing.T) {
	type tenant struct{}
	ofTest := func(ctx context.Context) bool { return ctx.Value(tenant{}) == "test" }
	test := context.WithValue(t.Context(), tenant{}, "test")
	for _, enabled := range []bool{false, true} {
		p := chaos.Fault[int](chaos.Config{Rate: 1, When: ofTest, Enabled: enabled}, failing)
		for _, turn := range []func(){func() {}, p.Off, p.On} {
			turn()
			assert.True(t, p.Enabled())
			_, err := p.Do(test, answer(1))
			assert.ErrorIs(t, err, errDown)
			_, err = p.Do(t.Context(), answer(1))
			assert.NoError(t, err)
		}
		assert.EqualValues(t, 3, p.Snapshot().Calls, "only calls that it is on for count")
	}
}

func TestARateFuncOutOfRangeIsClampedAndNaNIsZero(t *testing.T) {
	for rate, want := range map[float64]bool{
		-1: false, math.Inf(-1): false, 0: false, math.Copysign(0, -1): false,
		0.5: true, 1: true, 1.5: true, math.Inf(1): true,
	} {
		assert.Equal(t, want, acts(t, rate, 0.25), "rate %v", rate)
	}
	assert.False(t, acts(t, math.NaN(), 0), "NaN")
	assert.True(t, acts(t, 7, math.Nextafter(1, 0)), "a rate above 1 is 1")
}

// acts reports whether an injector with a RateFunc acts at a draw.
func acts(t *testing.T, rate, draw float64) bool {
	t.Helper()
	p := chaos.Fault[int](chaos.Config{RateFunc: func(context.Context) float64 { return rate }, Enabled: true, Rand: fake.Rand(draw)}, failing)
	_, err := p.Do(t.Context(), answer(1))
	return err != nil
}

func TestARateFuncGetsTheCallsContext(t *testing.T) {
	type tenant struct{}
	p := chaos.Fault[int](chaos.Config{
		Enabled: true, RateFunc: func(ctx context.Context) float64 { return ctx.Value(tenant{}).(float64) },
	}, failing)
	_, err := p.Do(context.WithValue(t.Context(), tenant{}, 1.0), answer(1))
	assert.ErrorIs(t, err, errDown)
	_, err = p.Do(context.WithValue(t.Context(), tenant{}, 0.0), answer(1))
	assert.NoError(t, err)
}

func TestEachCallMadeWhileOnDrawsOnceWhateverTheRate(t *testing.T) {
	draws, rate := 0, 0.0
	p := chaos.Fault[int](chaos.Config{
		RateFunc: func(context.Context) float64 { return rate }, Rand: func() float64 { draws++; return 0.5 },
	}, failing)
	_, _ = p.Do(t.Context(), answer(1))
	assert.Zero(t, draws, "off")
	p.On()
	for i, r := range []float64{0, 0.4, 0.6, 1} {
		rate = r
		_, err := p.Do(t.Context(), answer(1))
		assert.Equal(t, r > 0.5, err != nil)
		assert.Equal(t, i+1, draws)
	}
}

func TestAMixLetsOneInjectorActInACall(t *testing.T) {
	draw := 0.0
	cfg := func(rate float64) chaos.Config {
		return chaos.Config{Rate: rate, Enabled: true, Rand: func() float64 { return draw }}
	}
	fault, other := chaos.Fault[int](cfg(0.25), failing), chaos.Outcome(cfg(0.5), answer(7))
	m := chaos.Mix(fault, other)
	for d, want := range map[float64]int{0: 0, 0.24: 0, 0.25: 7, 0.74: 7, 0.75: 1, 0.99: 1} {
		draw = d
		v, err := m.Do(t.Context(), answer(1))
		assert.Equal(t, want, v, "draw %v", d)
		assert.Equal(t, want == 0, err != nil, "draw %v", d)
	}
	assert.Equal(t, []chaos.Snapshot{
		{Kind: "fault", Enabled: true, Calls: 6, Injected: 2}, {Kind: "outcome", Enabled: true, Calls: 6, Injected: 2},
	}, m.Snapshot())
}

func TestAMixDrawsFromTheFirstInjectorThatIsOn(t *testing.T) {
	var drawn []string
	cfg := func(name string) chaos.Config {
		return chaos.Config{Rate: 0.1, Rand: func() float64 { drawn = append(drawn, name); return 0.5 }}
	}
	a, b := chaos.Fault[int](cfg("a"), failing), chaos.Fault[int](cfg("b"), failing)
	m := chaos.Mix(a, b)
	for _, turn := range []func(){func() {}, b.On, a.On, b.Off, m.Off, m.On} {
		turn()
		_, err := m.Do(t.Context(), answer(1))
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"b", "a", "a", "a"}, drawn)
	assert.Equal(t, []*chaos.Injector[int]{a, b}, m.Injectors())
}

func TestAnInjectorThatIsOffTakesNoIntervalOfAMix(t *testing.T) {
	cfg := chaos.Config{Rate: 0.5, Rand: fake.Rand(0.25)}
	a, b := chaos.Fault[int](cfg, failing), chaos.Outcome(cfg, answer(7))
	b.On()
	v, err := chaos.Mix(a, b).Do(t.Context(), answer(1))
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

func TestRateFuncsThatSumToMoreThanOneAreCutOff(t *testing.T) {
	draw := 0.0
	cfg := chaos.Config{Enabled: true, RateFunc: func(context.Context) float64 { return 0.8 }, Rand: func() float64 { return draw }}
	m := chaos.Mix(chaos.Outcome(cfg, answer(7)), chaos.Outcome(cfg, answer(8)), chaos.Outcome(cfg, answer(9)))
	for d, want := range map[float64]int{0: 7, 0.79: 7, 0.8: 8, 0.999: 8} {
		draw = d
		v, err := m.Do(t.Context(), answer(1))
		require.NoError(t, err)
		assert.Equal(t, want, v)
	}
}

func TestAnEmptyMixPassesCallsThrough(t *testing.T) {
	for _, m := range []*chaos.Mixture[int]{chaos.Mix[int](), {}} {
		m.On()
		v, err := m.Do(t.Context(), answer(1))
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		assert.Empty(t, m.Snapshot())
	}
}

func TestWhileOnItCannotSayWhatTheInnerPoliciesWouldRefuse(t *testing.T) {
	for name, p := range kinds(chaos.Config{}) {
		for _, c := range []chaotic{p, chaos.Mix(p)} {
			c.Off()
			assert.NoError(t, c.Refusal(t.Context(), 0), name)
			c.On()
			assert.Equal(t, policy.ErrUndetermined, c.Refusal(t.Context(), 0), name)
		}
	}
}
