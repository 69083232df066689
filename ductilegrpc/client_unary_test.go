package ductilegrpc_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

type counter = atomic.Int64

func TestAnUnavailableServerIsTriedAgain(t *testing.T) {
	cfg, clk := swift()
	var n counter
	c := client(t, &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		if n.Add(1) < 3 {
			return nil, status.Error(codes.Unavailable, "down")
		}
		return named("up"), nil
	}}, ductilegrpc.Config{Retry: cfg})
	r, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	require.NoError(t, err)
	assert.Equal(t, "up", r.GetUsername())
	assert.Equal(t, []time.Duration{500 * time.Millisecond, time.Second}, clk.Sleeps())
}

func TestTheErrorHasTheLastStatusWithItsDetails(t *testing.T) {
	cfg, _ := swift()
	unary, n := failing(detailed(codes.Unavailable, "down", &errdetails.ErrorInfo{Reason: "MAINTENANCE"}))
	_, err := client(t, &service{unary: unary}, ductilegrpc.Config{Retry: cfg}).UnaryCall(t.Context(), &tpb.SimpleRequest{})
	assert.EqualValues(t, 3, n.Load())
	require.ErrorIs(t, err, retry.ErrExhausted)
	require.ErrorIs(t, err, retry.ErrGaveUp)
	st, ok := status.FromError(err)
	require.True(t, ok)
	assert.Equal(t, codes.Unavailable, st.Code())
	assert.Equal(t, "down", st.Message())
	require.Len(t, st.Details(), 1)
	assert.Equal(t, "MAINTENANCE", st.Details()[0].(*errdetails.ErrorInfo).GetReason())
}

func TestAFinalErrorIsGRPCsOwn(t *testing.T) {
	unary, n := failing(status.Error(codes.NotFound, "no such user"))
	_, err := client(t, &service{unary: unary}, ductilegrpc.Config{}).UnaryCall(t.Context(), &tpb.SimpleRequest{})
	assert.EqualError(t, err, "rpc error: code = NotFound desc = no such user")
	assert.EqualValues(t, 1, n.Load())
	_, plain := err.(interface{ GRPCStatus() *status.Status })
	assert.True(t, plain)
}

func TestAFallbacksReplyReachesTheCaller(t *testing.T) {
	cached := &ductilegrpc.Reply{
		Message: named("cached"), Header: metadata.Pairs("from", "cache"), Trailer: metadata.Pairs("age", "7"),
	}
	unary, _ := failing(status.Error(codes.Unavailable, "down"))
	c := client(t, &service{unary: unary}, ductilegrpc.Config{Pipeline: pipeline.New[*ductilegrpc.Reply](policy.FallbackValue(cached))})
	var header, trailer metadata.MD
	var from peer.Peer
	r, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&from))
	require.NoError(t, err)
	assert.Equal(t, "cached", r.GetUsername())
	assert.Equal(t, metadata.Pairs("from", "cache"), header)
	assert.Equal(t, metadata.Pairs("age", "7"), trailer)
	assert.Nil(t, from.Addr, "no server has answered")

	r.Username = "changed"
	header.Set("from", "changed")
	r, err = c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.Header(&header))
	require.NoError(t, err)
	assert.Equal(t, "cached", r.GetUsername(), "the caller got a copy")
	assert.Equal(t, []string{"cache"}, header.Get("from"))
}

func TestAFallbackOfAnotherTypeIsAnError(t *testing.T) {
	unary, _ := failing(status.Error(codes.Unavailable, "down"))
	for want, r := range map[string]*ductilegrpc.Reply{
		"ductilegrpc: Reply.Message is a *grpc_testing.Empty, want a *grpc_testing.SimpleResponse": {Message: &tpb.Empty{}},
		"ductilegrpc: Reply.Message is nil, want a *grpc_testing.SimpleResponse":                   {},
		"ductilegrpc: the pipeline returned neither a Reply nor an error":                          nil,
	} {
		c := client(t, &service{unary: unary}, ductilegrpc.Config{Pipeline: pipeline.New[*ductilegrpc.Reply](policy.FallbackValue(r))})
		_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		assert.Equal(t, codes.Internal, status.Code(err))
		assert.Equal(t, want, status.Convert(err).Message())
	}
}

func TestHedgedAttemptsShareNothing(t *testing.T) {
	for name, cfg := range map[string]ductilegrpc.Config{
		"Hedge": {Hedge: &hedge.Config{Delay: hedge.AtOnce, MaxExtra: 2, Budget: hedge.NoBudget}, Idempotent: always},
		"Pipeline": {Pipeline: pipeline.New[*ductilegrpc.Reply](hedge.New[*ductilegrpc.Reply](
			hedge.Config{Delay: hedge.AtOnce, MaxExtra: 2, Budget: hedge.NoBudget, Abandon: true}))},
	} {
		t.Run(name, func(t *testing.T) {
			var n counter
			both := make(chan struct{})
			c := client(t, &service{unary: func(ctx context.Context, r *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
				i := n.Add(1)
				if i == 2 {
					close(both)
				}
				<-both // the first call has two attempts for certain
				k := fmt.Sprint(i)
				_ = grpc.SetHeader(ctx, metadata.Pairs("k", k))
				_ = grpc.SetTrailer(ctx, metadata.Pairs("k", k))
				return &tpb.SimpleResponse{Username: k, Payload: r.GetPayload()}, nil
			}}, cfg)
			req := &tpb.SimpleRequest{Payload: &tpb.Payload{Body: make([]byte, 1000)}}
			for i := range 200 {
				req.Payload.Body[0] = byte(i) // the losers of the call before must not read it
				var header, trailer metadata.MD
				var from peer.Peer
				finished := 0
				r, err := c.UnaryCall(t.Context(), req, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&from),
					grpc.OnFinish(func(error) { finished++ }))
				require.NoError(t, err)
				require.Len(t, r.GetPayload().GetBody(), 1000)
				require.Equal(t, byte(i), r.GetPayload().GetBody()[0])
				require.Equal(t, []string{r.GetUsername()}, header.Get("k"), "the winner's header")
				require.Equal(t, []string{r.GetUsername()}, trailer.Get("k"), "the winner's trailer")
				require.NotNil(t, from.Addr)
				require.Equal(t, 1, finished)
			}
			assert.Greater(t, n.Load(), int64(200))
		})
	}
}

