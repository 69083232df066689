package bench_test

import (
	"context"
	"errors"
	"net"
	"sync"
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
	return grpcDoor{lib: "failsafe", unary: i, options: []grpc.ServerOption{grpc.UnaryInterceptor(i)}}
}

func init() {
	workloads["GRPCServer"] = workload{always(succeed), func() []contender { return append([]contender{bare}, inDoors(grpcServed())...) }}
	workloads["GRPCServerRefused"] = workload{always(succeed), func() []contender { return inDoors(grpcRefused()) }}
	workloads["GRPCServerLoopback"] = workload{always(succeed), sync.OnceValue(func() []contender { return behindDoors(grpcServed()) })}
	workloads["GRPCServerLoopbackRefused"] = workload{always(succeed), sync.OnceValue(func() []contender { return behindDoors(grpcRefused()) })}
}

func BenchmarkGRPCServer(b *testing.B)                { measure(b, "GRPCServer") }
func BenchmarkGRPCServerRefused(b *testing.B)         { measure(b, "GRPCServerRefused") }
func BenchmarkGRPCServerLoopback(b *testing.B)        { measure(b, "GRPCServerLoopback") }
func BenchmarkGRPCServerLoopbackRefused(b *testing.B) { measure(b, "GRPCServerLoopbackRefused") }

func TestGRPCInterceptorsServeOnce(t *testing.T) { succeeds(t, "GRPCServer") }

// inDoors has interceptors call a handler that answers at once. A tap is none.
func inDoors(doors []grpcDoor) (all []contender) {
	info := &grpc.UnaryServerInfo{FullMethod: "/grpc.testing.TestService/UnaryCall"}
	for _, d := range doors {
		if d.unary == nil {
			continue
		}
		all = append(all, contender{d.lib, func(f callee) call {
			var v int
			handler := func(ctx context.Context, _ any) (_ any, err error) {
				v, err = f.fn(ctx)
				return info, err
			}
			return func(ctx context.Context) (int, error) {
				_, err := d.unary(ctx, nil, info, handler)
				return v, err
			}
		}})
	}
	return all
}

// behindDoors has a client call a server over loopback, which lives as long as the process.
func behindDoors(doors []grpcDoor) (all []contender) {
	for _, d := range doors {
		client, _, err := serveBehind(d)
		if err != nil {
			panic(err)
		}
		all = append(all, contender{d.lib, func(callee) call {
			return func(ctx context.Context) (int, error) {
				_, err := client.UnaryCall(ctx, &tpb.SimpleRequest{})
				return 7, err
			}
		}})
	}
	return all
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
	client, stop, err := serveBehind(d)
	require.NoError(tb, err)
	tb.Cleanup(stop)
	return client
}

// serveBehind starts a server with the door, and returns a client of it.
func serveBehind(d grpcDoor) (client tpb.TestServiceClient, stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	server := grpc.NewServer(d.options...)
	tpb.RegisterTestServiceServer(server, echoService{})
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		server.Stop()
		return nil, nil, err
	}
	return tpb.NewTestServiceClient(conn), func() {
		_ = conn.Close()
		server.Stop()
	}, nil
}

func TestGRPCDoorsServeAndRefuse(t *testing.T) {
	for _, d := range grpcServed() {
		_, err := behind(t, d).UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.NoError(t, err, d.lib)
	}
	want := map[string]codes.Code{"ductile": codes.Unavailable, "ductile-tap": codes.ResourceExhausted, "failsafe": codes.Unknown}
	for _, d := range grpcRefused() {
		_, err := behind(t, d).UnaryCall(t.Context(), &tpb.SimpleRequest{})
		assert.Equal(t, want[d.lib], status.Code(err), d.lib)
	}
}

// A refusal of ours says so to interceptors outside, and theirs does too.
func TestGRPCDoorsRefuseWithTheErrorOfTheirGate(t *testing.T) {
	handler := func(context.Context, any) (any, error) { return nil, nil } //nolint:nilnil // a reply of a test
	for lib, sentinel := range map[string]error{"ductile": bulkhead.ErrFull, "failsafe": fsbulkhead.ErrFull} {
		for _, d := range grpcRefused() {
			if d.lib != lib {
				continue
			}
			_, err := d.unary(t.Context(), nil, &grpc.UnaryServerInfo{}, handler)
			assert.True(t, errors.Is(err, sentinel), "%s: %v", lib, err)
		}
	}
}
