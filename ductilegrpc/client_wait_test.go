package ductilegrpc_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

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
	for _, values := range [][]string{{"-1"}, {"x"}, {""}, {"1.5"}, {"40", "40"}, {"99999999999999999999"}, {"9223372036854775808"}, {" 40"}, {"0x10"}} {
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

func TestADeadlineThatHasPassedSendsNothing(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	unary, n := failing(nil)
	c := client(t, &service{unary: unary}, ductilegrpc.Config{Circuit: circuit, Idempotent: always})
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for _, call := range []func() error{
		func() error { _, err := c.UnaryCall(ctx, &tpb.SimpleRequest{}); return err },
		func() error { _, err := c.StreamingOutputCall(ctx, &tpb.StreamingOutputCallRequest{}); return err },
		func() error { _, err := c.FullDuplexCall(ctx); return err },
	} {
		err := call()
		assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, retry.ErrGaveUp)
	}
	assert.Zero(t, n.Load())
	assert.Zero(t, circuit.Snapshot().Counts.Failures)
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
