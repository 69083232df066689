package ductilegrpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/retry"
)

func TestAMessageBeyondALimitIsTheRequestsOwnFault(t *testing.T) {
	large := &tpb.Payload{Body: make([]byte, 5<<20)}
	var n counter
	s := &service{unary: func(_ context.Context, r *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		n.Add(1)
		return &tpb.SimpleResponse{Payload: &tpb.Payload{Body: make([]byte, r.GetResponseSize())}}, nil
	}, stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		n.Add(1)
		return out.Send(&tpb.StreamingOutputCallResponse{Payload: large})
	}}
	for name, row := range map[string]struct {
		req  *tpb.SimpleRequest
		opts []grpc.CallOption
		ran  int64
	}{
		"the server's limit":             {&tpb.SimpleRequest{Payload: large}, nil, 0},
		"the client's limit of sending":  {&tpb.SimpleRequest{Payload: large}, []grpc.CallOption{grpc.MaxCallSendMsgSize(4 << 20)}, 0},
		"the client's limit of replies":  {&tpb.SimpleRequest{ResponseSize: 5 << 20}, nil, 1},
		"the client's limit of a stream": {nil, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			n.Store(0)
			circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
			c := client(t, s, ductilegrpc.Config{Circuit: circuit, Idempotent: always})
			var err error
			if row.req == nil {
				var out tpb.TestService_StreamingOutputCallClient
				out, err = c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
				require.NoError(t, err)
				_, err = out.Recv()
			} else {
				_, err = c.UnaryCall(t.Context(), row.req, row.opts...)
			}
			assert.Equal(t, codes.ResourceExhausted, status.Code(err))
			assert.NotErrorIs(t, err, retry.ErrGaveUp)
			assert.EqualValues(t, row.ran, n.Load())
			assert.Equal(t, breaker.Counts{Ignored: 1}, circuit.Snapshot().Counts)
		})
	}
}

func TestARequestThatCannotBeSentIsItsOwnFault(t *testing.T) {
	invalid := "\xff"
	for name, call := range map[string]func(context.Context, tpb.TestServiceClient) error{
		"a string that is not UTF-8": func(ctx context.Context, c tpb.TestServiceClient) error {
			_, err := c.UnaryCall(ctx, &tpb.SimpleRequest{ResponseStatus: &tpb.EchoStatus{Message: invalid}})
			return err
		},
		"metadata": func(ctx context.Context, c tpb.TestServiceClient) error {
			_, err := c.UnaryCall(metadata.AppendToOutgoingContext(ctx, "k", "\n"), &tpb.SimpleRequest{})
			return err
		},
		"a compressor": func(ctx context.Context, c tpb.TestServiceClient) error {
			_, err := c.UnaryCall(ctx, &tpb.SimpleRequest{}, grpc.UseCompressor("none"))
			return err
		},
		"metadata of a stream": func(ctx context.Context, c tpb.TestServiceClient) error {
			_, err := c.StreamingOutputCall(metadata.AppendToOutgoingContext(ctx, "k", "\n"), &tpb.StreamingOutputCallRequest{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
			c := client(t, &service{}, ductilegrpc.Config{Circuit: circuit, Idempotent: always})
			err := call(t.Context(), c)
			assert.Equal(t, codes.Internal, status.Code(err))
			assert.NotErrorIs(t, err, retry.ErrGaveUp)
			assert.Equal(t, breaker.Counts{Ignored: 1}, circuit.Snapshot().Counts)
		})
	}
}

func TestAReplyThatTheServerCannotSendIsTheServersFault(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	c := client(t, &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		return named("\xff"), nil
	}}, ductilegrpc.Config{Circuit: circuit})
	_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	assert.Equal(t, codes.Internal, status.Code(err))
	assert.Equal(t, breaker.Counts{Failures: 1}, circuit.Snapshot().Counts)
}

// token is per-RPC credentials that fail.
type token struct{ err error }

func (k token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return nil, k.err
}

func (token) RequireTransportSecurity() bool { return false }

func TestCredentialsThatFailAreFinal(t *testing.T) {
	circuit := func() *breaker.Circuit { return breaker.NewCircuit(breaker.Config{Window: time.Hour}) }
	unary, n := failing(nil)
	expired := token{errors.New("the token has expired")}

	own := circuit()
	c := client(t, &service{unary: unary}, ductilegrpc.Config{Circuit: own, Idempotent: always}, grpc.WithPerRPCCredentials(expired))
	_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
	assert.Equal(t, breaker.Counts{Ignored: 1}, own.Snapshot().Counts, "of the client: the server was not asked")

	own = circuit()
	c = client(t, &service{unary: unary}, ductilegrpc.Config{Circuit: own, Idempotent: always})
	_, err = c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.PerRPCCredentials(expired))
	assert.Equal(t, codes.Internal, status.Code(err), "gRPC's code for those of one call")
	assert.NotErrorIs(t, err, retry.ErrGaveUp)
	assert.Equal(t, breaker.Counts{Ignored: 1}, own.Snapshot().Counts, "of one call")

	own = circuit()
	_, addr := listen(t, &service{unary: unary}, grpc.Creds(credentials.NewServerTLSFromCert(selfSigned(t))))
	c = connect(t, addr, append(ductilegrpc.DialOptions(ductilegrpc.Config{Circuit: own}),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13})))...)
	_, err = c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.ErrorContains(t, err, "failed to verify certificate")
	assert.NotErrorIs(t, err, retry.ErrGaveUp)
	assert.Equal(t, breaker.Counts{Failures: 1}, own.Snapshot().Counts, "of the server")
	assert.Zero(t, n.Load())
}

func TestAResolverThatKnowsNoAddressIsUnavailable(t *testing.T) {
	for name, update := range map[string]func(*manual.Resolver){
		"no address": func(r *manual.Resolver) { r.InitialState(resolver.State{}) },
		"an error": func(r *manual.Resolver) {
			r.BuildCallback = func(_ resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) {
				cc.ReportError(errors.New("no such host"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, clk := swift()
			circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour, FailureThreshold: 100, Clock: clk})
			r := manual.NewBuilderWithScheme("nowhere")
			update(r)
			c := connect(t, "nowhere:///x", append(ductilegrpc.DialOptions(ductilegrpc.Config{Retry: cfg, Circuit: circuit}), plaintext, grpc.WithResolvers(r))...)
			_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
			assert.Equal(t, codes.Unavailable, status.Code(err))
			require.ErrorIs(t, err, retry.ErrExhausted)
			_, err = c.FullDuplexCall(t.Context())
			assert.Equal(t, codes.Unavailable, status.Code(err))
			_, err = c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
			assert.Equal(t, codes.Unavailable, status.Code(err))
			assert.Equal(t, breaker.Counts{Failures: 9}, circuit.Snapshot().Counts)
			assert.Len(t, clk.Sleeps(), 6)
		})
	}
}

func TestAnotherInterceptorsErrorIsUnknown(t *testing.T) {
	cfg, _ := swift()
	for _, idempotent := range []bool{true, false} {
		var n counter
		c := client(t, &service{}, ductilegrpc.Config{Retry: cfg, Idempotent: func(string) bool { return idempotent }},
			grpc.WithChainUnaryInterceptor(func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
				n.Add(1)
				return fmt.Errorf("of another interceptor: %w", errBoom)
			}))
		_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.ErrorIs(t, err, errBoom)
		if idempotent {
			assert.EqualValues(t, 3, n.Load())
			require.ErrorIs(t, err, retry.ErrExhausted)
		} else {
			assert.EqualValues(t, 1, n.Load())
		}
	}
}

var errBoom = errors.New("boom")
