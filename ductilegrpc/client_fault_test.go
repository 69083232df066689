package ductilegrpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestAPushbackIsKeptExactly(t *testing.T) {
	for _, row := range []struct {
		values []string
		sleeps []time.Duration
	}{
		{[]string{"40"}, []time.Duration{40 * time.Millisecond, 40 * time.Millisecond}},
		{[]string{"0"}, []time.Duration{}},
		{[]string{"30000"}, []time.Duration{30 * time.Second, 30 * time.Second}},
	} {
		cfg, clk := swift()
		cfg.JitterFactor = 0.5
		var n counter
		c := client(t, &service{unary: func(ctx context.Context, _ *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
			n.Add(1)
			return nil, pushBack(ctx, detailed(codes.ResourceExhausted, "busy", retryIn(time.Hour)), row.values...)
		}}, ductilegrpc.Config{Retry: cfg, TotalTimeout: -1})
		_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		assert.Equal(t, codes.ResourceExhausted, status.Code(err))
		assert.EqualValues(t, 3, n.Load(), row.values)
		if len(row.sleeps) == 0 {
			assert.LessOrEqual(t, len(clk.Sleeps()), 2)
			continue
		}
		assert.Equal(t, row.sleeps, clk.Sleeps())
	}
}

func TestAPushbackThatIsNoWaitEndsTheCall(t *testing.T) {
	for _, values := range [][]string{{"-1"}, {"x"}, {""}, {"1.5"}, {"40", "40"}, {"99999999999999999999"}} {
		unary := new(counter)
		c := client(t, &service{unary: func(ctx context.Context, _ *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
			unary.Add(1)
			return nil, pushBack(ctx, status.Error(codes.Unavailable, "do not retry"), values...)
		}, stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
			unary.Add(1)
			out.SetTrailer(metadata.MD{"grpc-retry-pushback-ms": values})
			return status.Error(codes.Unavailable, "do not retry")
		}}, ductilegrpc.Config{Idempotent: always})
		_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		assert.EqualError(t, err, "rpc error: code = Unavailable desc = do not retry")
		assert.EqualValues(t, 1, unary.Load(), values)
		s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
		require.NoError(t, err)
		_, err = s.Recv()
		assert.EqualError(t, err, "rpc error: code = Unavailable desc = do not retry")
		assert.EqualValues(t, 2, unary.Load(), values)
	}
}

func TestRetryInfoIsTheLeastWait(t *testing.T) {
	cfg, clk := swift()
	unary, _ := failing(detailed(codes.Unavailable, "busy", retryIn(700*time.Millisecond), retryIn(time.Millisecond)))
	_, err := client(t, &service{unary: unary}, ductilegrpc.Config{Retry: cfg}).UnaryCall(t.Context(), &tpb.SimpleRequest{})
	require.Error(t, err)
	assert.Equal(t, []time.Duration{700 * time.Millisecond, time.Second}, clk.Sleeps())
}

func TestAWaitBeyondTheLimitEndsTheCall(t *testing.T) {
	for name, fail := range map[string]func(context.Context) error{
		"pushback": func(ctx context.Context) error {
			return pushBack(ctx, status.Error(codes.Unavailable, "busy"), "30001")
		},
		"huge": func(ctx context.Context) error {
			return pushBack(ctx, status.Error(codes.Unavailable, "busy"), "9223372036854775807")
		},
		"RetryInfo": func(context.Context) error { return detailed(codes.Unavailable, "busy", retryIn(31*time.Second)) },
	} {
		cfg, clk := swift()
		var n counter
		c := client(t, &service{unary: func(ctx context.Context, _ *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
			n.Add(1)
			return nil, fail(ctx)
		}}, ductilegrpc.Config{Retry: cfg, TotalTimeout: -1})
		_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.ErrorIs(t, err, retry.ErrRetryAfter, name)
		assert.Equal(t, "busy", status.Convert(err).Message())
		assert.EqualValues(t, 1, n.Load())
		assert.Empty(t, clk.Sleeps())
	}
}

