package ductilegrpc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc"
	"google.golang.org/grpc/tap"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/internal/allocs"
)

// The ceilings are for a call without a server: what the policies add to gRPC's own
// allocations, some 140 with those of the client.
func TestTheServerAllocatesLittle(t *testing.T) {
	all, _ := everything()
	all.MaxTimeout, all.Limiters, all.Caller = 0, nil, nil
	gate := ductilegrpc.ServerConfig{Gate: bulkhead.NewGate(bulkhead.Config{Limit: 1})}
	info := &grpc.UnaryServerInfo{FullMethod: unaryMethod}
	handler := func(context.Context, any) (any, error) { return nil, nil } //nolint:nilnil // a reply of a test
	for name, c := range map[string]struct {
		cfg  ductilegrpc.ServerConfig
		most float64
	}{"nothing": {ductilegrpc.ServerConfig{}, 1}, "a gate": {gate, 1}, "all of them": {all, 1}} {
		interceptor := ductilegrpc.UnaryServer(c.cfg)
		ctx := t.Context()
		got := allocs.Fewest(200, func() { _, _ = interceptor(ctx, nil, info, handler) })
		assert.LessOrEqual(t, got, c.most, name)
		streams := ductilegrpc.StreamServer(c.cfg)
		stream := &fakeStream{ctx: ctx}
		got = allocs.Fewest(200, func() {
			_ = streams(nil, stream, &grpc.StreamServerInfo{}, func(any, grpc.ServerStream) error { return nil })
		})
		assert.LessOrEqual(t, got, c.most+2, "%s, a stream", name)
	}
}

// What is refused must cost less than what is served: one status with its message.
func TestARefusalAllocatesLittle(t *testing.T) {
	cfg := ductilegrpc.ServerConfig{Gate: fullGate(t)}
	interceptor := ductilegrpc.UnaryServer(cfg)
	info := &grpc.UnaryServerInfo{FullMethod: unaryMethod}
	handler := func(context.Context, any) (any, error) { return nil, nil } //nolint:nilnil // a reply of a test
	got := allocs.Fewest(200, func() { _, _ = interceptor(t.Context(), nil, info, handler) })
	assert.LessOrEqual(t, got, 4.0)
	handle := ductilegrpc.Tap(cfg)
	got = allocs.Fewest(200, func() { _, _ = handle(t.Context(), &tap.Info{FullMethodName: unaryMethod}) })
	assert.LessOrEqual(t, got, 8.0)
}

// fakeStream is a stream that has only a context.
type fakeStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *fakeStream) Context() context.Context { return s.ctx }
