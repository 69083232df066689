package ductilegrpc

import (
	"bytes"
	"fmt"
	"reflect"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Reply is what an attempt has received, the value of the pipelines of this package. Each
// attempt has a Reply of its own, so that attempts side by side share nothing.
//
// A fallback or a cache may return a Reply too: it is copied into what the caller gave, and
// may be returned again. Its Message must be of the type that the method returns. One that is
// no protobuf message is copied without what it points to, so callers then share that. For a
// stream with one request, such a Reply is the whole stream: Message, unless that is nil,
// and then io.EOF.
type Reply struct {
	Message         any // of a stream, its first message
	Header, Trailer metadata.MD

	flow *flow // the stream that it is the beginning of
}

// shape makes messages of the type of one that belongs to the caller, without that one.
type shape struct {
	proto protoreflect.MessageType // of a protobuf message
	plain reflect.Type             // of one of another codec
}

// shapeOf returns an error if nothing can be received into m.
func shapeOf(m any) (shape, error) {
	if v := reflect.ValueOf(m); v.Kind() != reflect.Pointer || v.IsNil() {
		return shape{}, status.Errorf(codes.Internal, "ductilegrpc: the message to receive into is %T(%v), want a pointer that is not nil", m, m)
	}
	if p, ok := m.(proto.Message); ok {
		return shape{proto: p.ProtoReflect().Type()}, nil
	}
	return shape{plain: reflect.TypeOf(m).Elem()}, nil
}

// fresh returns a new message.
func (s shape) fresh() any {
	if s.proto != nil {
		return s.proto.New().Interface()
	}
	return reflect.New(s.plain).Interface()
}

// clone returns a copy of a request, and true if it shares nothing with it. Only protobuf
// messages can be copied.
func clone(req any) (any, bool) {
	if p, ok := req.(proto.Message); ok {
		return proto.Clone(p), true
	}
	return req, false
}

// give copies src into dst, a message of the caller's which shapeOf has accepted. src may be
// shared with other calls. If owned, it is not, and what it holds may be moved.
func give(dst, src any, owned bool) error {
	to, from := reflect.ValueOf(dst), reflect.ValueOf(src)
	switch {
	case src == nil || from.Kind() == reflect.Pointer && from.IsNil():
		return status.Errorf(codes.Internal, "ductilegrpc: Reply.Message is nil, want a %T", dst)
	case from.Type() != to.Type():
		return convert(dst, src)
	case from.Pointer() == to.Pointer():
		return nil
	}
	if owned {
		to.Elem().Set(from.Elem())
		return nil
	}
	return duplicate(dst, src)
}

// duplicate copies src, which may be shared, into dst, which has its Go type.
func duplicate(dst, src any) error {
	if p, ok := dst.(proto.Message); ok {
		from := src.(proto.Message)
		if p.ProtoReflect().Descriptor() != from.ProtoReflect().Descriptor() { // of dynamic messages
			return convert(dst, src)
		}
		proto.Reset(p)
		proto.Merge(p, from)
		return nil
	}
	to, from := reflect.ValueOf(dst).Elem(), reflect.ValueOf(src).Elem()
	to.Set(from)
	if to.Kind() == reflect.Slice && to.Type().Elem().Kind() == reflect.Uint8 { // a proxy's bytes
		to.SetBytes(bytes.Clone(from.Bytes()))
	}
	return nil
}

// convert copies a message into one of the same name that has another Go type, such as a
// dynamic message.
func convert(dst, src any) error {
	to, ok := dst.(proto.Message)
	from, also := src.(proto.Message)
	switch {
	case !ok || !also || reflect.TypeOf(src) != reflect.TypeOf(dst) && nameOf(from) != nameOf(to):
		return status.Errorf(codes.Internal, "ductilegrpc: Reply.Message is a %T, want a %T", src, dst)
	case nameOf(from) != nameOf(to): // of dynamic messages
		return status.Errorf(codes.Internal, "ductilegrpc: Reply.Message is a %s, want a %s", nameOf(from), nameOf(to))
	}
	wire, err := proto.Marshal(from)
	if err == nil {
		err = proto.Unmarshal(wire, to)
	}
	if err != nil {
		return status.Error(codes.Internal, fmt.Sprintf("ductilegrpc: convert a %T: %v", src, err))
	}
	return nil
}

func nameOf(m proto.Message) protoreflect.FullName { return m.ProtoReflect().Descriptor().FullName() }