func TestOnlyIdempotentMethodsAreHedged(t *testing.T) {
	rec := fake.NewRecorder()
	for _, idempotent := range []bool{true, false} {
		var n counter
		both := make(chan struct{})
		c := client(t, &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
			if n.Add(1) == 2 {
				close(both)
			}
			if idempotent {
				<-both
			}
			return named(""), nil
		}}, ductilegrpc.Config{
			Hedge: &hedge.Config{Delay: hedge.AtOnce, Budget: hedge.NoBudget}, Observer: rec.Observe,
			Idempotent: func(string) bool { return idempotent },
		})
		_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.NoError(t, err)
		if !idempotent {
			assert.EqualValues(t, 1, n.Load())
		}
		n.Store(2)
		_, err = c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, ductilegrpc.NoRetry())
		require.NoError(t, err)
		assert.EqualValues(t, 3, n.Load(), "NoRetry")
	}
}

func TestEachTargetHasACircuitByDefault(t *testing.T) {
	cfg, _ := swift()
	cfg.MaxAttempts = 1
	down, _ := failing(status.Error(codes.Unavailable, "down"))
	opts := append(ductilegrpc.DialOptions(ductilegrpc.Config{Retry: cfg}), plaintext)
	_, sick := listen(t, &service{unary: down})
	_, well := listen(t, &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) { return named("well"), nil }})
	a, b := connect(t, sick, opts...), connect(t, well, opts...)
	for range breaker.DefaultFailureThreshold {
		_, err := a.UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.NotErrorIs(t, err, breaker.ErrOpen)
	}
	var trailer metadata.MD
	_, err := a.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.Trailer(&trailer))
	require.ErrorIs(t, err, breaker.ErrOpen)
	require.ErrorIs(t, err, policy.ErrRejected)
	open, ok := errors.AsType[*breaker.OpenError](err)
	require.True(t, ok)
	assert.Equal(t, sick, open.Name)
	st, ok := status.FromError(err)
	require.True(t, ok)
	assert.Equal(t, codes.Unavailable, st.Code())
	require.Len(t, st.Details(), 1)
	wait := st.Details()[0].(*errdetails.RetryInfo).GetRetryDelay().AsDuration()
	assert.Equal(t, breaker.DefaultRecoveryTimeout, wait)
	assert.Equal(t, []string{"30000"}, trailer.Get("grpc-retry-pushback-ms"))

	r, err := b.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	require.NoError(t, err)
	assert.Equal(t, "well", r.GetUsername())
}

func TestCircuitsMayBeByMethod(t *testing.T) {
	circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{
		Make: func(k string) *breaker.Circuit { return breaker.NewCircuit(breaker.Config{Name: k}) },
	})
	rec := fake.NewRecorder()
	c := client(t, &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) { return named(""), nil }},
		ductilegrpc.Config{Circuits: circuits, By: func(_, method string) string { return method }, Observer: rec.Observe})
	_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{})
	require.NoError(t, err)
	_, ok := circuits.Lookup(unaryMethod)
	assert.True(t, ok)
	for _, e := range rec.Events() {
		assert.Equal(t, "grpc", e.Pipeline)
		if e.Kind == policy.Judged {
			assert.Equal(t, unaryMethod, e.Key)
		}
	}
	assert.Contains(t, rec.Kinds(), policy.Judged)
}

func TestOneCallMayHaveAPipelineOfItsOwn(t *testing.T) {
	unary, n := failing(status.Error(codes.Unavailable, "down"))
	c := client(t, &service{unary: unary}, ductilegrpc.Config{})
	p := pipeline.New[*ductilegrpc.Reply](policy.FallbackValue(&ductilegrpc.Reply{Message: named("own")}))
	r, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, ductilegrpc.WithPipeline(p))
	require.NoError(t, err)
	assert.Equal(t, "own", r.GetUsername())
	assert.EqualValues(t, 1, n.Load())
	assert.PanicsWithValue(t, "ductilegrpc: WithPipeline: p is nil, want a pipeline", func() { ductilegrpc.WithPipeline(nil) })
}

func TestNoRetrySendsACallOnce(t *testing.T) {
	unary, n := failing(status.Error(codes.Unavailable, "down"))
	c := client(t, &service{unary: unary}, ductilegrpc.Config{})
	_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, ductilegrpc.NoRetry())
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.NotErrorIs(t, err, retry.ErrGaveUp)
	assert.EqualValues(t, 1, n.Load())

	eager := retry.New[*ductilegrpc.Reply](retry.Config{BaseDelay: retry.NoDelay}).WithCondition(func(*ductilegrpc.Reply, error) bool { return true })
	c = client(t, &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		n.Add(1)
		return named(""), nil
	}}, ductilegrpc.Config{Pipeline: pipeline.New[*ductilegrpc.Reply](eager)})
	n.Store(0)
	_, err = c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, ductilegrpc.NoRetry())
	assert.ErrorContains(t, err, "NoRetry allows no further attempt")
	assert.EqualValues(t, 1, n.Load())
}
