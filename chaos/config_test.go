package chaos_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

func TestEveryConstructorPanicsWithTheErrorOfValidate(t *testing.T) {
	half := func(context.Context) float64 { return 0.5 }
	for want, cfg := range map[string]chaos.Config{
		"chaos: Config.Rate is -0.1, want 0 to 1":                                       {Rate: -0.1},
		"chaos: Config.Rate is 1.5, want 0 to 1":                                        {Rate: 1.5},
		"chaos: Config.Rate is NaN, want 0 to 1":                                        {Rate: math.NaN()},
		"chaos: Config.Rate is +Inf, want 0 to 1":                                       {Rate: math.Inf(1)},
		"chaos: Config.Rate is 0.5, want 0: RateFunc is set and replaces it":            {Rate: 0.5, RateFunc: half},
		"chaos: Config.Seed is 7, want 0: Rand is set and replaces the seeded sequence": {Seed: 7, Rand: fake.Rand(0)},
		"chaos: Config.Rate is 2, want 0 to 1\nchaos: Config.Rate is 2, want 0: RateFunc is set and replaces it\n" +
			"chaos: Config.Seed is 1, want 0: Rand is set and replaces the seeded sequence": {Rate: 2, RateFunc: half, Seed: 1, Rand: fake.Rand(0)},
	} {
		require.EqualError(t, cfg.Validate(), want)
		assert.PanicsWithError(t, want, func() { chaos.Fault[int](cfg, failing) })
		assert.PanicsWithError(t, want, func() { chaos.Latency[int](cfg, lasting(0)) })
		assert.PanicsWithError(t, want, func() { chaos.Outcome(cfg, answer(0)) })
		assert.PanicsWithError(t, want, func() { chaos.Behavior[int](cfg, nothing) })
		assert.PanicsWithError(t, want, func() { chaos.Detour[int](cfg, through) })
	}
}

func TestTheLimitsOfEachFieldAreValid(t *testing.T) {
	for _, cfg := range []chaos.Config{
		{}, {Rate: 1}, {Rate: math.SmallestNonzeroFloat64}, {Seed: math.MaxUint64}, {Rand: fake.Rand(0)},
		{RateFunc: func(context.Context) float64 { return 2 }}, {Enabled: true, When: func(context.Context) bool { return false }},
	} {
		require.NoError(t, cfg.Validate())
		v, err := chaos.Fault[int](cfg, nothing).Do(t.Context(), answer(1))
		require.NoError(t, err)
		assert.Equal(t, 1, v)
	}
}

func TestNilFunctionsPanic(t *testing.T) {
	for want, f := range map[string]func(){
		"chaos: Fault: fn is nil, want a function":       func() { chaos.Fault[int](chaos.Config{}, nil) },
		"chaos: Latency: fn is nil, want a function":     func() { chaos.Latency[int](chaos.Config{}, nil) },
		"chaos: Outcome: fn is nil, want a function":     func() { chaos.Outcome[int](chaos.Config{}, nil) },
		"chaos: Behavior: fn is nil, want a function":    func() { chaos.Behavior[int](chaos.Config{}, nil) },
		"chaos: Detour: fn is nil, want a function":      func() { chaos.Detour[int](chaos.Config{}, nil) },
		"chaos: Injector.Do: fn is nil, want a function": func() { _, _ = chaos.Fault[int](chaos.Config{}, nothing).Do(t.Context(), nil) },
		"chaos: Mixture.Do: fn is nil, want a function":  func() { _, _ = chaos.Mix[int]().Do(t.Context(), nil) },
	} {
		assert.PanicsWithValue(t, want, f)
	}
}

func TestMixRefusesPoliciesThatItCannotUse(t *testing.T) {
	good := chaos.Fault[int](chaos.Config{Rate: 0.5}, failing)
	bad := "chaos: Mix: policy 2 of 2 is nil or zero, want one made by Fault, Latency, Outcome, Behavior or Detour"
	assert.PanicsWithValue(t, bad, func() { chaos.Mix(good, nil) })
	assert.PanicsWithValue(t, bad, func() { chaos.Mix(good, &chaos.Injector[int]{}) })
	off := chaos.Fault[int](chaos.Config{Rate: 0.7}, failing)
	assert.PanicsWithValue(t, "chaos: Mix: the rates sum to 1.2, want at most 1: at most one policy acts in a call",
		func() { chaos.Mix(good, off) }, "whether they are on or not")
}

