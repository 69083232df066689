package ductilegrpc_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

func TestTheZeroConfigIsValid(t *testing.T) {
	require.NoError(t, ductilegrpc.Config{}.Validate())
	assert.Len(t, ductilegrpc.DialOptions(ductilegrpc.Config{}), 3)
}

func TestValidateNamesEachFault(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{})
	circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{Make: func(string) *breaker.Circuit { return circuit }})
	const prefix = "ductilegrpc: Config."
	for want, cfg := range map[string]ductilegrpc.Config{
		`AttemptHeader is "a b", want a metadata key: letters, digits, and - _ . without the prefix grpc- and the suffix -bin`:          {AttemptHeader: "a b"},
		`AttemptHeader is "grpc-attempt", want a metadata key: letters, digits, and - _ . without the prefix grpc- and the suffix -bin`: {AttemptHeader: "grpc-attempt"},
		`AttemptHeader is "x-bin", want a metadata key: letters, digits, and - _ . without the prefix grpc- and the suffix -bin`:        {AttemptHeader: "x-bin"},
		"IdleTimeout is -1s, want 0 or more":                          {IdleTimeout: -time.Second},
		"MaxReplay is -2, want NoReplay (-1), or 0 or more":           {MaxReplay: -2},
		"Retry.MaxAttempts is -2, want Unlimited (-1), or 0 or more":  {Retry: retry.Config{MaxAttempts: -2}},
		"Hedge.MaxExtra is -1, want 0 for 1, or at most 16":           {Hedge: &hedge.Config{MaxExtra: -1}},
		"AttemptTimeout is 2s, want less than TotalTimeout, 1s":       {AttemptTimeout: 2 * time.Second, TotalTimeout: time.Second},
		"Circuits is set, want zero beside Circuit":                   {Circuit: circuit, Circuits: circuits},
		"By is set, want zero beside Circuit":                         {Circuit: circuit, By: func(_, m string) string { return m }},
		"Gate: bulkhead: zero Gate, want one made by NewGate":         {Gate: new(bulkhead.Gate)},
		"Circuit: breaker: zero Circuit, want one made by NewCircuit": {Circuit: new(breaker.Circuit)},
	} {
		assert.EqualError(t, cfg.Validate(), prefix+want)
		assert.PanicsWithError(t, prefix+want, func() { ductilegrpc.DialOptions(cfg) })
		assert.PanicsWithError(t, prefix+want, func() { ductilegrpc.UnaryClient(cfg) })
		assert.PanicsWithError(t, prefix+want, func() { ductilegrpc.StreamClient(cfg) })
	}
}

func TestNothingIsSetBesideAPipeline(t *testing.T) {
	cfg := ductilegrpc.Config{
		Pipeline: pipeline.New[*ductilegrpc.Reply](), Retry: retry.Config{MaxAttempts: 2}, Circuit: breaker.NewCircuit(breaker.Config{}),
		Circuits: keyed.New(keyed.Config[string, *breaker.Circuit]{Make: func(string) *breaker.Circuit { return nil }}),
		By:       func(_, m string) string { return m }, Hedge: &hedge.Config{}, Gate: bulkhead.NewGate(bulkhead.Config{Limit: 1}),
		AttemptTimeout: time.Second, TotalTimeout: time.Minute,
	}
	assert.EqualError(t, cfg.Validate(), "ductilegrpc: Config.Retry is set, want zero beside Pipeline\n"+
		"ductilegrpc: Config.Circuit is set, want zero beside Pipeline\n"+
		"ductilegrpc: Config.Circuits is set, want zero beside Pipeline\n"+
		"ductilegrpc: Config.By is set, want zero beside Pipeline\n"+
		"ductilegrpc: Config.Hedge is set, want zero beside Pipeline\n"+
		"ductilegrpc: Config.Gate is set, want zero beside Pipeline\n"+
		"ductilegrpc: Config.AttemptTimeout is 1s, want zero beside Pipeline\n"+
		"ductilegrpc: Config.TotalTimeout is 1m0s, want zero beside Pipeline")
}

// A By that follows what clients send must neither grow without bound nor refuse a newcomer.
func TestKeysBeyondTheLimitShareACircuitThatRefusesNoCall(t *testing.T) {
	cfg, _ := swift()
	cfg.MaxAttempts = 1
	key := 0
	call := ductilegrpc.UnaryClient(ductilegrpc.Config{Retry: cfg, By: func(string, string) string { return strconv.Itoa(key) }})
	n := 0
	fail := func() error {
		return call(t.Context(), unaryMethod, &tpb.SimpleRequest{}, &tpb.SimpleResponse{}, nil,
			scripted(&n, status.New(codes.Unavailable, "down"), nil))
	}
	for key = range keyed.DefaultMax { // none of them is idle
		require.Error(t, fail())
	}
	key++
	for range 2 * breaker.DefaultFailureThreshold {
		require.NotErrorIs(t, fail(), breaker.ErrOpen)
	}
	key = 0
	for range breaker.DefaultFailureThreshold {
		_ = fail()
	}
	assert.ErrorIs(t, fail(), breaker.ErrOpen, "a member's own still counts")
}
