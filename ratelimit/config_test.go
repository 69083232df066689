package ratelimit_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/ratelimit"
)

const year = 365 * 24 * time.Hour

func TestValidateReturnsAllFaults(t *testing.T) {
	for want, cfg := range map[string]ratelimit.Config{
		"": {Limit: 1},
		"ratelimit: Config.Limit is 0, want 1 to 16000000000, 16 for each nanosecond of Per":                                                                         {},
		"ratelimit: Config.Limit is -1, want 1 to 16000000000, 16 for each nanosecond of Per":                                                                        {Limit: -1},
		"ratelimit: Config.Limit is 17, want 1 to 16, 16 for each nanosecond of Per":                                                                                 {Limit: 17, Per: 1},
		"ratelimit: Config.Per is -1ns, want 0 for the default, 1s, or at most 17520h0m0s":                                                                           {Limit: 1, Per: -1},
		"ratelimit: Config.Per is 26280h0m0s, want 0 for the default, 1s, or at most 17520h0m0s":                                                                     {Limit: 1, Per: 3 * year},
		"ratelimit: Config.Burst is -2, want 0 for the default, NoBurst or more":                                                                                     {Limit: 1, Burst: -2},
		"ratelimit: Config.Burst is 3, want at most 2, so that Burst x Per / Limit is at most 17520h0m0s":                                                            {Limit: 1, Per: year, Burst: 3},
		"ratelimit: Config.Limit is 0, want 1 to 16000000000, 16 for each nanosecond of Per\nratelimit: Config.Burst is -1, want 0 for the default, NoBurst or more": {Burst: -1},
	} {
		err := cfg.Validate()
		if want == "" {
			assert.NoError(t, err)
			continue
		}
		assert.EqualError(t, err, want)
		assert.PanicsWithError(t, want, func() { ratelimit.NewLimiter(cfg) })
	}
	assert.PanicsWithError(t, "ratelimit: SetRate.Limit is 0, want 1 to 16000000000, 16 for each nanosecond of Per",
		func() { ratelimit.NewLimiter(ratelimit.Config{Limit: 1}).SetRate(0, 0, 0) })
}

func TestTheDefaultBurstIsTheTokensOf100ms(t *testing.T) {
	for _, c := range []struct {
		limit int
		per   time.Duration
		want  int
	}{
		{1, 0, 1}, {10, 0, 1}, {19, 0, 1}, {20, 0, 2}, {100, time.Second, 10}, {1000, time.Minute, 1}, {math.MaxInt32, 0, math.MaxInt32 / 10}, {5, 10 * time.Millisecond, 50},
	} {
		clk := fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: c.limit, Per: c.per, Clock: clk})
		assert.Equal(t, c.want, l.Snapshot().Burst, "%d per %v", c.limit, c.per)
		assert.True(t, l.Allow(c.want))
		assert.False(t, l.Allow(1))
	}
}

func TestConfigAndSnapshotMarshalToJSON(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Name: "stripe", Limit: 100, Clock: fake.NewClock()})
	text, err := json.Marshal(l.Config())
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"stripe","limit":100,"per":1000000000,"burst":10}`, string(text))

	l.Allow(3)
	l.Allow(30)
	l.Pause(time.Second)
	s := l.Snapshot()
	text, err = json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"stripe","limit":100,"per":1000000000,"burst":10,"tokens":7,"paused":1000000000,"admitted":1,"rejected":1}`, string(text))
	var back ratelimit.Snapshot
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, s, back)
	assert.Equal(t, "[name=stripe limit=100 per=1s burst=10 tokens=7 paused=1s admitted=1 rejected=1]", s.LogValue().String())
}
