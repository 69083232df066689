package ductilegrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// dialExample serves s in memory and returns a client with cfg.
func dialExample(s *service, cfg ductilegrpc.Config) (c tpb.TestServiceClient, done func()) {
	l := bufconn.Listen(1 << 16)
	g := grpc.NewServer()
	tpb.RegisterTestServiceServer(g, s)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = g.Serve(l)
	}()
	cc, err := grpc.NewClient("passthrough:///shop", append(ductilegrpc.DialOptions(cfg),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))...)
	if err != nil {
		panic(err)
	}
	return tpb.NewTestServiceClient(cc), func() {
		_ = cc.Close()
		g.Stop()
		<-served
	}
}

// flaky fails the first two calls.
func flaky() *service {
	var n atomic.Int64
	return &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		if n.Add(1) < 3 {
			return nil, status.Error(codes.Unavailable, "starting")
		}
		return &tpb.SimpleResponse{Username: "ada"}, nil
	}}
}

func ExampleDialOptions() {
	c, done := dialExample(flaky(), ductilegrpc.Config{Retry: retry.Config{BaseDelay: time.Millisecond}})
	defer done()
	r, err := c.UnaryCall(context.Background(), &tpb.SimpleRequest{})
	fmt.Println(r.GetUsername(), err)
	// Output: ada <nil>
}

func ExampleUnaryClient() {
	down := &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		return nil, status.Error(codes.Unavailable, "maintenance")
	}}
	circuit := breaker.NewCircuit(breaker.Config{Name: "users", FailureThreshold: 2})
	c, done := dialExample(down, ductilegrpc.Config{Circuit: circuit, Retry: retry.Config{BaseDelay: time.Millisecond}})
	defer done()
	_, err := c.UnaryCall(context.Background(), &tpb.SimpleRequest{})
	fmt.Println(status.Code(err), status.Convert(err).Message())
	fmt.Println("refused by the circuit:", errors.Is(err, breaker.ErrOpen))
	fmt.Println("gave up:", errors.Is(err, retry.ErrGaveUp))
	// Output:
	// Unavailable maintenance
	// refused by the circuit: true
	// gave up: true
}

func ExampleStreamClient() {
	var n atomic.Int64
	numbers := &service{stream: func(_ *tpb.StreamingOutputCallRequest, out tpb.TestService_StreamingOutputCallServer) error {
		if n.Add(1) == 1 {
			return status.Error(codes.Unavailable, "starting")
		}
		return sendNumbers(out, 1, 3)
	}}
	c, done := dialExample(numbers, ductilegrpc.Config{
		Retry:          retry.Config{BaseDelay: time.Millisecond},
		AttemptTimeout: 10 * time.Second, // to the first message
		IdleTimeout:    time.Minute,      // between messages
	})
	defer done()
	s, err := c.StreamingOutputCall(context.Background(), &tpb.StreamingOutputCallRequest{})
	for err == nil {
		var m *tpb.StreamingOutputCallResponse
		if m, err = s.Recv(); err == nil {
			fmt.Println(string(m.GetPayload().GetBody()))
		}
	}
	fmt.Println(errors.Is(err, io.EOF))
	// Output:
	// 1
	// 2
	// 3
	// true
}

func ExampleReply() {
	down := &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		return nil, status.Error(codes.Unavailable, "maintenance")
	}}
	c, done := dialExample(down, ductilegrpc.Config{Pipeline: pipeline.New[*ductilegrpc.Reply](
		policy.FallbackValue(&ductilegrpc.Reply{Message: &tpb.SimpleResponse{Username: "unknown"}}),
		retry.New[*ductilegrpc.Reply](retry.Config{BaseDelay: time.Millisecond}),
	)})
	defer done()
	r, err := c.UnaryCall(context.Background(), &tpb.SimpleRequest{})
	fmt.Println(r.GetUsername(), err)
	// Output: unknown <nil>
}

func ExampleWithPipeline() {
	once := pipeline.New[*ductilegrpc.Reply](policy.Timeout[*ductilegrpc.Reply](time.Minute))
	c, done := dialExample(flaky(), ductilegrpc.Config{})
	defer done()
	_, err := c.UnaryCall(context.Background(), &tpb.SimpleRequest{}, ductilegrpc.WithPipeline(once))
	fmt.Println(err)
	// Output: rpc error: code = Unavailable desc = starting
}

func ExampleNoRetry() {
	c, done := dialExample(flaky(), ductilegrpc.Config{})
	defer done()
	_, err := c.UnaryCall(context.Background(), &tpb.SimpleRequest{}, ductilegrpc.NoRetry())
	fmt.Println(err)
	// Output: rpc error: code = Unavailable desc = starting
}

// One circuit and one gate for each tenant, inside of other policies.
func ExampleBreaker() {
	circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{
		Make: func(tenant string) *breaker.Circuit { return breaker.NewCircuit(breaker.Config{Name: tenant}) },
	})
	tenant := func(context.Context) (string, bool) { return "acme", true }
	c, done := dialExample(flaky(), ductilegrpc.Config{Pipeline: pipeline.New(
		policy.Policy[*ductilegrpc.Reply](retry.New[*ductilegrpc.Reply](retry.Config{BaseDelay: time.Millisecond})),
		keyed.Policy(circuits, tenant, ductilegrpc.Breaker),
	)})
	defer done()
	r, err := c.UnaryCall(context.Background(), &tpb.SimpleRequest{})
	acme, _ := circuits.Lookup("acme")
	fmt.Println(r.GetUsername(), err, acme.State())
	// Output: ada <nil> closed
}

func ExampleBulkhead() {
	gate := bulkhead.NewGate(bulkhead.Config{Name: "users", Limit: 1})
	c, done := dialExample(flaky(), ductilegrpc.Config{Pipeline: pipeline.New[*ductilegrpc.Reply](ductilegrpc.Bulkhead(gate))})
	defer done()
	_, err := c.UnaryCall(context.Background(), &tpb.SimpleRequest{})
	fmt.Println(status.Code(err), gate.Snapshot().InUse)
	// Output: Unavailable 0
}
