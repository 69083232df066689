package ductilegrpc_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/ductilegrpc"
)

func TestTheLastAttemptsHeaderAndTrailerReachTheCaller(t *testing.T) {
	cfg, _ := swift()
	var n counter
	c := client(t, &service{unary: func(ctx context.Context, _ *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		k := fmt.Sprint(n.Add(1))
		_ = grpc.SetHeader(ctx, metadata.Pairs("k", k))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("k", k))
		_ = grpc.SendHeader(ctx, nil)
		return nil, status.Error(codes.Unavailable, "down")
	}}, ductilegrpc.Config{Retry: cfg})
	var header, trailer metadata.MD
	var from peer.Peer
	var told []error
	_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&from),
		grpc.OnFinish(func(err error) { told = append(told, err) }))
	require.Error(t, err)
	assert.Equal(t, []string{"3"}, header.Get("k"))
	assert.Equal(t, []string{"3"}, trailer.Get("k"))
	assert.NotNil(t, from.Addr)
	assert.Equal(t, []error{err}, told, "once, with the error of the call")
}

func TestAFailedCallLeavesTheReplyAsItWas(t *testing.T) {
	unary, _ := failing(status.Error(codes.NotFound, ""))
	_, addr := listen(t, &service{unary: unary})
	cc := connection(t, addr, append(ductilegrpc.DialOptions(ductilegrpc.Config{}), plaintext)...)
	reply := named("mine")
	require.Error(t, cc.Invoke(t.Context(), unaryMethod, &tpb.SimpleRequest{}, reply))
	assert.Equal(t, "mine", reply.GetUsername())
}

func TestTheAttemptHeaderIsSentFromTheSecondAttemptOn(t *testing.T) {
	cfg, _ := swift()
	var mu sync.Mutex
	var seen [][]string
	c := client(t, &service{unary: func(ctx context.Context, _ *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, md.Get("x-retry-attempt"))
		return nil, status.Error(codes.Unavailable, "down")
	}}, ductilegrpc.Config{Retry: cfg, AttemptHeader: "X-Retry-Attempt"})
	ctx := metadata.AppendToOutgoingContext(t.Context(), "tenant", "a")
	_, err := c.UnaryCall(ctx, &tpb.SimpleRequest{})
	require.Error(t, err)
	assert.Equal(t, [][]string{nil, {"2"}, {"3"}}, seen)
}
