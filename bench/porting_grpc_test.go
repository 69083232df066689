package bench_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/failsafegrpc"
	"github.com/failsafe-go/failsafe-go/fallback"
	mwretry "github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/retry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestGRPCRowsDoWhatThePageSays(t *testing.T) {
	for heading, rows := range map[string]map[string]func(*testing.T){
		"## From failsafe-go's failsafegrpc": failsafeGRPCRows,
		"## From go-grpc-middleware's retry": middlewareRows,
	} {
		assert.ElementsMatch(t, rowsOf(t, "../docs/porting-grpc.md", heading), keysOf(rows), heading)
		for row, run := range rows {
			t.Run(heading+" "+row, run)
		}
	}
}

// replies is a server that fails each call and remembers what it was asked.
type replies struct {
	tpb.UnimplementedTestServiceServer
	err    error
	push   string
	silent bool // streams send nothing

	mu       sync.Mutex
	requests int
	numbers  []string
}

func (r *replies) count(ctx context.Context) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	md, _ := metadata.FromIncomingContext(ctx)
	r.numbers = append(r.numbers, md.Get("x-retry-attempt")...)
	return r.requests
}

func (r *replies) seen() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

func (r *replies) UnaryCall(ctx context.Context, _ *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
	r.count(ctx)
	if r.push != "" {
		_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", r.push))
	}
	return nil, r.err
}

// StreamingOutputCall breaks the first stream after three messages.
func (r *replies) StreamingOutputCall(_ *tpb.StreamingOutputCallRequest, out tpb.TestService_StreamingOutputCallServer) error {
	first := r.count(out.Context()) == 1
	if r.silent {
		<-out.Context().Done()
		return nil
	}
	for _, body := range []string{"1", "2", "3"} {
		if err := out.Send(&tpb.StreamingOutputCallResponse{Payload: &tpb.Payload{Body: []byte(body)}}); err != nil {
			return err
		}
	}
	if first {
		return r.err
	}
	return nil
}

// dial serves r and returns a client.
func (r *replies) dial(t *testing.T, opts ...grpc.DialOption) tpb.TestServiceClient {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := grpc.NewServer()
	tpb.RegisterTestServiceServer(g, r)
	go func() { _ = g.Serve(l) }()
	cc, err := grpc.NewClient(l.Addr().String(), append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = cc.Close()
		g.Stop()
	})
	return tpb.NewTestServiceClient(cc)
}

// calls returns how many requests a failing call takes, and its error.
func (r *replies) calls(t *testing.T, opts ...grpc.DialOption) (int, error) {
	t.Helper()
	_, err := r.dial(t, opts...).UnaryCall(t.Context(), &tpb.SimpleRequest{})
	require.Error(t, err)
	return r.seen(), err
}

var errUnavailable = status.Error(codes.Unavailable, "down")

func ourGRPC(cfg ductilegrpc.Config) []grpc.DialOption {
	if cfg.Pipeline == nil {
		cfg.Retry.Clock = fake.NewClock(fake.AutoAdvance())
	}
	return ductilegrpc.DialOptions(cfg)
}

func failsafeWay() grpc.DialOption {
	return grpc.WithUnaryInterceptor(failsafegrpc.NewUnaryClientInterceptor(failsafegrpc.NewRetryPolicyBuilder[grpcReply]().Build()))
}

func middlewareWay(opts ...mwretry.CallOption) []grpc.DialOption {
	opts = append([]mwretry.CallOption{mwretry.WithMax(3), mwretry.WithBackoff(mwretry.BackoffLinear(time.Microsecond))}, opts...)
	return []grpc.DialOption{
		grpc.WithUnaryInterceptor(mwretry.UnaryClientInterceptor(opts...)),
		grpc.WithStreamInterceptor(mwretry.StreamClientInterceptor(opts...)),
	}
}

// takes tests how many requests each side makes for a call that fails with err.
func takes(err error, push string, there grpc.DialOption, atTheirs, atOurs int) func(*testing.T) {
	return func(t *testing.T) {
		n, _ := (&replies{err: err, push: push}).calls(t, there)
		assert.Equal(t, atTheirs, n, "there")
		n, _ = (&replies{err: err, push: push}).calls(t, ourGRPC(ductilegrpc.Config{})...)
		assert.Equal(t, atOurs, n, "here")
	}
}

