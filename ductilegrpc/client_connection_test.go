package ductilegrpc_test

import (
	"context"
	"errors"
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
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// With WaitForReady a broken channel is not an error: it shows as the timeouts of attempts.
func TestWithWaitForReadyABrokenChannelShowsAsTimeouts(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	refuse := func(context.Context, string) (net.Conn, error) { return nil, errors.New("connection refused") }
	c := connect(t, "passthrough:///nowhere", append(ductilegrpc.DialOptions(ductilegrpc.Config{
		Retry: retry.Config{Clock: clk, MaxAttempts: 1}, AttemptTimeout: time.Second,
	}), plaintext, grpc.WithContextDialer(refuse))...)
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
			time.Sleep(27 * time.Millisecond) // in the bubble's time
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
				for range 50 {
					_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
					assert.NoError(t, err)
				}
			})
		}
		callers.Wait()
		assert.Greater(t, dialled.Load(), int64(5), "connections were ended and replaced")
		assert.EqualValues(t, 400, n.Load(), "no call ran twice")
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
	var addr atomic.Value // of the server that runs, or "": the first one's port may be another program's once it is free
	first, at := listen(t, hang)
	addr.Store(at)
	refused := make(chan struct{}, 1)
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		if at := addr.Load().(string); at != "" {
			return new(net.Dialer).DialContext(ctx, "tcp", at)
		}
		select {
		case refused <- struct{}{}:
		default:
		}
		return nil, errors.New("connection refused")
	}
	circuit := breaker.NewCircuit(breaker.Config{Shadow: true})
	c := connect(t, "passthrough:///restarting", append(ductilegrpc.DialOptions(ductilegrpc.Config{
		Retry: cfg, Circuit: circuit, AttemptTimeout: -1, TotalTimeout: -1,
	}), plaintext, grpc.WithContextDialer(dial), grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Minute}))...)
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
	addr.Store("")
	first.Stop()
	<-refused
	_, at = listen(t, well)
	addr.Store(at)
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
