package ductilegrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func oneKey(context.Context) (string, bool) { return "key", true }

func cached() policy.Policy[*ductilegrpc.Reply] {
	return cache.New(cache.Config[string, *ductilegrpc.Reply]{Key: oneKey, TTL: time.Hour})
}

func TestCallsThatShareAReplyShareNoMemory(t *testing.T) {
	var n counter
	c := client(t, &service{unary: func(ctx context.Context, _ *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		n.Add(1)
		return &tpb.SimpleResponse{Payload: &tpb.Payload{Body: []byte("as sent")}}, grpc.SetHeader(ctx, metadata.Pairs("k", "as sent"))
	}}, ductilegrpc.Config{Pipeline: pipeline.New(cached())})
	for range 3 {
		var header metadata.MD
		r, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.Header(&header))
		require.NoError(t, err)
		assert.Equal(t, "as sent", string(r.GetPayload().GetBody()))
		assert.Equal(t, []string{"as sent"}, header["k"])
		copy(r.GetPayload().GetBody(), "changed")
		header["k"][0] = "changed"
	}
	assert.EqualValues(t, 1, n.Load())
}

func TestCachesAndCoalescingInAPipelineLeaveStreamsAlone(t *testing.T) {
	shared := coalesce.New[string, *ductilegrpc.Reply](oneKey)
	var n counter
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error {
		n.Add(1)
		return sendNumbers(out, 1, 3)
	}}, ductilegrpc.Config{Pipeline: pipeline.New(cached(), shared)})
	for range 2 {
		s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
		require.NoError(t, err)
		got, err := readAll(s)
		require.NoError(t, err)
		assert.Equal(t, []string{"1", "2", "3"}, got)
	}
	assert.EqualValues(t, 2, n.Load())
}

func TestTheStreamOfAnotherCallIsAnError(t *testing.T) {
	hidden := pipeline.New[*ductilegrpc.Reply](policy.Policy[*ductilegrpc.Reply](pipeline.New(cached())))
	c := client(t, &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error { return sendNumbers(out, 1, 3) }},
		ductilegrpc.Config{Pipeline: hidden})
	s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	got, err := readAll(s)
	require.NoError(t, err)
	assert.Len(t, got, 3)
	s, err = c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	if err == nil {
		_, err = s.Recv()
	}
	assert.Equal(t, codes.Internal, status.Code(err))
	assert.ErrorContains(t, err, "the pipeline returned the stream of another call")
}

func TestTheMetadataOfAFallbackIsCopied(t *testing.T) {
	given := &ductilegrpc.Reply{Message: numberedMessage(1), Header: metadata.Pairs("k", "as given"), Trailer: metadata.Pairs("k", "as given")}
	c := client(t, &service{}, ductilegrpc.Config{Pipeline: pipeline.New[*ductilegrpc.Reply](policy.FallbackValue(given), refusing{})})
	one, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
	require.NoError(t, err)
	many, err := c.FullDuplexCall(t.Context())
	require.NoError(t, err)
	for _, s := range []grpc.ClientStream{one, many} {
		header, err := s.Header()
		require.NoError(t, err)
		header.Set("k", "changed")
		s.Trailer().Set("k", "changed")
		assert.Equal(t, []string{"as given"}, given.Header["k"])
		assert.Equal(t, []string{"as given"}, given.Trailer["k"])
	}
}

// refusing is a policy that lets no call through.
type refusing struct{}

func (refusing) Execute(context.Context, policy.Call[*ductilegrpc.Reply]) (*ductilegrpc.Reply, error) {
	return nil, policy.ErrRejected
}
