package ductilegrpc_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/internal/yield"
	"github.com/ductile-go/ductile/policy"
)

const (
	streamMethod = "/grpc.testing.TestService/FullDuplexCall"
	pushback     = "grpc-retry-pushback-ms"
)

type duplex = grpc.BidiStreamingServer[tpb.StreamingOutputCallRequest, tpb.StreamingOutputCallResponse]

// backend is a service whose handlers are functions. A nil function succeeds at once.
type backend struct {
	tpb.UnimplementedTestServiceServer
	unary  func(ctx context.Context) error
	stream func(stream duplex) error
}

func (b *backend) UnaryCall(ctx context.Context, r *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
	if b.unary != nil {
		if err := b.unary(ctx); err != nil {
			return nil, err
		}
	}
	return &tpb.SimpleResponse{Payload: r.GetPayload()}, nil
}

func (b *backend) FullDuplexCall(stream duplex) error {
	if b.stream == nil {
		return nil
	}
	return b.stream(stream)
}

// running is a server on loopback with a client.
type running struct {
	tpb.TestServiceClient
	server *grpc.Server
	addr   string
}

// run starts a server and a client, which end with the test.
func run(t *testing.T, b *backend, options []grpc.ServerOption, dial ...grpc.DialOption) *running {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer(options...)
	tpb.RegisterTestServiceServer(s, b)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	dial = append(dial, grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient(listener.Addr().String(), dial...)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, conn.Close())
		s.Stop()
		if err := <-ended; !errors.Is(err, grpc.ErrServerStopped) { // it was stopped before it served
			assert.NoError(t, err)
		}
	})
	return &running{tpb.NewTestServiceClient(conn), s, listener.Addr().String()}
}

// interceptors returns the options that put cfg before all handlers of a server.
func interceptors(cfg ductilegrpc.ServerConfig) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(ductilegrpc.UnaryServer(cfg)), grpc.ChainStreamInterceptor(ductilegrpc.StreamServer(cfg)),
	}
}

// call makes a unary call and returns its error and trailer.
func (r *running) call(ctx context.Context) (metadata.MD, error) {
	var trailer metadata.MD
	_, err := r.UnaryCall(ctx, &tpb.SimpleRequest{}, grpc.Trailer(&trailer))
	return trailer, err
}

// open makes a stream that sends nothing and waits for its end.
func (r *running) open(ctx context.Context) (metadata.MD, error) {
	stream, err := r.FullDuplexCall(ctx)
	if err != nil {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	_, err = stream.Recv()
	return stream.Trailer(), err
}

// retryInfo returns the wait in the details of an error's status, or 0.
func retryInfo(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// direct runs a handler in an interceptor for unary calls, without a server.
func direct(ctx context.Context, cfg ductilegrpc.ServerConfig, handler func(ctx context.Context) error) error {
	_, err := ductilegrpc.UnaryServer(cfg)(ctx, nil, &grpc.UnaryServerInfo{FullMethod: unaryMethod}, func(ctx context.Context, _ any) (any, error) {
		return "reply", handler(ctx)
	})
	return err
}

func succeed(context.Context) error { return nil }

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	require.True(t, yield.Until(done), what)
}

// signal returns an observer that passes the kind of each event of the given kinds to a
// channel.
func signal(kinds ...policy.EventKind) (policy.Observer, <-chan policy.EventKind) {
	heard := make(chan policy.EventKind, 10_000)
	return func(_ context.Context, e policy.Event) {
		for _, k := range kinds {
			if e.Kind == k {
				heard <- k
			}
		}
	}, heard
}

// block returns a handler that reports its start, and returns when it is released or its
// context ends.
func block() (handler func(context.Context) error, started <-chan struct{}, release chan<- struct{}) {
	begun, released := make(chan struct{}, 10_000), make(chan struct{})
	return func(ctx context.Context) error {
		begun <- struct{}{}
		select {
		case <-released:
			return nil
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}, begun, released
}

func code(err error) codes.Code { return status.Code(err) }
