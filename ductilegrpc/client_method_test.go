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
	"google.golang.org/grpc/encoding"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// The methods of ductile.test.Cart, whose .proto is made here.
func init() {
	method := func(name string, level descriptorpb.MethodOptions_IdempotencyLevel) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{
			Name: proto.String(name), InputType: proto.String(".google.protobuf.Empty"), OutputType: proto.String(".google.protobuf.Empty"),
			Options: &descriptorpb.MethodOptions{IdempotencyLevel: level.Enum()},
		}
	}
	plain := method("Pay", descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN)
	plain.Options = nil
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("ductile/test/cart.proto"), Package: proto.String("ductile.test"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/protobuf/empty.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Cart"), Method: []*descriptorpb.MethodDescriptorProto{
			method("Get", descriptorpb.MethodOptions_NO_SIDE_EFFECTS), method("Set", descriptorpb.MethodOptions_IDEMPOTENT),
			method("Add", descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN), plain,
		}}},
	}, protoregistry.GlobalFiles)
	if err == nil {
		err = protoregistry.GlobalFiles.RegisterFile(file)
	}
	if err != nil {
		panic(err)
	}
}

// anyMethod serves every method with handler.
func anyMethod(t *testing.T, cfg ductilegrpc.Config, handler grpc.StreamHandler, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	l := listener(t)
	known := &service{stream: func(_ *tpb.StreamingOutputCallRequest, out output) error { return handler(nil, out) }}
	listenOn(t, l, known, grpc.UnknownServiceHandler(handler))
	return connection(t, l.Addr().String(), append(append(ductilegrpc.DialOptions(cfg), plaintext), opts...)...)
}

func TestIdempotencyIsWhatTheProtoDeclares(t *testing.T) {
	cfg, _ := swift()
	var n counter
	observing := breaker.NewCircuit(breaker.Config{Shadow: true})
	cc := anyMethod(t, ductilegrpc.Config{Retry: cfg, Circuit: observing}, func(any, grpc.ServerStream) error {
		n.Add(1)
		return status.Error(codes.DeadlineExceeded, "too late")
	})
	for method, attempts := range map[string]int64{
		"/ductile.test.Cart/Get": 3, "/ductile.test.Cart/Set": 3, "/ductile.test.Cart/Add": 1, "/ductile.test.Cart/Pay": 1,
		"/ductile.test.Cart/None": 1, "/ductile.test.None/Get": 1, "/google.protobuf.Empty/Get": 1,
		"/malformed": 0, // refused by the server itself
	} {
		for range 2 { // found, and remembered
			n.Store(0)
			err := cc.Invoke(t.Context(), method, &emptypb.Empty{}, &emptypb.Empty{})
			require.Error(t, err)
			assert.EqualValues(t, attempts, n.Load(), method)
		}
	}
	assert.Equal(t, attemptsOf(t, cc, &n, "/ductile.test.Cart/Get", ductilegrpc.NoRetry()), int64(1))
}

func attemptsOf(t *testing.T, cc *grpc.ClientConn, n *counter, method string, opts ...grpc.CallOption) int64 {
	t.Helper()
	n.Store(0)
	require.Error(t, cc.Invoke(t.Context(), method, &emptypb.Empty{}, &emptypb.Empty{}, opts...))
	return n.Load()
}

func TestIdempotentReplacesTheProto(t *testing.T) {
	cfg, _ := swift()
	var n counter
	cc := anyMethod(t, ductilegrpc.Config{Retry: cfg, Idempotent: func(m string) bool { return m == "/ductile.test.Cart/Pay" }},
		func(any, grpc.ServerStream) error {
			n.Add(1)
			return status.Error(codes.Aborted, "conflict")
		})
	assert.EqualValues(t, 3, attemptsOf(t, cc, &n, "/ductile.test.Cart/Pay"))
	assert.EqualValues(t, 1, attemptsOf(t, cc, &n, "/ductile.test.Cart/Get"))
}

var oneWay = &grpc.StreamDesc{ServerStreams: true}

// The type of the messages of a method whose .proto is not known comes with RecvMsg.
func TestAStreamOfAnUnknownMethodIsRepeatedToo(t *testing.T) {
	cfg, _ := swift()
	var n counter
	cc := anyMethod(t, ductilegrpc.Config{Retry: cfg}, func(_ any, s grpc.ServerStream) error {
		if n.Add(1) == 1 {
			return status.Error(codes.Unavailable, "down")
		}
		return errors.Join(s.SendMsg(named("a")), s.SendMsg(named("b")))
	})
	s, err := cc.NewStream(t.Context(), oneWay, "/nowhere.Known/List")
	require.NoError(t, err)
	require.NoError(t, s.SendMsg(&emptypb.Empty{}))
	require.NoError(t, s.CloseSend())
	for _, want := range []string{"a", "b"} {
		m := new(tpb.SimpleResponse)
		require.NoError(t, s.RecvMsg(m))
		assert.Equal(t, want, m.GetUsername())
	}
	assert.EqualValues(t, 2, n.Load())
	assert.Equal(t, codes.Internal, status.Code(s.SendMsg(&emptypb.Empty{})), "after CloseSend")
}

