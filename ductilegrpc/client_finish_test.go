package ductilegrpc_test

import (
	"context"
	"io"
	"runtime"
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

// gRPC and the end of the context both end it, and either may come first.
func TestAFunctionOfOnFinishGetsTheStatusOfAStreamThatItsCallerLeft(t *testing.T) {
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		err := sendNumbers(out, 1, 1)
		<-out.Context().Done()
		return err
	}}, ductilegrpc.Config{})
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan error, 1)
		s, err := c.StreamingOutputCall(ctx, &tpb.StreamingOutputCallRequest{}, grpc.OnFinish(func(err error) { told <- err }))
		require.NoError(t, err)
		_, err = s.Recv()
		require.NoError(t, err)
		cancel()
		require.Equal(t, codes.Canceled, status.Code(<-told))
	}
}

func TestOnFinishIsCalledWhenThePoliciesOfACallDoNotReturn(t *testing.T) {
	for name, leaves := range map[string]func(){"panic": func() { panic("of Classify") }, "Goexit": runtime.Goexit} {
		unary, _ := failing(status.Error(codes.Unavailable, "down"))
		c := client(t, &service{unary: unary}, ductilegrpc.Config{Classify: func(error) policy.Outcome {
			leaves()
			return policy.Failure
		}})
		var ended []error
		done := make(chan any)
		go func() {
			defer func() { done <- recover() }()
			_, _ = c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.OnFinish(func(err error) { ended = append(ended, err) }))
		}()
		if got := <-done; name == "panic" {
			assert.Equal(t, "of Classify", got, "the panic goes on")
		}
		if assert.Len(t, ended, 1, name) {
			assert.Equal(t, codes.Internal, status.Code(ended[0]), name)
		}
	}
}
