package ductilegrpc_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/yield"
	"github.com/ductile-go/ductile/retry"

	"time"
)

const unaryMethod = "/grpc.testing.TestService/UnaryCall"

// service is a server whose methods are functions of the test.
type service struct {
	tpb.UnimplementedTestServiceServer
	unary  func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error)
	stream func(*tpb.StreamingOutputCallRequest, tpb.TestService_StreamingOutputCallServer) error
	upload func(tpb.TestService_StreamingInputCallServer) error
	duplex func(tpb.TestService_FullDuplexCallServer) error
}

func (s *service) UnaryCall(ctx context.Context, r *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
	return s.unary(ctx, r)
}

func (s *service) StreamingOutputCall(r *tpb.StreamingOutputCallRequest, out tpb.TestService_StreamingOutputCallServer) error {
	return s.stream(r, out)
}

func (s *service) StreamingInputCall(in tpb.TestService_StreamingInputCallServer) error {
	return s.upload(in)
}

func (s *service) FullDuplexCall(both tpb.TestService_FullDuplexCallServer) error {
	return s.duplex(both)
}

// listen serves s on loopback and returns the server and its address.
func listen(t testing.TB, s *service, opts ...grpc.ServerOption) (*grpc.Server, string) {
	t.Helper()
	l := listener(t)
	return listenOn(t, l, s, opts...), l.Addr().String()
}

func listener(t testing.TB) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func listenOn(t testing.TB, l net.Listener, s *service, opts ...grpc.ServerOption) *grpc.Server {
	t.Helper()
	g := grpc.NewServer(opts...)
	tpb.RegisterTestServiceServer(g, s)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = g.Serve(l)
	}()
	t.Cleanup(func() {
		g.Stop()
		<-served
	})
	return g
}

var plaintext = grpc.WithTransportCredentials(insecure.NewCredentials())

// connect returns a client of the target.
func connect(t testing.TB, target string, opts ...grpc.DialOption) tpb.TestServiceClient {
	t.Helper()
	return tpb.NewTestServiceClient(connection(t, target, opts...))
}

func connection(t testing.TB, target string, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(target, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

// client serves s and returns a client of it with cfg.
func client(t testing.TB, s *service, cfg ductilegrpc.Config, opts ...grpc.DialOption) tpb.TestServiceClient {
	t.Helper()
	_, addr := listen(t, s)
	return connect(t, addr, append(append(ductilegrpc.DialOptions(cfg), plaintext), opts...)...)
}

// swift is a retry that waits on a virtual clock which moves by itself.
func swift() (retry.Config, *fake.Clock) {
	clk := fake.NewClock(fake.AutoAdvance())
	return retry.Config{Clock: clk, JitterFactor: retry.NoJitter}, clk
}

func always(string) bool { return true }

// failing returns a unary method that always fails with err, and counts the calls.
func failing(err error) (func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error), *counter) {
	n := new(counter)
	return func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		n.Add(1)
		return nil, err
	}, n
}

func named(name string) *tpb.SimpleResponse { return &tpb.SimpleResponse{Username: name} }

// detailed returns a status with details.
func detailed(code codes.Code, text string, details ...protoadapt.MessageV1) error {
	st, err := status.New(code, text).WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return st.Err()
}

func retryIn(d time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(d)}
}

// pushBack sends pushbacks with a failure.
func pushBack(ctx context.Context, err error, values ...string) error {
	md := metadata.MD{"grpc-retry-pushback-ms": values}
	if e := grpc.SetTrailer(ctx, md); e != nil {
		return e
	}
	return err
}

// settled waits until what goroutines are about to do is done.
func settled(t testing.TB, done func() bool) {
	t.Helper()
	assert.True(t, yield.Until(done))
}
