package breaker_test

import (
	"bytes"
	"encoding/json"
	"log"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/readings"
	"github.com/ductile-go/ductile/policy"
)

func TestNumbersThatAreNegativeOrTooLargeAreRefused(t *testing.T) {
	for want, cfg := range map[string]breaker.Config{
		"breaker: Config.HalfOpenMaxCalls is -1, want 0 to 2147483647":       {HalfOpenMaxCalls: -1},
		"breaker: Config.SlowCall is -1ns, want 0 or more":                   {SlowCall: -1},
		"breaker: Config.Window is -1ns, want 0 or more":                     {Window: -1},
		"breaker: Config.MaxRecoveryTimeout is -1ns, want 0 or more":         {MaxRecoveryTimeout: -1},
		"breaker: Config.RecoveryTimeout is -2ns, want 0 or more, or NoWait": {RecoveryTimeout: -2},
		"breaker: Config.SuccessThreshold is 1, want 0 with ProbeCalls":      {ProbeCalls: 1, SuccessThreshold: 1},
	} {
		assert.ErrorContains(t, cfg.Validate(), want)
	}
	if threshold := int64(math.MaxInt32) + 1; strconv.IntSize == 64 {
		cfg := breaker.Config{FailureThreshold: int(threshold)}
		assert.ErrorContains(t, cfg.Validate(), "breaker: Config.FailureThreshold is 2147483648, want 0 to 2147483647")
	}
}

func TestAnUnknownStateShowsItsNumber(t *testing.T) {
	assert.Equal(t, "state(4)", breaker.State(4).String())
	assert.Equal(t, "state(255)", breaker.State(255).String())
}

func TestShadowIsLogged(t *testing.T) {
	assert.JSONEq(t, `{"v":{"state":"closed","shadow":true}}`, logged(breaker.Snapshot{Shadow: true}))
	assert.JSONEq(t, `{"v":{"from":"closed","to":"open","shadow":true}}`, logged(breaker.Transition{To: breaker.Open, Shadow: true}))
	assert.JSONEq(t, `{"v":{"from":"closed","to":"open"}}`, logged(breaker.Transition{To: breaker.Open}))
}

func TestAWatcherAloneLogsNothing(t *testing.T) {
	var out bytes.Buffer
	was := log.Writer()
	log.SetOutput(&out)
	defer log.SetOutput(was)
	c := breaker.NewCircuit(breaker.Config{})
	c.Watch(func(breaker.Transition) {})
	c.Isolate("")
	assert.Empty(t, out.String())
}

func TestAPermitReadsTheClockOnlyIfItMatters(t *testing.T) {
	const ok, bad, ignored = policy.Success, policy.Failure, policy.Ignored
	for name, c := range map[string]struct {
		cfg     breaker.Config
		acquire int
		record  map[policy.Outcome]int
	}{
		"in a row":        {breaker.Config{}, 0, map[policy.Outcome]int{ok: 0, bad: 0, ignored: 0}},
		"window of calls": {breaker.Config{WindowCalls: 9}, 0, map[policy.Outcome]int{ok: 0, bad: 0, ignored: 0}},
		"window of time":  {breaker.Config{Window: time.Minute}, 0, map[policy.Outcome]int{ok: 1, bad: 1, ignored: 1}},
		"slow calls": {
			breaker.Config{WindowCalls: 9, SlowCall: time.Second, SlowRate: 1}, 1, map[policy.Outcome]int{ok: 1, bad: 1, ignored: 1},
		},
		"slow calls in a window of time": {
			breaker.Config{Window: time.Minute, SlowCall: time.Second, SlowRate: 1}, 1, map[policy.Outcome]int{ok: 1, bad: 1},
		},
	} {
		clk := readings.NewClock()
		c.cfg.Clock = clk
		circuit := breaker.NewCircuit(c.cfg)
		for outcome, want := range c.record {
			var p breaker.Permit
			acquire := clk.Of(func() {
				var err error
				p, err = circuit.Acquire()
				require.NoError(t, err)
			})
			assert.Equal(t, c.acquire, acquire, "%s: Acquire", name)
			assert.Equal(t, want, clk.Of(func() { p.Record(outcome) }), "%s: Record(%v)", name, outcome)
		}
	}
}

func TestWhatHasNoCauseInJSONHasNone(t *testing.T) {
	var s breaker.Snapshot
	require.NoError(t, json.Unmarshal([]byte(`{"state":"open"}`), &s))
	assert.NoError(t, s.Cause)
	var tr breaker.Transition
	require.NoError(t, json.Unmarshal([]byte(`{"from":"closed","to":"open"}`), &tr))
	assert.NoError(t, tr.Cause)
}
