package ductilegrpc_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestTheAttemptTimeoutIsTheTimeToTheFirstMessage(t *testing.T) {
	clk := fake.NewClock()
	cfg := retry.Config{Clock: clk, BaseDelay: retry.NoDelay}
	var n counter
	began := make(chan struct{}, 3)
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		k := n.Add(1)
		began <- struct{}{}
		if k == 1 {
			<-out.Context().Done() // silent
			return nil
		}
		return sendNumbers(out, 1, 2)
	}}, ductilegrpc.Config{Retry: cfg, AttemptTimeout: time.Second, TotalTimeout: -1, Idempotent: always})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	<-began
	clk.Advance(time.Second)
	m, err := s.Recv()
	require.NoError(t, err)
	assert.Equal(t, "1", string(m.GetPayload().GetBody()))
	assert.Zero(t, clk.Waiters(), "no limit is left")
	clk.Advance(time.Hour)
	got, err := readAll(s)
	require.NoError(t, err)
	assert.Equal(t, []string{"2"}, got)
	assert.EqualValues(t, 2, n.Load())
}

func TestAMethodThatMayHaveRunIsNotRepeatedAfterATimeout(t *testing.T) {
	clk := fake.NewClock()
	began := make(chan struct{}, 3)
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		began <- struct{}{}
		<-out.Context().Done()
		return nil
	}}, ductilegrpc.Config{Retry: retry.Config{Clock: clk}, AttemptTimeout: time.Second})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	<-began
	clk.Advance(time.Second)
	_, err = s.Recv()
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	_, ok := errors.AsType[*policy.TimeoutError](err)
	assert.True(t, ok)
	assert.Empty(t, began)
}

func TestASilentStreamHasNoLimitByDefault(t *testing.T) {
	clk := fake.NewClock()
	open := make(chan struct{})
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		<-open
		return sendNumbers(out, 1, 1)
	}}, ductilegrpc.Config{Retry: retry.Config{Clock: clk}})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	assert.Zero(t, clk.Waiters())
	close(open)
	got, err := readAll(s)
	require.NoError(t, err)
	assert.Equal(t, []string{"1"}, got)
}

func TestAStreamThatFallsIdleEndsWithATimeout(t *testing.T) {
	clk := fake.NewClock()
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour, Clock: clk})
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		if err := sendNumbers(out, 1, 2); err != nil {
			return err
		}
		<-out.Context().Done()
		return nil
	}}, ductilegrpc.Config{Retry: retry.Config{Clock: clk}, Circuit: circuit, IdleTimeout: time.Minute})
	var told error
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{}, grpc.OnFinish(func(err error) { told = err }))
	require.NoError(t, err)
	for range 2 {
		_, err = s.Recv()
		require.NoError(t, err)
	}
	assert.Zero(t, clk.Waiters(), "a caller that does not read is not the server's fault")
	result := make(chan error)
	go func() {
		_, err := s.Recv()
		result <- err
	}()
	require.NoError(t, clk.BlockUntil(t.Context(), 1))
	clk.Advance(time.Minute)
	err = <-result
	timeout, ok := errors.AsType[*policy.TimeoutError](err)
	require.True(t, ok)
	assert.Equal(t, time.Minute, timeout.After)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	assert.Equal(t, codes.DeadlineExceeded, status.Code(told))
	assert.Equal(t, breaker.Counts{Failures: 1}, circuit.Snapshot().Counts)
	assert.Zero(t, clk.Waiters())
}
