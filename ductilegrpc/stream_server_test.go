package ductilegrpc_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/policy"
)

// A handler that is deaf to its context works on after the client has left, and the work is
// what the gate bounds.
func TestAStreamHoldsItsPlaceUntilItsHandlerReturns(t *testing.T) {
	gate := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	started, left, release := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	s := run(t, &backend{stream: func(stream duplex) error {
		started <- struct{}{}
		<-stream.Context().Done()
		left <- struct{}{}
		<-release
		return nil
	}}, interceptors(ductilegrpc.ServerConfig{Gate: gate}))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.FullDuplexCall(ctx)
	require.NoError(t, err)
	<-started
	cancel()
	<-left
	assert.Equal(t, 1, gate.Snapshot().InUse)
	_, err = s.open(t.Context())
	assert.Equal(t, codes.Unavailable, code(err))
	close(release)
	await(t, "the place comes back", gate.Idle)
	assert.EqualValues(t, 1, gate.Snapshot().Admitted)
}

func TestAStreamPassesItsMessagesAndItsPriority(t *testing.T) {
	s := run(t, &backend{stream: func(stream duplex) error {
		assert.Equal(t, policy.High, policy.PriorityOf(stream.Context()))
		for {
			r, err := stream.Recv()
			if err == io.EOF { //nolint:errorlint // as gRPC says
				return nil
			}
			if err != nil {
				return err
			}
			if err := stream.Send(&tpb.StreamingOutputCallResponse{Payload: r.GetPayload()}); err != nil {
				return err
			}
		}
	}}, interceptors(ductilegrpc.ServerConfig{
		Gate:     bulkhead.NewGate(bulkhead.Config{Limit: 1}),
		Priority: func(context.Context, string) policy.Priority { return policy.High },
	}))
	stream, err := s.FullDuplexCall(t.Context())
	require.NoError(t, err)
	for _, text := range []string{"a", "b"} {
		require.NoError(t, stream.Send(&tpb.StreamingOutputCallRequest{Payload: &tpb.Payload{Body: []byte(text)}}))
		got, err := stream.Recv()
		require.NoError(t, err)
		assert.Equal(t, text, string(got.GetPayload().GetBody()))
	}
	require.NoError(t, stream.CloseSend())
	_, err = stream.Recv()
	require.ErrorIs(t, err, io.EOF)
}