var failsafeGRPCRows = map[string]func(*testing.T){
	"`NewUnaryClientInterceptor[R](policies...)`": func(t *testing.T) {
		circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		policies := []policy.Policy[*ductilegrpc.Reply]{
			retry.New[*ductilegrpc.Reply](retry.Config{BaseDelay: retry.NoDelay}), breaker.New[*ductilegrpc.Reply](circuit),
		}
		theirs := circuitbreaker.NewBuilder[grpcReply]().WithFailureThreshold(1).Build()
		n, _ := (&replies{err: errUnavailable}).calls(t, grpc.WithUnaryInterceptor(
			failsafegrpc.NewUnaryClientInterceptor(failsafegrpc.NewRetryPolicyBuilder[grpcReply]().Build(), theirs)))
		assert.Equal(t, 1, n, "there")
		n, _ = (&replies{err: errUnavailable}).calls(t, ourGRPC(ductilegrpc.Config{Pipeline: pipeline.New(policies...)})...)
		assert.Equal(t, 1, n, "here")
	},
	"`NewRetryPolicyBuilder[R]()`": func(t *testing.T) {
		takes(errUnavailable, "", failsafeWay(), 3, 3)(t)
		takes(status.Error(codes.DeadlineExceeded, ""), "", failsafeWay(), 3, 1)(t)
	},
	"ResourceExhausted": takes(status.Error(codes.ResourceExhausted, ""), "", failsafeWay(), 3, 1),
	"`fallback.NewWithResult(reply)`": func(t *testing.T) {
		reply := &tpb.SimpleResponse{Username: "cached"}
		c := (&replies{err: errUnavailable}).dial(t, grpc.WithUnaryInterceptor(failsafegrpc.NewUnaryClientInterceptor(fallback.NewWithResult(reply))))
		got, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.NoError(t, err)
		assert.Empty(t, got.GetUsername(), "there")
		c = (&replies{err: errUnavailable}).dial(t, ourGRPC(ductilegrpc.Config{Pipeline: pipeline.New[*ductilegrpc.Reply](
			policy.FallbackValue(&ductilegrpc.Reply{Message: reply}))})...)
		got, err = c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.NoError(t, err)
		assert.Equal(t, "cached", got.GetUsername(), "here")
	},
	"`hedgepolicy`": func(t *testing.T) {
		// The same attempts, one after the other, show into which message each would write.
		assert.Len(t, messagesOf(t, failsafegrpc.NewUnaryClientInterceptor(failsafegrpc.NewRetryPolicyBuilder[grpcReply]().Build())), 1, "there")
		assert.Len(t, messagesOf(t, ductilegrpc.UnaryClient(ductilegrpc.Config{
			Hedge: &hedge.Config{OnFailure: true, Delay: time.Hour, Budget: hedge.NoBudget, MaxExtra: 2}, Idempotent: func(string) bool { return true },
			Retry: retry.Config{MaxAttempts: 1},
		})), 3, "here")
	},
	"pushback -1": takes(errUnavailable, "-1", failsafeWay(), 3, 1),
	"an open circuit": func(t *testing.T) {
		theirs := circuitbreaker.NewWithDefaults[grpcReply]()
		theirs.Open()
		n, err := (&replies{}).calls(t, grpc.WithUnaryInterceptor(failsafegrpc.NewUnaryClientInterceptor(theirs)))
		assert.Zero(t, n)
		assert.Equal(t, codes.Unknown, status.Code(err), "there")
		circuit := breaker.NewCircuit(breaker.Config{})
		circuit.Trip(0, "")
		n, err = (&replies{}).calls(t, ourGRPC(ductilegrpc.Config{Circuit: circuit})...)
		assert.Zero(t, n)
		assert.Equal(t, codes.Unavailable, status.Code(err), "here")
		assert.Len(t, status.Convert(err).Details(), 1)
	},
}

