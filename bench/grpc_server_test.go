package bench_test

import (
	"context"
	"errors"
	"net"
	"testing"

	fsbulkhead "github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/failsafegrpc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/throttle"
)

// grpcDoor is what stands before a handler: interceptors, or a tap.
type grpcDoor struct {
	lib     string
	unary   grpc.UnaryServerInterceptor // nil: none
	options []grpc.ServerOption
}

// grpcServed are doors that let every call in.
func grpcServed() []grpcDoor {
	gate := ductilegrpc.ServerConfig{Gate: bulkhead.NewGate(bulkhead.Config{Limit: 1000})}
	all := gate
	all.Limiter = ratelimit.NewLimiter(ratelimit.Config{Limit: 1_000_000_000, Burst: 1_000_000_000})
	all.Throttle = throttle.NewThrottle(throttle.Config{})
	all.Adaptive = adaptive.NewLimiter(adaptive.Config{Initial: 1000})
	return []grpcDoor{
		{lib: "bare"},
		door("ductile", gate),
		door("ductile-all", all),
		{lib: "ductile-tap", options: []grpc.ServerOption{grpc.InTapHandle(ductilegrpc.Tap(gate))}},
		failsafeDoor(1000),
	}
}

// grpcRefused are doors that refuse every call.
func grpcRefused() []grpcDoor {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	if _, ok := gate.TryAcquire(); !ok { // for ever
		panic("a new gate is full")
	}
	full := ductilegrpc.ServerConfig{Gate: gate}
	return []grpcDoor{
		door("ductile", full),
		{lib: "ductile-tap", options: []grpc.ServerOption{grpc.InTapHandle(ductilegrpc.Tap(full))}},
		failsafeDoor(0),
	}
}

func door(lib string, cfg ductilegrpc.ServerConfig) grpcDoor {
	i := ductilegrpc.UnaryServer(cfg)
	return grpcDoor{lib: lib, unary: i, options: []grpc.ServerOption{grpc.UnaryInterceptor(i)}}
}

func failsafeDoor(places uint) grpcDoor {
	b := fsbulkhead.New[any](max(1, places))
	if places == 0 {
		b.TryAcquirePermit()
	}
	i := failsafegrpc.NewUnaryServerInterceptor[any](b)
	return grpcDoor{lib: "failsafe-go", unary: i, options: []grpc.ServerOption{grpc.UnaryInterceptor(i)}}
}

// BenchmarkGRPCServer is what a door adds to a handler, without gRPC.
func BenchmarkGRPCServer(b *testing.B) {
	benchDoors(b, grpcServed(), func(err error) bool { return err == nil })
}

// BenchmarkGRPCServerRefused is what a refusal costs, without gRPC.
func BenchmarkGRPCServerRefused(b *testing.B) {
	benchDoors(b, grpcRefused(), func(err error) bool { return err != nil })
}

func benchDoors(b *testing.B, doors []grpcDoor, expected func(error) bool) {
	info := &grpc.UnaryServerInfo{FullMethod: "/grpc.testing.TestService/UnaryCall"}
	handler := func(context.Context, any) (any, error) { return info, nil }
	for _, d := range doors {
		if d.unary == nil && d.lib != "bare" {
			continue
		}
		call := func(ctx context.Context) error { _, err := handler(ctx, nil); return err }
		if d.unary != nil {
			call = func(ctx context.Context) error { _, err := d.unary(ctx, nil, info, handler); return err }
		}
		b.Run("lib="+d.lib+"/mode=serial", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !expected(call(b.Context())) {
					b.Fatal("unexpected")
				}
			}
		})
		b.Run("lib="+d.lib+"/mode=parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_ = call(b.Context())
				}
			})
		})
	}
}

// BenchmarkGRPCServerLoopback is a whole call, over loopback.
func BenchmarkGRPCServerLoopback(b *testing.B) {
	for name, doors := range map[string][]grpcDoor{"served": grpcServed(), "refused": grpcRefused()} {
		for _, d := range doors {
			b.Run(name+"/lib="+d.lib+"/mode=serial", func(b *testing.B) {
				client := behind(b, d)
				b.ReportAllocs()
				for b.Loop() {
					_, _ = client.UnaryCall(b.Context(), &tpb.SimpleRequest{})
				}
			})
		}
	}
}

type echoService struct {
	tpb.UnimplementedTestServiceServer
}

func (echoService) UnaryCall(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
	return &tpb.SimpleResponse{}, nil
}

// behind returns a client of a server with the door.
func behind(tb testing.TB, d grpcDoor) tpb.TestServiceClient {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	server := grpc.NewServer(d.options...)
	tpb.RegisterTestServiceServer(server, echoService{})
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
	})
	return tpb.NewTestServiceClient(conn)
}

func TestGRPCDoorsServeAndRefuse(t *testing.T) {
	for _, d := range grpcServed() {
		_, err := behind(t, d).UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.NoError(t, err, d.lib)
	}
	want := map[string]codes.Code{"ductile": codes.Unavailable, "ductile-tap": codes.ResourceExhausted, "failsafe-go": codes.Unknown}
	for _, d := range grpcRefused() {
		_, err := behind(t, d).UnaryCall(t.Context(), &tpb.SimpleRequest{})
		assert.Equal(t, want[d.lib], status.Code(err), d.lib)
	}
}

// A refusal of ours says so to interceptors outside, and theirs does too.
func TestGRPCDoorsRefuseWithTheErrorOfTheirGate(t *testing.T) {
	handler := func(context.Context, any) (any, error) { return nil, nil } //nolint:nilnil // a reply of a test
	for lib, sentinel := range map[string]error{"ductile": bulkhead.ErrFull, "failsafe-go": fsbulkhead.ErrFull} {
		for _, d := range grpcRefused() {
			if d.lib != lib {
				continue
			}
			_, err := d.unary(t.Context(), nil, &grpc.UnaryServerInfo{}, handler)
			assert.True(t, errors.Is(err, sentinel), "%s: %v", lib, err)
		}
	}
}