func TestACallersCancelEndsTheRetryAndIsIgnored(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	var n counter
	began := make(chan struct{}, 5)
	c := client(t, &service{unary: func(ctx context.Context, _ *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		n.Add(1)
		began <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}}, ductilegrpc.Config{Circuit: circuit, Idempotent: always})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	_, err := c.UnaryCall(ctx, &tpb.SimpleRequest{})
	assert.Equal(t, codes.Canceled, status.Code(err))
	require.ErrorIs(t, err, context.Canceled)
	assert.EqualValues(t, 1, n.Load())
	assert.Equal(t, breaker.Counts{Ignored: 1}, circuit.Snapshot().Counts)

	_, err = c.UnaryCall(ctx, &tpb.SimpleRequest{})
	assert.Equal(t, codes.Canceled, status.Code(err), "before the call")
	require.ErrorIs(t, err, context.Canceled)
	assert.EqualValues(t, 1, n.Load())
}

func TestACallersCancelDuringTheWaitKeepsTheLastStatus(t *testing.T) {
	clk := fake.NewClock()
	unary, _ := failing(status.Error(codes.Unavailable, "down"))
	c := client(t, &service{unary: unary}, ductilegrpc.Config{Retry: retry.Config{Clock: clk}, AttemptTimeout: -1, TotalTimeout: -1})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if clk.BlockUntil(t.Context(), 1) == nil {
			cancel()
		}
	}()
	_, err := c.UnaryCall(ctx, &tpb.SimpleRequest{})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.Equal(t, "down", status.Convert(err).Message())
	assert.Zero(t, clk.Waiters())
}

func TestAnAttemptThatTakesTooLongIsRepeatedIfItsMethodIsIdempotent(t *testing.T) {
	for _, idempotent := range []bool{true, false} {
		clk := fake.NewClock()
		circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour, Clock: clk})
		began := make(chan bool, 5)
		var n counter
		c := client(t, &service{unary: func(ctx context.Context, _ *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
			k := n.Add(1)
			_, limited := ctx.Deadline()
			began <- limited
			if k == 1 {
				<-ctx.Done()
			}
			return named("second"), nil
		}}, ductilegrpc.Config{
			Retry: retry.Config{Clock: clk, BaseDelay: retry.NoDelay}, AttemptTimeout: time.Minute, TotalTimeout: -1, Circuit: circuit,
			Idempotent: func(string) bool { return idempotent },
		})
		go func() {
			assert.True(t, <-began, "the server knows the limit")
			clk.Advance(time.Minute)
		}()
		r, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		if idempotent {
			require.NoError(t, err)
			assert.Equal(t, "second", r.GetUsername())
			assert.EqualValues(t, 2, n.Load())
			continue
		}
		_, ok := errors.AsType[*policy.TimeoutError](err)
		assert.True(t, ok)
		assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
		assert.EqualValues(t, 1, n.Load())
		assert.Equal(t, breaker.Counts{Failures: 1}, circuit.Snapshot().Counts)
	}
}

// With WaitForReady a broken channel is not an error: it shows as the timeouts of attempts.
func TestWithWaitForReadyABrokenChannelShowsAsTimeouts(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	c := connect(t, closedPort(t), append(ductilegrpc.DialOptions(ductilegrpc.Config{
		Retry: retry.Config{Clock: clk, MaxAttempts: 1}, AttemptTimeout: time.Second,
	}), plaintext)...)
	_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	assert.Equal(t, codes.Unavailable, status.Code(err))

	result := make(chan error)
	go func() {
		_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.WaitForReady(true))
		result <- err
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 2)) // both limits
	clk.Advance(time.Second)
	err = <-result
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	_, ok := errors.AsType[*policy.TimeoutError](err)
	assert.True(t, ok)
}