// messagesOf returns the messages that the attempts of a failing call would be unmarshaled
// into.
func messagesOf(t *testing.T, unary grpc.UnaryClientInterceptor) map[any]bool {
	t.Helper()
	into := map[any]bool{}
	attempts := 0
	err := unary(t.Context(), "/grpc.testing.TestService/UnaryCall", &tpb.SimpleRequest{}, &tpb.SimpleResponse{}, nil,
		func(_ context.Context, _ string, _, reply any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
			attempts++
			into[reply] = true
			return errUnavailable
		})
	require.Error(t, err)
	require.Equal(t, 3, attempts)
	return into
}

var middlewareRows = map[string]func(*testing.T){
	"`WithMax(3)`": func(t *testing.T) {
		takes(errUnavailable, "", middlewareWay()[0], 3, 3)(t)
		n, _ := (&replies{err: errUnavailable}).calls(t, middlewareWay(mwretry.WithMax(0))...)
		assert.Equal(t, 1, n, "there")
	},
	"`DefaultRetriableCodes`": takes(status.Error(codes.ResourceExhausted, ""), "", middlewareWay()[0], 3, 1),
	"`WithPerRetryTimeout(d)`": func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := (&replies{silent: true}).dial(t, middlewareWay(mwretry.WithPerRetryTimeout(time.Millisecond))...).
			StreamingOutputCall(ctx, &tpb.StreamingOutputCallRequest{})
		require.NoError(t, err)
		_, limited := s.Context().Deadline()
		assert.False(t, limited, "there")
		cancel()
		_, err = s.Recv()
		require.Error(t, err)

		s, err = (&replies{silent: true}).dial(t, ductilegrpc.DialOptions(ductilegrpc.Config{AttemptTimeout: time.Millisecond})...).
			StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
		if err == nil {
			_, err = s.Recv()
		}
		assert.Equal(t, codes.DeadlineExceeded, status.Code(err), "here")
	},
	"`StreamClientInterceptor`": func(t *testing.T) {
		assert.Equal(t, "123123", messagesRead(t, middlewareWay()), "there")
		assert.Equal(t, "123", messagesRead(t, ourGRPC(ductilegrpc.Config{})), "here")
	},
	"pushback -1": takes(errUnavailable, "-1", middlewareWay()[0], 3, 1),
	"`Disable()`": func(t *testing.T) {
		for _, way := range []struct {
			dial []grpc.DialOption
			opt  grpc.CallOption
		}{{middlewareWay(), mwretry.Disable()}, {ourGRPC(ductilegrpc.Config{}), ductilegrpc.NoRetry()}} {
			r := &replies{err: errUnavailable}
			_, err := r.dial(t, way.dial...).UnaryCall(t.Context(), &tpb.SimpleRequest{}, way.opt)
			require.Error(t, err)
			assert.Equal(t, 1, r.seen())
		}
	},
	"`AttemptMetadataKey`": func(t *testing.T) {
		r := &replies{err: errUnavailable}
		_, _ = r.calls(t, middlewareWay()...)
		assert.Equal(t, []string{"1", "2"}, r.numbers, "there")
		r = &replies{err: errUnavailable}
		_, _ = r.calls(t, ourGRPC(ductilegrpc.Config{AttemptHeader: "x-retry-attempt"})...)
		assert.Equal(t, []string{"2", "3"}, r.numbers, "here")
	},
	"a service config with retries": func(t *testing.T) {
		config := grpc.WithDefaultServiceConfig(`{"methodConfig":[{"name":[{}],"retryPolicy":{"maxAttempts":4,"initialBackoff":"0.001s","maxBackoff":"0.001s","backoffMultiplier":1,"retryableStatusCodes":["UNAVAILABLE"]}}]}`)
		n, _ := (&replies{err: errUnavailable}).calls(t, append(middlewareWay(), config)...)
		assert.Equal(t, 12, n, "there")
		n, _ = (&replies{err: errUnavailable}).calls(t, append(ourGRPC(ductilegrpc.Config{}), config)...)
		assert.Equal(t, 3, n, "here")
	},
}

// messagesRead reads a stream that breaks after three messages the first time.
func messagesRead(t *testing.T, opts []grpc.DialOption) (got string) {
	t.Helper()
	s, err := (&replies{err: errUnavailable}).dial(t, opts...).StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	for {
		m, err := s.Recv()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				assert.Equal(t, codes.Unavailable, status.Code(err))
			}
			return got
		}
		got += string(m.GetPayload().GetBody())
	}
}
