package adaptive_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/fake"
)

func TestValidateReportsEveryFault(t *testing.T) {
	for want, cfg := range map[string]adaptive.Config{
		"adaptive: Config.Initial is -1, want 0 for the default, or 1 to 2147483647": {Initial: -1},
		"adaptive: Config.Min is -2, want 0 for the default, or 1 to 2147483647\n" +
			"adaptive: Config.Max is -3, want 0 for the default, or 1 to 2147483647": {Min: -2, Max: -3},
		"adaptive: Config.Min is 9, want at most Max, which is 8":                                                                {Min: 9, Max: 8},
		"adaptive: Config.Initial is 3, want 0 for the default, or Min to Max, which are 4 and 1000":                             {Initial: 3, Min: 4},
		"adaptive: Config.Initial is 30, want 0 for the default, or Min to Max, which are 1 and 20":                              {Initial: 30, Max: 20},
		"adaptive: Config.Target is -1ns, want 0 or more":                                                                        {Target: -1},
		"adaptive: Config.Quantile is 1.1, want 0 for the default, 0.9, or more than 0 and at most 1":                            {Target: 1, Quantile: 1.1},
		"adaptive: Config.Quantile is -0.5, want 0 for the default, 0.9, or more than 0 and at most 1":                           {Target: 1, Quantile: -0.5},
		"adaptive: Config.Quantile is NaN, want 0 for the default, 0.9, or more than 0 and at most 1":                            {Quantile: math.NaN()},
		"adaptive: Config.Quantile is 0.5 but needs Target: Climb uses the mean latency":                                         {Quantile: 0.5},
		"adaptive: Config.Window is -1ns, want 0 or more\nadaptive: Config.MinCalls is -1, want 0 for the default, 100, or more": {Window: -1, MinCalls: -1},
		"adaptive: Config.MaxQueue is -1, want 0 to 2147483647":                                                                  {MaxQueue: -1},
		"adaptive: Config.MaxWait is 1s but needs MaxQueue: without it no call waits":                                            {MaxWait: time.Second},
		"adaptive: Config.Order is lifo but needs MaxQueue: without it no call waits":                                            {Order: bulkhead.LIFO},
		"adaptive: Config.Delay.Target is 0s, want more than 0, and at most Delay.Interval":                                      {MaxQueue: 1, Delay: bulkhead.CoDel{Interval: 1}},
	} {
		err := cfg.Validate()
		require.EqualError(t, err, want)
		assert.PanicsWithError(t, want, func() { adaptive.NewLimiter(cfg) })
	}
	require.NoError(t, adaptive.Config{}.Validate())
}

func TestALimitHas31Bits(t *testing.T) {
	beyond := math.MaxInt32
	if beyond++; beyond < 0 {
		t.Skip("an int has 32 bits")
	}
	require.NoError(t, adaptive.Config{Max: math.MaxInt32, MaxQueue: math.MaxInt32}.Validate())
	assert.EqualError(t, adaptive.Config{Max: beyond, MaxQueue: beyond}.Validate(),
		"adaptive: Config.Max is 2147483648, want 0 for the default, or 1 to 2147483647\n"+
			"adaptive: Config.MaxQueue is 2147483648, want 0 to 2147483647")
}

func TestDefaultsAreFilledIn(t *testing.T) {
	climb := adaptive.Config{Initial: 20, Min: 1, Max: 1000, Window: 100 * ms, MinCalls: 100}
	assert.Equal(t, climb, adaptive.NewLimiter(adaptive.Config{}).Config())
	aimd := climb
	aimd.Target, aimd.Quantile = time.Second, 0.9
	assert.Equal(t, aimd, adaptive.NewLimiter(adaptive.Config{Target: time.Second}).Config())
}

// A default of one field must not make a good value of another panic.
func TestDefaultsBendToTheOtherFields(t *testing.T) {
	for _, c := range []struct{ given, want adaptive.Config }{
		{adaptive.Config{Max: 5}, adaptive.Config{Initial: 5, Min: 1, Max: 5}},
		{adaptive.Config{Min: 50}, adaptive.Config{Initial: 50, Min: 50, Max: 1000}},
		{adaptive.Config{Min: 5000}, adaptive.Config{Initial: 5000, Min: 5000, Max: 5000}},
		{adaptive.Config{Initial: 5000}, adaptive.Config{Initial: 5000, Min: 1, Max: 5000}},
		{adaptive.Config{Min: 7, Max: 7}, adaptive.Config{Initial: 7, Min: 7, Max: 7}},
	} {
		got := adaptive.NewLimiter(c.given).Config()
		assert.Equal(t, c.want, adaptive.Config{Initial: got.Initial, Min: got.Min, Max: got.Max})
	}
}

func TestAConfigIsReadFromItsJSON(t *testing.T) {
	cfg := adaptive.Config{
		Name: "db", Initial: 2, Min: 1, Max: 9, Target: time.Second, Quantile: 0.5, Window: time.Minute, MinCalls: 3,
		MaxQueue: 4, MaxWait: time.Second, Order: bulkhead.Adaptive, Delay: bulkhead.CoDel{Target: 5 * ms, Interval: 100 * ms},
	}
	on := cfg
	on.Clock, on.OnChange = fake.NewClock(), func(adaptive.Change) {}
	out, err := json.Marshal(on)
	require.NoError(t, err)
	var back adaptive.Config
	require.NoError(t, json.Unmarshal(out, &back))
	assert.Equal(t, cfg, back)
}
