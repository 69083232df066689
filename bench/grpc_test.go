package bench_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/failsafegrpc"
	mwretry "github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/retry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	tpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

func init() {
	workloads["GRPCUnary"] = workload{always(succeed), grpcUnary}
	workloads["GRPCLoopback"] = workload{always(succeed), sync.OnceValue(grpcLoopback)}
}

func BenchmarkGRPCUnary(b *testing.B)    { measure(b, "GRPCUnary") }
func BenchmarkGRPCLoopback(b *testing.B) { measure(b, "GRPCLoopback") }

func TestGRPCInterceptorsCallOnce(t *testing.T) { succeeds(t, "GRPCUnary") }

func TestGRPCClientsGetTheirAnswers(t *testing.T) {
	for _, c := range workloads["GRPCLoopback"].contenders() {
		t.Run(c.lib, func(t *testing.T) {
			v, err := c.bind(succeed)(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 7, v)
		})
	}
}

// wired is a library's way into gRPC.
type wired struct {
	lib string
	// unary is nil for gRPC alone.
	unary func() grpc.UnaryClientInterceptor
	more  []grpc.DialOption
}

type grpcReply = *tpb.SimpleResponse

const grpcRetryConfig = `{"methodConfig":[{"name":[{}],"retryPolicy":{"maxAttempts":3,"initialBackoff":"0.5s","maxBackoff":"4s","backoffMultiplier":2,"retryableStatusCodes":["UNAVAILABLE"]}}]}`

func grpcWays() []wired {
	off := []grpc.DialOption{grpc.WithDisableRetry()}
	onlyRetry := pipeline.New[*ductilegrpc.Reply](retry.New[*ductilegrpc.Reply](retry.Config{}))
	failsafeRetry := func() failsafe.Policy[grpcReply] { return failsafegrpc.NewRetryPolicyBuilder[grpcReply]().Build() }
	return []wired{
		{"grpc", nil, off},
		{"grpc-retry", nil, []grpc.DialOption{grpc.WithDefaultServiceConfig(grpcRetryConfig)}},
		{"ductile", func() grpc.UnaryClientInterceptor { return ductilegrpc.UnaryClient(ductilegrpc.Config{}) }, off},
		{"ductile-retry", func() grpc.UnaryClientInterceptor {
			return ductilegrpc.UnaryClient(ductilegrpc.Config{Pipeline: onlyRetry})
		}, off},
		{"failsafe", func() grpc.UnaryClientInterceptor {
			return failsafegrpc.NewUnaryClientInterceptor(failsafeRetry(), circuitbreaker.NewWithDefaults[grpcReply]())
		}, off},
		{"failsafe-retry", func() grpc.UnaryClientInterceptor {
			return failsafegrpc.NewUnaryClientInterceptor(failsafeRetry())
		}, off},
		{"middleware-retry", func() grpc.UnaryClientInterceptor { return mwretry.UnaryClientInterceptor(mwretry.WithMax(3)) }, off},
	}
}

// grpcUnary has interceptors call an invoker that answers at once.
func grpcUnary() []contender {
	all := []contender{bare}
	for _, w := range grpcWays() {
		if w.unary == nil {
			continue
		}
		unary := w.unary()
		all = append(all, contender{w.lib, func(f callee) call {
			req, reply := &tpb.SimpleRequest{}, &tpb.SimpleResponse{}
			var v int
			invoker := func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) (err error) {
				v, err = f.fn(ctx)
				return err
			}
			return func(ctx context.Context) (int, error) {
				err := unary(ctx, "/grpc.testing.TestService/UnaryCall", req, reply, nil, invoker)
				return v, err
			}
		}})
	}
	return all
}

type grpcServer struct {
	tpb.UnimplementedTestServiceServer
}

func (grpcServer) UnaryCall(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
	return &tpb.SimpleResponse{Username: "hello, hello, hello"}, nil
}

// grpcLoopback gives all clients one server, which lives as long as the process.
func grpcLoopback() (all []contender) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	g := grpc.NewServer()
	tpb.RegisterTestServiceServer(g, grpcServer{})
	go func() { _ = g.Serve(l) }()
	for _, w := range grpcWays() {
		opts := append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, w.more...)
		if w.unary != nil {
			opts = append(opts, grpc.WithChainUnaryInterceptor(w.unary()))
		}
		cc, err := grpc.NewClient(l.Addr().String(), opts...)
		if err != nil {
			panic(err)
		}
		c := tpb.NewTestServiceClient(cc)
		all = append(all, contender{w.lib, func(callee) call {
			req := &tpb.SimpleRequest{}
			return func(ctx context.Context) (int, error) {
				if _, err := c.UnaryCall(ctx, req); err != nil {
					return 0, err
				}
				return 7, nil
			}
		}})
	}
	return all
}
