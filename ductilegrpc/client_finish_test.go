package ductilegrpc_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestAFunctionOfOnFinishMayUseTheStream(t *testing.T) {
	down := func(*tpb.StreamingOutputCallRequest, output) error { return status.Error(codes.Unavailable, "down") }
	c := client(t, &service{stream: down}, ductilegrpc.Config{Pipeline: pipeline.New[*ductilegrpc.Reply](
		policy.FallbackValue(&ductilegrpc.Reply{Message: numberedMessage(1)}),
	)})
	var s tpb.TestService_StreamingOutputCallClient
	ended := 0
	onFinish := grpc.OnFinish(func(err error) {
		ended++
		assert.NoError(t, err)
		_, err = s.Recv()
		assert.ErrorIs(t, err, io.EOF)
	})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{}, onFinish)
	require.NoError(t, err)
	_, err = s.Recv()
	require.NoError(t, err)
	_, err = s.Recv()
	assert.ErrorIs(t, err, io.EOF)
	assert.Equal(t, 1, ended)
}
