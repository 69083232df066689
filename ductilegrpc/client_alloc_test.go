package ductilegrpc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/internal/allocs"
)

// The exchange, the call's key, the reply and its message, the options, the closure of the
// attempt and two timeouts: what a call costs beside gRPC's own, which is about 150.
func TestAUnaryCallAllocatesLittle(t *testing.T) {
	invoker := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	req, reply := &tpb.SimpleRequest{}, &tpb.SimpleResponse{}
	for name, row := range map[string]struct {
		cfg  ductilegrpc.Config
		most float64
	}{
		"the zero Config":   {ductilegrpc.Config{}, 11},
		"one Circuit":       {ductilegrpc.Config{Circuit: breaker.NewCircuit(breaker.Config{})}, 9},
		"without a timeout": {ductilegrpc.Config{Circuit: breaker.NewCircuit(breaker.Config{}), AttemptTimeout: -1, TotalTimeout: -1}, 7},
	} {
		call := ductilegrpc.UnaryClient(row.cfg)
		ctx := t.Context()
		got := allocs.Fewest(200, func() {
			if err := call(ctx, unaryMethod, req, reply, nil, invoker); err != nil {
				panic(err)
			}
		})
		assert.LessOrEqual(t, got, row.most, name)
	}
}

func TestARefusalAllocatesLittleBesideItsStatus(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{})
	circuit.Isolate("maintenance")
	call := ductilegrpc.UnaryClient(ductilegrpc.Config{Circuit: circuit})
	req, reply := &tpb.SimpleRequest{}, &tpb.SimpleResponse{}
	ctx := t.Context()
	require.Equal(t, codes.Unavailable, status.Code(call(ctx, unaryMethod, req, reply, nil, nil)))
	got := allocs.Fewest(200, func() { _ = call(ctx, unaryMethod, req, reply, nil, nil) })
	assert.LessOrEqual(t, got, 12.0)
}