func TestAStreamMayBeReadIntoAnotherGoType(t *testing.T) {
	cc := anyMethod(t, ductilegrpc.Config{}, func(_ any, s grpc.ServerStream) error { return s.SendMsg(numberedMessage(7)) })
	s, err := cc.NewStream(t.Context(), oneWay, "/grpc.testing.TestService/StreamingOutputCall")
	require.NoError(t, err)
	require.NoError(t, s.SendMsg(&tpb.StreamingOutputCallRequest{}))
	m := dynamicpb.NewMessage((&tpb.StreamingOutputCallResponse{}).ProtoReflect().Descriptor())
	require.NoError(t, s.RecvMsg(m))
	typed := new(tpb.StreamingOutputCallResponse)
	wire, err := proto.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, proto.Unmarshal(wire, typed))
	assert.Equal(t, "7", string(typed.GetPayload().GetBody()))
}

func TestAStreamThatIsReadIntoAWrongTypeEnds(t *testing.T) {
	cc := anyMethod(t, ductilegrpc.Config{}, func(_ any, s grpc.ServerStream) error { return s.SendMsg(numberedMessage(7)) })
	s, err := cc.NewStream(t.Context(), oneWay, "/grpc.testing.TestService/StreamingOutputCall")
	require.NoError(t, err)
	require.NoError(t, s.SendMsg(&tpb.StreamingOutputCallRequest{}))
	assert.Equal(t, codes.Internal, status.Code(s.RecvMsg(&emptypb.Empty{})))
}

func TestTheServerSeesThatAStreamHasNoRequest(t *testing.T) {
	cc := anyMethod(t, ductilegrpc.Config{}, func(_ any, s grpc.ServerStream) error { return s.RecvMsg(&emptypb.Empty{}) })
	s, err := cc.NewStream(t.Context(), oneWay, "/ductile.test.Cart/Pay")
	require.NoError(t, err)
	require.NoError(t, s.CloseSend())
	require.NoError(t, s.CloseSend())
	assert.Equal(t, codes.Unknown, status.Code(s.RecvMsg(&emptypb.Empty{})), "the handler has met the end")
}

// text is a codec of strings: messages that cannot be cloned.
type text struct{}

func (text) Name() string                       { return "ductile-text" }
func (text) Marshal(v any) ([]byte, error)      { return []byte(*v.(*string)), nil }
func (text) Unmarshal(data []byte, v any) error { *v.(*string) = string(data); return nil }
func init()                                     { encoding.RegisterCodec(text{}) }

func TestMessagesOfOtherCodecsWork(t *testing.T) {
	cfg, _ := swift()
	var n counter
	cc := anyMethod(t, ductilegrpc.Config{Retry: cfg}, func(_ any, s grpc.ServerStream) error {
		var in string
		if err := s.RecvMsg(&in); err != nil {
			return err
		}
		if n.Add(1)%2 == 1 {
			return status.Error(codes.Unavailable, "down")
		}
		in += "!"
		return s.SendMsg(&in)
	})
	in, out := "ask", ""
	require.NoError(t, cc.Invoke(t.Context(), "/text.Service/Ask", &in, &out, grpc.CallContentSubtype("ductile-text")))
	assert.Equal(t, "ask!", out)

	// Its requests cannot be kept.
	s, err := cc.NewStream(t.Context(), oneWay, "/text.Service/List", grpc.CallContentSubtype("ductile-text"))
	require.NoError(t, err)
	require.NoError(t, s.SendMsg(&in))
	assert.Equal(t, codes.Unavailable, status.Code(s.RecvMsg(&out)))
	assert.EqualValues(t, 3, n.Load())

	n.Store(0)
	p := pipeline.New[*ductilegrpc.Reply](policy.FallbackValue(&ductilegrpc.Reply{Message: &emptypb.Empty{}}))
	err = cc.Invoke(t.Context(), "/text.Service/Ask", &in, &out, grpc.CallContentSubtype("ductile-text"), ductilegrpc.WithPipeline(p))
	assert.ErrorContains(t, err, "Reply.Message is a *emptypb.Empty, want a *string")
}

func TestAStreamWhoseRequestNeverComesEndsWithItsContext(t *testing.T) {
	clk := fake.NewClock(fake.For(t))
	cc := anyMethod(t, ductilegrpc.Config{Retry: retry.Config{Clock: clk}, AttemptTimeout: 20 * time.Second}, func(_ any, s grpc.ServerStream) error {
		<-s.Context().Done()
		return nil
	})
	for _, opts := range [][]grpc.CallOption{nil, {ductilegrpc.NoRetry()}} {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := cc.NewStream(ctx, oneWay, "/ductile.test.Cart/Get", opts...)
		require.NoError(t, err)
		assert.NotNil(t, s.Context())
		cancel()
		assert.Equal(t, codes.Canceled, status.Code(s.RecvMsg(&emptypb.Empty{})))
		assert.Empty(t, s.Trailer())
	}
	s, err := cc.NewStream(t.Context(), oneWay, "/ductile.test.Cart/Pay")
	require.NoError(t, err)
	clk.Advance(20 * time.Second)
	assert.Equal(t, codes.DeadlineExceeded, status.Code(s.RecvMsg(&emptypb.Empty{})))

	_, err = cc.NewStream(metadata.AppendToOutgoingContext(t.Context(), "k", "\n"), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/x.Y/Z")
	assert.Equal(t, codes.Internal, status.Code(err))
}
