package ductilegrpc_test

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestAStreamWithManyRequestsIsNotRepeatedAfterASend(t *testing.T) {
	cfg, _ := swift()
	var n counter
	c := client(t, &service{duplex: func(both tpb.TestService_FullDuplexCallServer) error {
		n.Add(1)
		if _, err := both.Recv(); err != nil {
			return err
		}
		return status.Error(codes.Unavailable, "down")
	}, upload: func(in tpb.TestService_StreamingInputCallServer) error {
		n.Add(1)
		for {
			if _, err := in.Recv(); err != nil {
				return status.Error(codes.Unavailable, "down")
			}
		}
	}}, ductilegrpc.Config{Retry: cfg, Idempotent: always})
	both, err := c.FullDuplexCall(t.Context())
	require.NoError(t, err)
	require.NoError(t, both.Send(&tpb.StreamingOutputCallRequest{}))
	_, err = both.Recv()
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.EqualValues(t, 1, n.Load())

	in, err := c.StreamingInputCall(t.Context())
	require.NoError(t, err)
	require.NoError(t, in.Send(&tpb.StreamingInputCallRequest{}))
	_, err = in.CloseAndRecv()
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.EqualValues(t, 2, n.Load())
}

func TestStreamsWithManyRequestsWork(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	c := client(t, &service{duplex: func(both tpb.TestService_FullDuplexCallServer) error {
		both.SetTrailer(metadata.Pairs("k", "t"))
		for {
			r, err := both.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := both.Send(&tpb.StreamingOutputCallResponse{Payload: r.GetPayload()}); err != nil {
				return err
			}
		}
	}, upload: func(in tpb.TestService_StreamingInputCallServer) error {
		if err := in.SendHeader(metadata.Pairs("k", "h")); err != nil {
			return err
		}
		for n := int32(0); ; n++ {
			if _, err := in.Recv(); err != nil {
				return in.SendAndClose(&tpb.StreamingInputCallResponse{AggregatedPayloadSize: n})
			}
		}
	}}, ductilegrpc.Config{Gate: gate, Circuit: circuit, IdleTimeout: time.Hour})

	both, err := c.FullDuplexCall(t.Context())
	require.NoError(t, err)
	var sending sync.WaitGroup
	sending.Go(func() { // beside Recv, as gRPC allows
		for i := range 100 {
			assert.NoError(t, both.Send(&tpb.StreamingOutputCallRequest{Payload: numberedMessage(i).Payload}))
		}
		assert.NoError(t, both.CloseSend())
	})
	for i := range 100 {
		m, err := both.Recv()
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(m.GetPayload().GetBody()))
	}
	sending.Wait()
	assert.Equal(t, 1, gate.Snapshot().InUse)
	_, err = both.Recv()
	require.ErrorIs(t, err, io.EOF)
	assert.Zero(t, gate.Snapshot().InUse)
	assert.Equal(t, []string{"t"}, both.Trailer().Get("k"))

	var header metadata.MD
	in, err := c.StreamingInputCall(t.Context(), grpc.Header(&header))
	require.NoError(t, err)
	for range 5 {
		require.NoError(t, in.Send(&tpb.StreamingInputCallRequest{}))
	}
	direct, err := in.Header()
	require.NoError(t, err)
	r, err := in.CloseAndRecv()
	require.NoError(t, err)
	assert.EqualValues(t, 5, r.GetAggregatedPayloadSize())
	assert.Zero(t, gate.Snapshot().InUse, "one reply ends it")
	assert.Equal(t, []string{"h"}, header.Get("k"))
	assert.Equal(t, []string{"h"}, direct.Get("k"))
	assert.Equal(t, breaker.Counts{Successes: 2}, circuit.Snapshot().Counts)
	p, ok := peer.FromContext(in.Context())
	require.True(t, ok)
	assert.NotNil(t, p.Addr)
}

func TestAFallbackMayAnswerForAStreamWithManyRequests(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{})
	circuit.Isolate("maintenance")
	_, addr := listen(t, &service{})
	opened := func(m any) tpb.TestServiceClient {
		p := pipeline.New[*ductilegrpc.Reply](policy.FallbackValue(&ductilegrpc.Reply{Message: m, Header: metadata.Pairs("a", "b"), Trailer: metadata.Pairs("c", "d")}),
			breaker.New[*ductilegrpc.Reply](circuit))
		return connect(t, addr, append(ductilegrpc.DialOptions(ductilegrpc.Config{Pipeline: p}), plaintext)...)
	}
	both, err := opened(numberedMessage(1)).FullDuplexCall(t.Context())
	require.NoError(t, err)
	assert.ErrorIs(t, both.Send(&tpb.StreamingOutputCallRequest{}), io.EOF)
	m, err := both.Recv()
	require.NoError(t, err)
	assert.Equal(t, "1", string(m.GetPayload().GetBody()))
	_, err = both.Recv()
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, both.CloseSend())
	header, err := both.Header()
	require.NoError(t, err)
	assert.Equal(t, []string{"b"}, header.Get("a"))
	assert.Equal(t, []string{"d"}, both.Trailer().Get("c"))
	assert.NotNil(t, both.Context())

	in, err := opened(&tpb.StreamingInputCallResponse{AggregatedPayloadSize: 3}).StreamingInputCall(t.Context())
	require.NoError(t, err)
	r, err := in.CloseAndRecv()
	require.NoError(t, err)
	assert.EqualValues(t, 3, r.GetAggregatedPayloadSize())
}

func TestAMessageThatCannotBeSentEndsAStreamWithManyRequests(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{Window: time.Hour})
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	c := client(t, &service{duplex: func(both tpb.TestService_FullDuplexCallServer) error {
		<-both.Context().Done()
		return nil
	}}, ductilegrpc.Config{Circuit: circuit, Gate: gate})
	both, err := c.FullDuplexCall(t.Context(), grpc.MaxCallSendMsgSize(10))
	require.NoError(t, err)
	err = both.Send(&tpb.StreamingOutputCallRequest{Payload: &tpb.Payload{Body: make([]byte, 100)}})
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.Zero(t, gate.Snapshot().InUse)
	assert.Equal(t, breaker.Counts{Ignored: 1}, circuit.Snapshot().Counts)
}
