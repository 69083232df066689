package bulkhead_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
)

func TestValidateReturnsAllFaults(t *testing.T) {
	for want, cfg := range map[string]bulkhead.Config{
		"bulkhead: Config.Limit is 0, want 1 to 2147483647":                                 {},
		"bulkhead: Config.Limit is -1, want 1 to 2147483647":                                {Limit: -1},
		"bulkhead: Config.MaxQueue is -1, want 0 to 2147483647":                             {Limit: 1, MaxQueue: -1},
		"bulkhead: Config.MaxWait is -1ns, want 0 or more":                                  {Limit: 1, MaxQueue: 1, MaxWait: -1},
		"bulkhead: Config.MaxWait is 1s but needs MaxQueue: without it no call waits":       {Limit: 1, MaxWait: time.Second},
		"bulkhead: Config.MaxWait is 1ns but needs MaxQueue: without it no call waits":      {Limit: 1, MaxWait: 1},
		"bulkhead: Config.Order is order(3), want FIFO, LIFO or Adaptive":                   {Limit: 1, MaxQueue: 1, Order: 3},
		"bulkhead: Config.Order is lifo but needs MaxQueue: without it no call waits":       {Limit: 1, Order: bulkhead.LIFO},
		"bulkhead: Config.Delay.Interval is 0s, want more than 0":                           {Limit: 1, MaxQueue: 1, Delay: bulkhead.CoDel{Target: 1}},
		"bulkhead: Config.Delay.Target is 0s, want more than 0, and at most Delay.Interval": {Limit: 1, MaxQueue: 1, Delay: bulkhead.CoDel{Interval: 1}},
		"bulkhead: Config.Delay.Target is 2ns, want more than 0, and at most Delay.Interval": {
			Limit: 1, MaxQueue: 1, Delay: bulkhead.CoDel{Target: 2, Interval: 1},
		},
		"bulkhead: Config.Delay is {5ms 100ms} but needs MaxQueue: without it no call waits": {Limit: 1, Delay: codel},
		"bulkhead: Config.Delay is {0s 0s}, want a Target and an Interval with Order Adaptive, such as 5ms and 100ms": {
			Limit: 1, MaxQueue: 1, Order: bulkhead.Adaptive,
		},
	} {
		require.EqualError(t, cfg.Validate(), want)
		assert.PanicsWithError(t, want, func() { bulkhead.NewGate(cfg) })
	}
	err := bulkhead.Config{MaxQueue: -1, MaxWait: -1, Delay: bulkhead.CoDel{Target: -1, Interval: -1}}.Validate()
	for _, field := range []string{"Limit", "MaxQueue", "MaxWait", "Delay.Target", "Delay.Interval"} {
		assert.ErrorContains(t, err, "Config."+field+" is", "all faults at once")
	}
}

func TestLimitsBeyond32BitsAreRefused(t *testing.T) {
	beyond := math.MaxInt32
	if beyond++; beyond < 0 {
		t.Skip("an int has 32 bits")
	}
	require.EqualError(t, bulkhead.Config{Limit: beyond}.Validate(), "bulkhead: Config.Limit is 2147483648, want 1 to 2147483647")
	require.EqualError(t, bulkhead.Config{Limit: 1, MaxQueue: beyond}.Validate(), "bulkhead: Config.MaxQueue is 2147483648, want 0 to 2147483647")
	g := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	assert.PanicsWithValue(t, "bulkhead: Gate.SetLimit: n is 2147483648, want 1 to 2147483647", func() { g.SetLimit(beyond) })
	assert.Equal(t, 1, g.Config().Limit)
}

func TestValidConfigsAreAccepted(t *testing.T) {
	for _, cfg := range []bulkhead.Config{
		{Limit: 1}, {Limit: math.MaxInt32, MaxQueue: math.MaxInt32, MaxWait: math.MaxInt64},
		{Limit: 1, MaxQueue: 1, Order: bulkhead.LIFO},
		{Limit: 1, MaxQueue: 1, Order: bulkhead.Adaptive, Delay: codel},
		{Limit: 1, MaxQueue: 1, Delay: bulkhead.CoDel{Target: 1, Interval: 1}},
	} {
		assert.NoError(t, cfg.Validate())
	}
}

func TestAnOrderMarshalsAsAWord(t *testing.T) {
	out, err := json.Marshal([]bulkhead.Order{bulkhead.FIFO, bulkhead.LIFO, bulkhead.Adaptive})
	require.NoError(t, err)
	assert.Equal(t, `["fifo","lifo","adaptive"]`, string(out))
	var back []bulkhead.Order
	require.NoError(t, json.Unmarshal(out, &back))
	assert.Equal(t, []bulkhead.Order{bulkhead.FIFO, bulkhead.LIFO, bulkhead.Adaptive}, back)
	require.EqualError(t, json.Unmarshal([]byte(`["newest"]`), &back), `bulkhead: Order is "newest", want fifo, lifo or adaptive`)
}
