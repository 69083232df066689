package bench_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	fsbulkhead "github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/failsafegrpc"
	"github.com/failsafe-go/failsafe-go/ratelimiter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/ratelimit"
)

func TestGRPCServerRowsDoWhatThePageSays(t *testing.T) {
	const heading = "## On the server, from failsafegrpc"
	assert.ElementsMatch(t, rowsOf(t, "../docs/porting-grpc.md", heading), keysOf(failsafeGRPCServerRows))
	for row, run := range failsafeGRPCServerRows {
		t.Run(row, run)
	}
}

var failsafeGRPCServerRows = map[string]func(*testing.T){
	"`NewUnaryServerInterceptor[R](bulkhead)`": func(t *testing.T) {
		gate, full := bulkhead.NewGate(bulkhead.Config{Limit: 1}), fsbulkhead.New[any](1)
		place, ok := gate.TryAcquire()
		require.True(t, ok)
		defer place.Release()
		require.True(t, full.TryAcquirePermit())
		refuses(t, codes.Unavailable, false, false, grpc.UnaryInterceptor(ductilegrpc.UnaryServer(ductilegrpc.ServerConfig{Gate: gate})))
		refuses(t, codes.Unknown, false, false, grpc.UnaryInterceptor(failsafegrpc.NewUnaryServerInterceptor[any](full)))
	},
	"`NewUnaryServerInterceptor[R](limiter)`": func(t *testing.T) {
		ours, theirs := spentLimiters(t)
		refuses(t, codes.ResourceExhausted, true, true, grpc.UnaryInterceptor(ductilegrpc.UnaryServer(ductilegrpc.ServerConfig{Limiter: ours})))
		refuses(t, codes.Unknown, false, false, grpc.UnaryInterceptor(failsafegrpc.NewUnaryServerInterceptor[any](theirs)))
	},
	"`NewServerInHandle[R](limiter)`": func(t *testing.T) {
		ours, theirs := spentLimiters(t)
		refuses(t, codes.ResourceExhausted, true, false, grpc.InTapHandle(ductilegrpc.Tap(ductilegrpc.ServerConfig{Limiter: ours})))
		refuses(t, codes.PermissionDenied, false, false, grpc.InTapHandle(failsafegrpc.NewServerInHandle[any](theirs)))
	},
	"`NewServerInHandle[R](bulkhead)`": func(t *testing.T) {
		gate, theirs := bulkhead.NewGate(bulkhead.Config{Limit: 1}), fsbulkhead.New[any](1)
		held := func(tap grpc.ServerOption) (code codes.Code) {
			inside := func(ctx context.Context, client tpb.TestServiceClient) error { // a second call, while the first is served
				_, err := client.UnaryCall(ctx, &tpb.SimpleRequest{ResponseStatus: &tpb.EchoStatus{}})
				code = status.Code(err)
				return nil
			}
			_, err := askServer(t, inside, tap)
			require.NoError(t, err)
			return code
		}
		assert.Equal(t, codes.ResourceExhausted, held(grpc.InTapHandle(ductilegrpc.Tap(ductilegrpc.ServerConfig{Gate: gate}))))
		assert.Equal(t, codes.OK, held(grpc.InTapHandle(failsafegrpc.NewServerInHandle[any](theirs))))
	},
	"a circuit that a handler's call finds open": func(t *testing.T) {
		circuit := breaker.NewCircuit(breaker.Config{})
		circuit.Trip(time.Hour, "test")
		_, open := circuit.Acquire()
		fails := func(err error) func(context.Context, tpb.TestServiceClient) error {
			return func(context.Context, tpb.TestServiceClient) error { return err }
		}
		trailer, err := askServer(t, fails(open), grpc.UnaryInterceptor(ductilegrpc.UnaryServer(ductilegrpc.ServerConfig{})))
		assert.Equal(t, codes.Unavailable, status.Code(err))
		assert.True(t, saysWhen(err))
		assert.Len(t, trailer["grpc-retry-pushback-ms"], 1)
		_, err = askServer(t, fails(circuitbreaker.ErrOpen), grpc.UnaryInterceptor(failsafegrpc.NewUnaryServerInterceptor[any](fsbulkhead.New[any](1))))
		assert.Equal(t, codes.Unknown, status.Code(err))
	},
	"streams": func(t *testing.T) {
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
		place, ok := gate.TryAcquire()
		require.True(t, ok)
		defer place.Release()
		cfg := ductilegrpc.ServerConfig{Gate: gate}
		client := serverOf(t, nil, grpc.StreamInterceptor(ductilegrpc.StreamServer(cfg)))
		stream, err := client.FullDuplexCall(t.Context())
		require.NoError(t, err)
		_, err = stream.Recv()
		assert.Equal(t, codes.Unavailable, status.Code(err))
	},
}

