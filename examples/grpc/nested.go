package main

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/retry"
)

// refusing is a server that is down.
type refusing struct {
	tpb.UnimplementedTestServiceServer
	requests atomic.Int64
}

func (r *refusing) UnaryCall(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
	r.requests.Add(1)
	return nil, status.Error(codes.Unavailable, "down")
}

func (r *refusing) start(ctx context.Context) (*grpc.Server, string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := grpc.NewServer()
	tpb.RegisterTestServiceServer(server, r)
	go func() { _ = server.Serve(listener) }()
	return server, listener.Addr().String(), nil
}

// variants of how the policies may stand above a service config with retries.
var variants = []struct {
	title   string
	options func(ductilegrpc.Config) []grpc.DialOption
	want    int64
}{
	{"UnaryClient, the service config's retries left on", func(cfg ductilegrpc.Config) []grpc.DialOption {
		return []grpc.DialOption{grpc.WithChainUnaryInterceptor(ductilegrpc.UnaryClient(cfg))}
	}, 12},
	{"DialOptions, which turn them off", ductilegrpc.DialOptions, 3},
}

// nested sends one call to a server that is down, through a policy with 3 attempts above a
// service config with 4, and returns the requests that reached the server.
func nested(ctx context.Context, options func(ductilegrpc.Config) []grpc.DialOption) (int64, error) {
	cfg := ductilegrpc.Config{Retry: retry.Config{MaxAttempts: 3, BaseDelay: time.Millisecond}}
	down := &refusing{}
	server, addr, err := down.start(ctx)
	if err != nil {
		return 0, err
	}
	defer server.Stop()
	conn, err := grpc.NewClient(addr, append(options(cfg),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4,
			"initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}`),
	)...)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	if _, err := tpb.NewTestServiceClient(conn).UnaryCall(ctx, &tpb.SimpleRequest{}); err == nil {
		return 0, errors.New("a server that is down has answered")
	}
	return down.requests.Load(), nil
}
