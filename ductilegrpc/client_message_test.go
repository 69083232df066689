package ductilegrpc_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// frames is the codec of a proxy, which passes messages on unread.
type frames struct{}

func (frames) Name() string { return "ductile-frames" }

func (frames) Marshal(v any) ([]byte, error) {
	f, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("frames: cannot send a %T", v)
	}
	return *f, nil
}

func (frames) Unmarshal(data []byte, v any) error {
	f, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("frames: cannot receive a %T", v)
	}
	*f = data
	return nil
}

// The method is declared here, and its messages are not what a proxy receives.
func TestAProxyReceivesTheMessagesOfItsCodec(t *testing.T) {
	cc := anyMethod(t, ductilegrpc.Config{}, func(_ any, s grpc.ServerStream) error { return s.SendMsg(numberedMessage(7)) })
	s, err := cc.NewStream(t.Context(), oneWay, "/grpc.testing.TestService/StreamingOutputCall", grpc.ForceCodec(frames{}))
	require.NoError(t, err)
	var frame []byte
	require.NoError(t, s.SendMsg(&frame))
	require.NoError(t, s.CloseSend())
	require.NoError(t, s.RecvMsg(&frame))
	m := new(tpb.StreamingOutputCallResponse)
	require.NoError(t, proto.Unmarshal(frame, m))
	assert.Equal(t, "7", string(m.GetPayload().GetBody()))
}

func TestBytesThatCallsShareAreCopied(t *testing.T) {
	cc := anyMethod(t, ductilegrpc.Config{Pipeline: pipeline.New(cached())}, func(_ any, s grpc.ServerStream) error {
		return s.SendMsg(named("as sent"))
	})
	for range 2 {
		in, out := []byte{}, []byte(nil)
		require.NoError(t, cc.Invoke(t.Context(), "/proxied.Service/Method", &in, &out, grpc.ForceCodec(frames{})))
		m := new(tpb.SimpleResponse)
		require.NoError(t, proto.Unmarshal(out, m))
		assert.Equal(t, "as sent", m.GetUsername())
		clear(out)
	}
}

func TestAMessageThatNothingCanBeReceivedIntoIsAnError(t *testing.T) {
	cc := anyMethod(t, ductilegrpc.Config{}, func(_ any, s grpc.ServerStream) error { return s.SendMsg(named("a")) })
	for _, reply := range []any{nil, (*tpb.SimpleResponse)(nil), 7, map[string]int{}} {
		finished := 0
		err := cc.Invoke(t.Context(), unknownMethod, &emptypb.Empty{}, reply, grpc.OnFinish(func(error) { finished++ }))
		assert.Equal(t, codes.Internal, status.Code(err))
		assert.ErrorContains(t, err, "want a pointer that is not nil")
		assert.Equal(t, 1, finished)
		for _, method := range []string{unknownMethod, "/ductile.test.Cart/Get"} {
			s, err := cc.NewStream(t.Context(), oneWay, method)
			require.NoError(t, err)
			require.NoError(t, s.SendMsg(&emptypb.Empty{}))
			assert.ErrorContains(t, s.RecvMsg(reply), "want a pointer that is not nil")
		}
	}
}

const unknownMethod = "/nowhere.Known/Method"

func TestADynamicFallbackOfAnotherTypeIsAnError(t *testing.T) {
	p := pipeline.New[*ductilegrpc.Reply](
		policy.FallbackValue(&ductilegrpc.Reply{Message: dynamicpb.NewMessage((&emptypb.Empty{}).ProtoReflect().Descriptor())}), refusing{})
	cc := anyMethod(t, ductilegrpc.Config{Pipeline: p}, nil)
	err := cc.Invoke(t.Context(), unaryMethod, &tpb.SimpleRequest{}, dynamicpb.NewMessage((&tpb.SimpleResponse{}).ProtoReflect().Descriptor()))
	assert.Equal(t, codes.Internal, status.Code(err))
	assert.ErrorContains(t, err, "google.protobuf.Empty")
}

func TestACompressedReplyBeyondTheLimitIsTheRequestsOwnFault(t *testing.T) {
	circuit := breaker.NewCircuit(breaker.Config{})
	var n counter
	c := client(t, &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
		n.Add(1)
		return named(strings.Repeat("a", 1<<16)), nil
	}}, ductilegrpc.Config{Circuit: circuit, Idempotent: always})
	_, err := c.UnaryCall(t.Context(), &tpb.SimpleRequest{}, grpc.UseCompressor(gzip.Name), grpc.MaxCallRecvMsgSize(1<<10))
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.EqualValues(t, 1, n.Load())
	assert.EqualValues(t, 1, circuit.Snapshot().Counts.Ignored)
}

func TestAHeaderIsWaitedForNoLongerThanItsStreamLasts(t *testing.T) {
	cc := anyMethod(t, ductilegrpc.Config{}, func(any, grpc.ServerStream) error { return status.Error(codes.NotFound, "gone") })
	s, err := cc.NewStream(t.Context(), oneWay, unknownMethod)
	require.NoError(t, err)
	require.NoError(t, s.SendMsg(&emptypb.Empty{}))
	header, err := s.Header() // before RecvMsg has shown the type of a message
	require.NoError(t, err)
	assert.Empty(t, header)
	for range 2 {
		assert.EqualError(t, s.RecvMsg(&emptypb.Empty{}), "rpc error: code = NotFound desc = gone")
	}
}

