package throttle_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

func TestValidateReturnsAllFaults(t *testing.T) {
	const k, window = "0 for the default, 2, or 1 to 1e+06", "0 for the default, 2m0s, or at least 10ns"
	const reject = "0 for the default, 0.99, or more than 0 and less than 1: at 1 no call would notice a recovery"
	for want, cfg := range map[string]throttle.Config{
		"":                                                {},
		"throttle: Config.K is 0.99, want " + k:           {K: 0.99},
		"throttle: Config.K is -1, want " + k:             {K: -1},
		"throttle: Config.K is NaN, want " + k:            {K: math.NaN()},
		"throttle: Config.K is +Inf, want " + k:           {K: math.Inf(1)},
		"throttle: Config.Window is -1ns, want " + window: {Window: -1},
		"throttle: Config.Window is 1ns, want " + window:  {Window: 1},
		"throttle: Config.Window is 9ns, want " + window:  {Window: 9},
		"throttle: Config.MinCalls is -1, want 0 for the default, 10, or 1 to 2147483647":            {MinCalls: -1},
		"throttle: Config.MaxReject is 1, want " + reject:                                            {MaxReject: 1},
		"throttle: Config.MaxReject is -0.1, want " + reject:                                         {MaxReject: -0.1},
		"throttle: Config.MaxReject is NaN, want " + reject:                                          {MaxReject: math.NaN()},
		"throttle: Config.K is 0.5, want " + k + "\nthrottle: Config.MaxReject is 2, want " + reject: {K: 0.5, MaxReject: 2},
	} {
		err := cfg.Validate()
		if want == "" {
			assert.NoError(t, err)
			continue
		}
		assert.EqualError(t, err, want)
		assert.PanicsWithError(t, want, func() { throttle.NewThrottle(cfg) })
	}
	for _, cfg := range []throttle.Config{
		{K: 1, Window: 10, MinCalls: 1, MaxReject: math.SmallestNonzeroFloat64},
		{K: 1e6, Window: math.MaxInt64, MinCalls: math.MaxInt32, MaxReject: math.Nextafter(1, 0)},
	} {
		assert.NoError(t, cfg.Validate())
	}
}

func TestMinCallsHas31Bits(t *testing.T) {
	beyond := math.MaxInt32
	if beyond++; beyond < 0 {
		t.Skip("an int has 32 bits")
	}
	assert.EqualError(t, throttle.Config{MinCalls: beyond}.Validate(),
		"throttle: Config.MinCalls is 2147483648, want 0 for the default, 10, or 1 to 2147483647")
}

func TestZeroFieldsAreTheDocumentedDefaults(t *testing.T) {
	assert.Equal(t, throttle.Config{K: 2, Window: 2 * time.Minute, MinCalls: 10, MaxReject: 0.99}, throttle.NewThrottle(throttle.Config{}).Config())
	own := throttle.Config{Name: "db", K: 1.5, Window: time.Second, MinCalls: 3, MaxReject: 0.5}
	assert.Equal(t, own, throttle.NewThrottle(own).Config())
}

func TestConfigAndSnapshotMarshalToJSON(t *testing.T) {
	clk := fake.NewClock()
	cfg := throttle.Config{Name: "db", Clock: clk, Rand: never, Classify: func(error) policy.Outcome { return policy.Undecided }}
	th := filled(cfg, 30, 10)
	text, err := json.Marshal(th.Config())
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"db","k":2,"window":120000000000,"min_calls":10,"max_reject":0.99}`, string(text))
	s := th.Snapshot()
	text, err = json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"db","requests":40,"accepts":10,"rate":0.4878048780487805}`, string(text))
	var back throttle.Snapshot
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, s, back)
	assert.Equal(t, "[name=db requests=40 accepts=10 rate=0.4878048780487805]", s.LogValue().String())
	assert.Equal(t, "[]", throttle.Snapshot{}.LogValue().String())
}
