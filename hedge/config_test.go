package hedge_test

import (
	"context"
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func always(error) bool { return true }

func TestNewPanicsWithTheErrorOfValidate(t *testing.T) {
	for want, cfg := range map[string]hedge.Config{
		"hedge: Config.Delay is -2ns, want AtOnce (-1ns), 0 for a learned delay, or more than 0":                                                        {Delay: -2},
		"hedge: Config.Quantile is 1, want 0 for 0.95, or more than 0 and less than 1":                                                                  {Quantile: 1},
		"hedge: Config.Quantile is -0.5, want 0 for 0.95, or more than 0 and less than 1":                                                               {Quantile: -0.5},
		"hedge: Config.Quantile is NaN, want 0 for 0.95, or more than 0 and less than 1":                                                                {Quantile: math.NaN()},
		"hedge: Config.MinDelay is -1ns, want 0 or more":                                                                                                {MinDelay: -1},
		"hedge: Config.MaxDelay is -1ns, want 0 for no bound, or at least MinDelay, 0s":                                                                 {MaxDelay: -1},
		"hedge: Config.MaxDelay is 1s, want 0 for no bound, or at least MinDelay, 2s":                                                                   {MinDelay: 2 * time.Second, MaxDelay: time.Second},
		"hedge: Config.MaxDelay is 1ns, want 0 for no bound, or at least MinDelay, 2ns":                                                                 {MinDelay: 2, MaxDelay: 1},
		"hedge: Config.MinCalls is -1, want 0 for 100, or more":                                                                                         {MinCalls: -1},
		"hedge: Config.MaxExtra is 17, want 0 for 1, or at most 16":                                                                                     {MaxExtra: 17},
		"hedge: Config.MaxExtra is -1, want 0 for 1, or at most 16":                                                                                     {MaxExtra: -1},
		"hedge: Config.Budget is a zero Budget, want one made by retry.NewBudget, NoBudget, or nil":                                                     {Budget: new(retry.Budget)},
		"hedge: Config.HedgeIf is set, want nil: only OnFailure calls it, and it is not set":                                                            {HedgeIf: always},
		"hedge: Config.Quantile is 0.9, want 0: Delay is set, so no delay is learned":                                                                   {Delay: 1, Quantile: 0.9},
		"hedge: Config.MinDelay is 1s, want 0: Delay is set, so no delay is learned":                                                                    {Delay: hedge.AtOnce, MinDelay: time.Second},
		"hedge: Config.MaxDelay is 1s, want 0: Delay is set, so no delay is learned":                                                                    {Delay: 1, MaxDelay: time.Second},
		"hedge: Config.MinCalls is 5, want 0: Delay is set, so no delay is learned":                                                                     {Delay: 1, MinCalls: 5},
		"hedge: Config.MaxExtra is -3, want 0 for 1, or at most 16\nhedge: Config.HedgeIf is set, want nil: only OnFailure calls it, and it is not set": {MaxExtra: -3, HedgeIf: always},
	} {
		require.EqualError(t, cfg.Validate(), want)
		assert.PanicsWithError(t, want, func() { hedge.New[int](cfg) })
	}
}

func TestTheLimitsOfEachFieldAreValid(t *testing.T) {
	for _, cfg := range []hedge.Config{
		{}, {Delay: 1}, {Delay: math.MaxInt64}, {Delay: hedge.AtOnce}, {MaxExtra: 16}, {MinCalls: math.MaxInt},
		{Quantile: math.SmallestNonzeroFloat64}, {Quantile: math.Nextafter(1, 0)}, {MinDelay: 5, MaxDelay: 5},
		{MinDelay: math.MaxInt64}, {MaxDelay: 1}, {Budget: hedge.NoBudget}, {OnFailure: true, HedgeIf: always},
	} {
		require.NoError(t, cfg.Validate())
		require.NoError(t, cfg.WithDefaults().Validate())
		v, err := hedge.New[int](cfg).Do(t.Context(), fake.NewFunc[int]().Return(1).Do)
		require.NoError(t, err)
		assert.Equal(t, 1, v)
	}
}

func TestAHedgeDescribesItself(t *testing.T) {
	for want, cfg := range map[string]hedge.Config{
		"hedge(p95)":                      {},
		"hedge(users, p99.9)":             {Name: "users", Quantile: 0.999},
		"hedge(users, 100ms)":             {Name: "users", Delay: 100 * time.Millisecond},
		"hedge(users, at once)":           {Name: "users", Delay: hedge.AtOnce},
		"hedge(search, p50)":              {Name: "search", Quantile: 0.5},
		"hedge(search, p55)":              {Name: "search", Quantile: 0.55},
		"hedge(search, p57)":              {Name: "search", Quantile: 0.57},
		"hedge(search, p99.999999)":       {Name: "search", Quantile: 0.99999999},
		"hedge(2562047h47m16.854775807s)": {Delay: math.MaxInt64},
	} {
		h := hedge.New[int](cfg)
		assert.Equal(t, want, h.String())
		assert.Equal(t, cfg.Name, h.Name())
		assert.Equal(t, "hedge", h.Describe().Kind)
	}
}

func TestDescribeReturnsTheEffectiveConfig(t *testing.T) {
	clk := fake.NewClock()
	h := hedge.New[int](hedge.Config{Name: "users", Clock: clk})
	assert.Equal(t, policy.Clock(clk), h.Clock())
	cfg := h.Describe().Config.(hedge.Config)
	assert.Equal(t, retry.BudgetConfig{Ratio: 0.1, MinPerSecond: 1, Window: 10 * time.Second, Clock: clk}, cfg.Budget.Config())
	cfg.Budget = nil
	assert.Equal(t, hedge.Config{
		Name: "users", Quantile: 0.95, MinDelay: time.Millisecond, MinCalls: 100, MaxExtra: 1, Clock: clk,
	}, cfg)
	text, err := json.Marshal(h.Describe())
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"hedge","name":"users","detail":"p95","config":{"Name":"users","Delay":0,"Quantile":0.95,
		"MinDelay":1000000,"MaxDelay":0,"MinCalls":100,"MaxExtra":1,"OnFailure":false,"Abandon":false}}`, string(text))

	given := hedge.New[int](hedge.Config{Delay: time.Second, Budget: hedge.NoBudget}).Describe().Config
	assert.Equal(t, hedge.Config{Delay: time.Second, MaxExtra: 1, Budget: hedge.NoBudget}, given)
	short := hedge.New[int](hedge.Config{MaxDelay: time.Microsecond}).Describe().Config.(hedge.Config)
	assert.Equal(t, time.Microsecond, short.MinDelay, "the default MinDelay is at most MaxDelay")
}

func TestWithMethodsDoNotChangeTheirReceiver(t *testing.T) {
	h := hedge.New[int](hedge.Config{})
	for _, c := range []*hedge.Hedge[int]{
		h.WithCondition(func(int, error) bool { return true }), h.WithDiscard(func(int) {}), h.WithOnLate(func(error) {}),
	} {
		assert.NotSame(t, h, c)
	}
	assert.PanicsWithValue(t, "hedge: Hedge.WithCondition: wins is nil, want a function", func() { h.WithCondition(nil) })
	assert.PanicsWithValue(t, "hedge: Hedge.WithDiscard: fn is nil, want a function", func() { h.WithDiscard(nil) })
	assert.PanicsWithValue(t, "hedge: Hedge.WithOnLate: fn is nil, want a function", func() { h.WithOnLate(nil) })
	assert.PanicsWithValue(t, "hedge: Hedge.WithKeep: hold is nil, want a function", func() { h.WithKeep(nil) })
	assert.Panics(t, func() { _, _ = h.Do(t.Context(), nil) })
	var none context.Context
	assert.Panics(t, func() { _, _ = h.Do(none, fake.NewFunc[int]().Return(1).Do) })
	assert.NoError(t, h.Refusal(t.Context(), 0))
}

// Package observe knows it by that, and refuses to watch it: it has no counts to show.
func TestAHedgeLeavesNoBudgetZero(t *testing.T) {
	hedge.New[int](hedge.Config{Budget: hedge.NoBudget})
	assert.True(t, reflect.ValueOf(hedge.NoBudget).Elem().IsZero())
}