// spentLimiters returns limiters that have their next token in an hour.
func spentLimiters(t *testing.T) (*ratelimit.Limiter, ratelimiter.RateLimiter[any]) {
	t.Helper()
	ours, theirs := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: time.Hour}), ratelimiter.NewBursty[any](1, time.Hour)
	require.True(t, ours.Allow(1))
	require.True(t, theirs.TryAcquirePermit())
	return ours, theirs
}

// refuses calls a server and compares its refusal.
func refuses(t *testing.T, code codes.Code, info, pushback bool, option grpc.ServerOption) {
	t.Helper()
	trailer, err := askServer(t, nil, option)
	assert.Equal(t, code, status.Code(err))
	assert.Equal(t, info, saysWhen(err), "RetryInfo")
	assert.Equal(t, pushback, len(trailer["grpc-retry-pushback-ms"]) == 1, "pushback")
}

// askServer makes a call to a server whose handler is inside.
func askServer(t *testing.T, inside func(context.Context, tpb.TestServiceClient) error, option grpc.ServerOption) (trailer metadata.MD, err error) {
	t.Helper()
	_, err = serverOf(t, inside, option).UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.Trailer(&trailer))
	return trailer, err
}

func saysWhen(err error) bool {
	for _, d := range status.Convert(err).Details() {
		if _, ok := d.(*errdetails.RetryInfo); ok {
			return true
		}
	}
	return false
}

// within is a service whose handler is inside, for calls without a status to echo.
type within struct {
	tpb.UnimplementedTestServiceServer
	inside func(context.Context, tpb.TestServiceClient) error
	client tpb.TestServiceClient
}

func (w *within) UnaryCall(ctx context.Context, r *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
	if w.inside == nil || r.GetResponseStatus() != nil {
		return &tpb.SimpleResponse{}, nil
	}
	return &tpb.SimpleResponse{}, w.inside(ctx, w.client)
}

func (w *within) FullDuplexCall(stream tpb.TestService_FullDuplexCallServer) error {
	_, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func serverOf(t *testing.T, inside func(context.Context, tpb.TestServiceClient) error, option grpc.ServerOption) tpb.TestServiceClient {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer(option)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	w := &within{inside: inside, client: tpb.NewTestServiceClient(conn)}
	tpb.RegisterTestServiceServer(server, w)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
	})
	return w.client
}

// docs/porting-grpc.md, On the server.
func TestTheServerOfThePortingPageIsMade(t *testing.T) {
	limiter, gate := ratelimit.NewLimiter(ratelimit.Config{Limit: 1}), bulkhead.NewGate(bulkhead.Config{Limit: 1})
	server := grpc.NewServer(
		grpc.InTapHandle(ductilegrpc.Tap(ductilegrpc.ServerConfig{Limiter: limiter})),
		grpc.UnaryInterceptor(ductilegrpc.UnaryServer(ductilegrpc.ServerConfig{Gate: gate})),
		grpc.StreamInterceptor(ductilegrpc.StreamServer(ductilegrpc.ServerConfig{Gate: gate})),
	)
	server.Stop()
	assert.True(t, gate.Idle())
}
