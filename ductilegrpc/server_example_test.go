package ductilegrpc_test

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/ratelimit"
)

// A server with a gate for its calls, and a limit for each client that a tap enforces before
// a call costs anything.
func ExampleUnaryServer() {
	cfg := ductilegrpc.ServerConfig{
		MinRemaining: 50 * time.Millisecond, // no caller waits for less
		Gate:         bulkhead.NewGate(bulkhead.Config{Name: "carts", Limit: 100, MaxQueue: 200, MaxWait: time.Second}),
	}
	front := ductilegrpc.ServerConfig{
		Limiters: keyed.New(keyed.Config[string, *ratelimit.Limiter]{
			Make: func(string) *ratelimit.Limiter { return ratelimit.NewLimiter(ratelimit.Config{Limit: 50}) },
		}),
		Caller: callerOf,
	}
	server := grpc.NewServer(
		grpc.InTapHandle(ductilegrpc.Tap(front)),
		grpc.ChainUnaryInterceptor(ductilegrpc.UnaryServer(cfg)),
		grpc.ChainStreamInterceptor(ductilegrpc.StreamServer(cfg)),
	)
	tpb.RegisterTestServiceServer(server, tpb.UnimplementedTestServiceServer{})
	fmt.Println(len(server.GetServiceInfo()), "service")
	// Output: 1 service
}

// A refusal of a policy further in leaves with its status as well: an open circuit as
// Unavailable.
func ExampleUnaryServer_refusal() {
	stock := breaker.NewCircuit(breaker.Config{Name: "stock"})
	stock.Trip(time.Minute, "for the example")
	handler := func(ctx context.Context, _ any) (any, error) {
		return breaker.Do(ctx, stock, func(context.Context) (any, error) { return "in stock", nil })
	}
	interceptor := ductilegrpc.UnaryServer(ductilegrpc.ServerConfig{})
	_, err := interceptor(context.Background(), nil, &grpc.UnaryServerInfo{FullMethod: "/shop.Stock/Get"}, handler)
	fmt.Println(status.Code(err))
	fmt.Println(status.Convert(err).Message())
	// Output:
	// Unavailable
	// a dependency is unavailable
}

func ExampleStreamServer() {
	gate := bulkhead.NewGate(bulkhead.Config{Name: "watchers", Limit: 10_000})
	server := grpc.NewServer(grpc.StreamInterceptor(ductilegrpc.StreamServer(ductilegrpc.ServerConfig{Gate: gate})))
	defer server.Stop()
	fmt.Println(gate.Snapshot().Limit)
	// Output: 10000
}

func ExampleTap() {
	limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour})
	handle := ductilegrpc.Tap(ductilegrpc.ServerConfig{Limiter: limiter})
	for range 2 { // as gRPC does for each call
		_, err := handle(context.Background(), &tap.Info{FullMethodName: "/shop.Stock/Get"})
		fmt.Println(status.Code(err))
	}
	// Output:
	// OK
	// ResourceExhausted
}