func closedPort(t *testing.T) string {
	t.Helper()
	l := listener(t, "127.0.0.1:0")
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

const serviceConfig4 = `{"methodConfig":[{"name":[{}],"retryPolicy":{"maxAttempts":4,"initialBackoff":"0.001s","maxBackoff":"0.001s","backoffMultiplier":1,"retryableStatusCodes":["UNAVAILABLE"]}}]}`

func TestDialOptionsTurnOffTheRetriesOfTheServiceConfig(t *testing.T) {
	cfg, _ := swift()
	unary, n := failing(status.Error(codes.Unavailable, "down"))
	_, addr := listen(t, &service{unary: unary})
	config := grpc.WithDefaultServiceConfig(serviceConfig4)

	c := connect(t, addr, plaintext, config, grpc.WithChainUnaryInterceptor(ductilegrpc.UnaryClient(ductilegrpc.Config{Retry: cfg})))
	_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	require.Error(t, err)
	assert.EqualValues(t, 12, n.Load(), "3 attempts of 4 requests")

	n.Store(0)
	c = connect(t, addr, append(ductilegrpc.DialOptions(ductilegrpc.Config{Retry: cfg}), plaintext, config)...)
	_, err = c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	require.Error(t, err)
	assert.EqualValues(t, 3, n.Load())
}

func TestConnectionsThatServersEndFailNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bufconn.Listen(1 << 16)
		var n counter
		g := grpc.NewServer(grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: 100 * time.Millisecond, MaxConnectionAgeGrace: time.Second}))
		tpb.RegisterTestServiceServer(g, &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
			n.Add(1)
			time.Sleep(7 * time.Millisecond) // in the bubble's time
			return named("up"), nil
		}})
		go func() { _ = g.Serve(l) }()
		defer g.Stop()
		var dialled counter
		cc := bubbleConn(t, func(ctx context.Context) (net.Conn, error) {
			dialled.Add(1)
			return l.DialContext(ctx)
		}, ductilegrpc.Config{})
		defer func() { _ = cc.Close() }()
		c := tpb.NewTestServiceClient(cc)
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for range 200 {
					_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
					assert.NoError(t, err)
				}
			})
		}
		callers.Wait()
		assert.Greater(t, dialled.Load(), int64(5), "connections were ended and replaced")
		assert.EqualValues(t, 1600, n.Load(), "no call ran twice")
	})
}

func bubbleConn(t *testing.T, dial func(context.Context) (net.Conn, error), cfg ductilegrpc.Config, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	opts = append(opts, plaintext, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) }))
	cc, err := grpc.NewClient("passthrough:///bufnet", append(ductilegrpc.DialOptions(cfg), opts...)...)
	require.NoError(t, err)
	return cc
}

func TestAServerThatRestartsInTheMiddleOfCallsFailsNone(t *testing.T) {
	cfg, _ := swift()
	cfg.MaxAttempts = 100
	var n counter
	arrived := make(chan struct{}, 100)
	hang := &service{unary: func(ctx context.Context, _ *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		n.Add(1)
		arrived <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	well := &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) { return named("restarted"), nil }}
	l := listener(t, "127.0.0.1:0")
	addr := l.Addr().String()
	first := listenOn(t, l, hang)
	circuit := breaker.NewCircuit(breaker.Config{Shadow: true})
	c := connect(t, addr, append(ductilegrpc.DialOptions(ductilegrpc.Config{Retry: cfg, Circuit: circuit, TotalTimeout: -1}), plaintext,
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second}))...)
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() {
			r, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.WaitForReady(true))
			if assert.NoError(t, err) {
				assert.Equal(t, "restarted", r.GetUsername())
			}
		})
	}
	for range 10 {
		<-arrived
	}
	first.Stop()
	l = listener(t, addr)
	listenOn(t, l, well)
	calls.Wait()
}

// quiet is a connection that can fall silent: what is written to it is lost.
type quiet struct {
	net.Conn
	silent *atomic.Bool
}

func (q *quiet) Write(b []byte) (int, error) {
	if q.silent.Load() {
		return len(b), nil
	}
	return q.Conn.Write(b)
}

func TestAConnectionThatFallsSilentIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bufconn.Listen(1 << 16)
		g := grpc.NewServer(grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second}))
		tpb.RegisterTestServiceServer(g, &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) { return named("up"), nil }})
		go func() { _ = g.Serve(l) }()
		defer g.Stop()
		var dialled counter
		var silent atomic.Bool
		cc := bubbleConn(t, func(ctx context.Context) (net.Conn, error) {
			conn, err := l.DialContext(ctx)
			if err != nil || dialled.Add(1) > 1 {
				return conn, err
			}
			return &quiet{Conn: conn, silent: &silent}, nil
		}, ductilegrpc.Config{AttemptTimeout: -1, TotalTimeout: -1},
			grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: time.Second}))
		defer func() { _ = cc.Close() }()
		c := tpb.NewTestServiceClient(cc)
		_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.NoError(t, err)
		silent.Store(true)
		start := time.Now()
		_, err = c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.NoError(t, err)
		assert.EqualValues(t, 2, dialled.Load())
		assert.Less(t, time.Since(start), 25*time.Second) // virtual: the ping, its timeout, and a backoff
	})
}

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