func TestMixAcceptsRatesThatSumToOneWhateverTheRounding(t *testing.T) {
	for parts := 1; parts <= 100; parts++ {
		all := make([]*chaos.Injector[int], parts)
		for i := range all {
			all[i] = chaos.Fault[int](chaos.Config{Rate: 1 / float64(parts), Enabled: true, Rand: fake.Rand(math.Nextafter(1, 0))}, failing)
		}
		_, err := chaos.Mix(all...).Do(t.Context(), answer(1))
		assert.ErrorIs(t, err, errDown, "the largest draw is in the last of %d intervals", parts)
	}
}

func TestChaosDescribesItself(t *testing.T) {
	fault := chaos.Fault[int](chaos.Config{Name: "stripe", Rate: 0.07}, failing)
	slow := chaos.Latency[int](chaos.Config{Rate: 0.125, Seed: 7, Enabled: true}, lasting(time.Second))
	for want, p := range map[string]chaotic{
		"chaos(stripe, fault 7%)":                fault,
		"chaos(latency 12.5%)":                   slow,
		"chaos(fault 33.3333%)":                  chaos.Fault[int](chaos.Config{Rate: 1. / 3}, failing),
		"chaos(detour 0%)":                       chaos.Detour[int](chaos.Config{}, through),
		"chaos(outcome 100%)":                    chaos.Outcome(chaos.Config{Rate: 1}, answer(1)),
		"chaos(behavior)":                        chaos.Behavior[int](chaos.Config{RateFunc: func(context.Context) float64 { return 1 }}, nothing),
		"chaos(stripe fault 7% | latency 12.5%)": chaos.Mix(fault, slow),
		"chaos":                                  chaos.Mix[int](),
	} {
		assert.Equal(t, want, p.String())
		assert.Equal(t, "chaos", p.Describe().Kind)
		assert.Equal(t, want, p.Describe().String())
	}
	assert.Equal(t, "stripe", fault.Name())
	assert.Equal(t, "stripe", fault.Describe().Name)
	assert.Equal(t, slow.Config(), slow.Describe().Config)
	assert.Equal(t, []policy.Description{fault.Describe(), slow.Describe()}, chaos.Mix(fault, slow).Describe().Config)
}

func TestConfigReportsTheSwitchAndTheSeedInUse(t *testing.T) {
	p := chaos.Fault[int](chaos.Config{Rate: 1}, failing)
	assert.NotZero(t, p.Config().Seed)
	assert.False(t, p.Config().Enabled)
	p.On()
	assert.True(t, p.Config().Enabled)
	again := chaos.Fault[int](p.Config(), failing)
	assert.Equal(t, p.Config().Seed, again.Config().Seed)
	assert.True(t, again.Enabled())

	assert.Zero(t, chaos.Fault[int](chaos.Config{Rand: fake.Rand(0)}, failing).Config().Seed)
	assert.False(t, chaos.Fault[int](chaos.Config{When: func(context.Context) bool { return true }}, failing).Config().Enabled)
	other := chaos.Fault[int](chaos.Config{Rate: 1}, failing)
	assert.NotEqual(t, p.Config().Seed, other.Config().Seed, "a seed of 0 is a random one")
}

func TestADescriptionMarshals(t *testing.T) {
	clk := fake.NewClock()
	p := chaos.Fault[int](chaos.Config{Name: "stripe", Rate: 0.5, Seed: 7, Clock: clk, When: func(context.Context) bool { return true }}, failing)
	assert.Equal(t, clk, p.Clock())
	assert.Equal(t, clk, chaos.Mix(chaos.Fault[int](chaos.Config{}, failing), p).Clock())
	assert.Nil(t, chaos.Mix[int]().Clock())
	text, err := json.Marshal(chaos.Mix(p).Describe())
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"chaos","detail":"stripe fault 50%","config":[
		{"kind":"chaos","name":"stripe","detail":"fault 50%","config":{"name":"stripe","rate":0.5,"seed":7}}]}`, string(text))
}

func TestASnapshotMarshalsAndLogs(t *testing.T) {
	p := chaos.Fault[int](always, failing)
	_, _ = p.Do(t.Context(), answer(1))
	text, err := json.Marshal(p.Snapshot())
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"stripe","kind":"fault","enabled":true,"calls":1,"injected":1}`, string(text))
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "chaos", p.Snapshot())
	assert.Contains(t, log.String(), "chaos.name=stripe chaos.kind=fault chaos.enabled=true chaos.calls=1 chaos.injected=1")
	assert.Equal(t, "[kind=fault]", chaos.Snapshot{Kind: "fault"}.LogValue().String(), "fields that are zero are left out")
}