func TestAStreamOfOneReplyEndsWithIt(t *testing.T) {
	cc := anyMethod(t, ductilegrpc.Config{}, func(_ any, s grpc.ServerStream) error {
		s.SetTrailer(metadata.Pairs("k", "trailer"))
		return s.SendMsg(named("a"))
	})
	var header, trailer metadata.MD
	finished := 0
	s, err := cc.NewStream(t.Context(), &grpc.StreamDesc{}, unknownMethod, grpc.Header(&header), grpc.Trailer(&trailer), grpc.OnFinish(func(error) { finished++ }))
	require.NoError(t, err)
	require.NoError(t, s.SendMsg(&emptypb.Empty{}))
	require.NoError(t, s.CloseSend())
	require.NoError(t, s.RecvMsg(new(tpb.SimpleResponse)))
	assert.NotEmpty(t, header)
	assert.Equal(t, []string{"trailer"}, trailer["k"])
	assert.Equal(t, 1, finished)
}

func TestARequestMayComeWhileItsStreamEnds(t *testing.T) {
	cc := anyMethod(t, ductilegrpc.Config{}, func(_ any, s grpc.ServerStream) error {
		<-s.Context().Done()
		return nil
	})
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := cc.NewStream(ctx, oneWay, "/ductile.test.Cart/Get")
		require.NoError(t, err)
		var canceling sync.WaitGroup
		canceling.Go(cancel)
		_ = s.SendMsg(&emptypb.Empty{})
		assert.Equal(t, codes.Canceled, status.Code(s.RecvMsg(&emptypb.Empty{})))
		canceling.Wait()
	}
}

func TestAPanicInAStreamReachesItsCaller(t *testing.T) {
	var open counter
	c := client(t, &service{stream: func(*tpb.StreamingOutputCallRequest, output) error {
		open.Add(1)
		defer open.Add(-1)
		return status.Error(codes.Unavailable, "down")
	}}, ductilegrpc.Config{Classify: func(error) policy.Outcome { panic("of Classify") }})
	assert.PanicsWithValue(t, "of Classify", func() {
		s, err := c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{})
		require.NoError(t, err)
		_, _ = s.Recv()
	})
	settled(t, func() bool { return open.Load() == 0 })
}

// A connection that is closed ends its streams on goroutines of gRPC's.
func TestAPanicAtTheEndOfAStreamReachesItsReader(t *testing.T) {
	for who, row := range map[string]struct {
		cfg    ductilegrpc.Config
		counts breaker.Counts
	}{
		"of Classify": {ductilegrpc.Config{Classify: func(error) policy.Outcome { panic("of Classify") }}, breaker.Counts{Failures: 1}},
		"of Observer": {ductilegrpc.Config{Observer: func(_ context.Context, e policy.Event) {
			if e.Kind == policy.Judged {
				panic("of Observer")
			}
		}}, breaker.Counts{Ignored: 1}},
	} {
		for name, open := range map[string]func(c tpb.TestServiceClient, o grpc.CallOption) (grpc.ClientStream, error){
			"one request": func(c tpb.TestServiceClient, o grpc.CallOption) (grpc.ClientStream, error) {
				return c.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{}, o)
			},
			"many requests": func(c tpb.TestServiceClient, o grpc.CallOption) (grpc.ClientStream, error) {
				return c.FullDuplexCall(t.Context(), o)
			},
		} {
			name += ", a panic " + who
			lasting := func(out output) error {
				err := sendNumbers(out, 1, 1)
				<-out.Context().Done()
				return err
			}
			_, addr := listen(t, &service{
				stream: func(_ *tpb.StreamingOutputCallRequest, out output) error { return lasting(out) },
				duplex: func(both tpb.TestService_FullDuplexCallServer) error { return lasting(both) },
			})
			circuit, gate := breaker.NewCircuit(breaker.Config{Window: time.Hour}), bulkhead.NewGate(bulkhead.Config{Limit: 1})
			row.cfg.Circuit, row.cfg.Gate = circuit, gate
			cc := connection(t, addr, append(ductilegrpc.DialOptions(row.cfg), plaintext)...)
			ended := make(chan struct{})
			s, err := open(tpb.NewTestServiceClient(cc), grpc.OnFinish(func(error) { close(ended) }))
			require.NoError(t, err, name)
			m := new(tpb.StreamingOutputCallResponse)
			require.NoError(t, s.RecvMsg(m), name)
			require.NoError(t, cc.Close(), name)
			<-ended
			assert.Zero(t, gate.Snapshot().InUse, name)
			assert.Equal(t, row.counts, circuit.Snapshot().Counts, name)
			assert.PanicsWithValue(t, who, func() { _ = s.RecvMsg(m) }, name)
		}
	}
}
