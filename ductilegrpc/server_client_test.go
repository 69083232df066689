package ductilegrpc_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/test/bufconn"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/ratelimit"
)

// serviceConfig is a retry of gRPC's own client: four attempts, with a backoff.
func serviceConfig(backoff string) grpc.DialOption {
	return grpc.WithDefaultServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy": {
		"maxAttempts": 4, "initialBackoff": "` + backoff + `", "maxBackoff": "` + backoff + `", "backoffMultiplier": 1,
		"retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]}}]}`)
}

// counted returns options that count the calls that reach a server, refused ones included.
func counted(n *atomic.Int64, cfg ductilegrpc.ServerConfig) []grpc.ServerOption {
	count := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		n.Add(1)
		return handler(ctx, req)
	}
	return append([]grpc.ServerOption{grpc.ChainUnaryInterceptor(count)}, interceptors(cfg)...)
}

// The client's own backoff is an hour: without the pushback, which says some milliseconds,
// the call would not come back within the test.
func TestGRPCsOwnClientWaitsAsTheServerTellsIt(t *testing.T) {
	for name, wait := range map[string]int{"20 ms": 50, "50 ms": 20} {
		var reached, ran atomic.Int64
		limiter := ratelimit.NewLimiter(ratelimit.Config{Limit: wait, Burst: 1})
		s := run(t, &backend{unary: func(context.Context) error { ran.Add(1); return nil }},
			counted(&reached, ductilegrpc.ServerConfig{Limiter: limiter}), serviceConfig("3600s"))
		const calls = 4
		for range calls {
			_, err := s.call(t.Context())
			require.NoError(t, err, name)
		}
		assert.EqualValues(t, calls, ran.Load(), name)
		assert.EqualValues(t, calls, limiter.Snapshot().Admitted, name)
		// A client that waits as long as it was told is refused at most once for each call.
		assert.LessOrEqual(t, reached.Load(), int64(2*calls), name)
		assert.Equal(t, reached.Load()-ran.Load(), limiter.Snapshot().Rejected, name)
	}
}

func TestAWaitBeyondTheDeadlineEndsTheCallOfGRPCsOwnClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in real time, the deadline may pass before there is a connection
		var reached atomic.Int64
		l := bufconn.Listen(1 << 16)
		s := grpc.NewServer(counted(&reached, ductilegrpc.ServerConfig{Limiter: emptyLimiter(t)})...)
		tpb.RegisterTestServiceServer(s, new(backend))
		go func() { _ = s.Serve(l) }()
		defer s.Stop()
		cc, err := grpc.NewClient("passthrough:///bufnet", plaintext, serviceConfig("0.001s"),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
		require.NoError(t, err)
		defer func() { _ = cc.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err = tpb.NewTestServiceClient(cc).UnaryCall(ctx, &tpb.SimpleRequest{})
		assert.Equal(t, codes.DeadlineExceeded, code(err))
		assert.EqualValues(t, 1, reached.Load(), "four attempts fit in the deadline, and the pushback says an hour")
	})
}

// A full gate does not know when it has a place, so the client's own backoff applies.
func TestAFullGateLeavesTheWaitToTheClient(t *testing.T) {
	var reached atomic.Int64
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	place, ok := gate.TryAcquire()
	require.True(t, ok)
	defer place.Release()
	s := run(t, new(backend), counted(&reached, ductilegrpc.ServerConfig{Gate: gate}), serviceConfig("0.001s"))
	_, err := s.call(t.Context())
	assert.Equal(t, codes.Unavailable, code(err))
	assert.EqualValues(t, 4, reached.Load())
}
