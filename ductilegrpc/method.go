package ductilegrpc

import (
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// method is what the .proto says of a method.
type method struct {
	idempotent bool
	reply      protoreflect.MessageType // nil if there is no Go type for it
}

// methods caches what declared has found. It holds no name that is unknown, because a proxy
// may call methods of its clients' choosing.
var methods sync.Map // of "/package.Service/Method" to *method

// declared returns what the .proto of a method says, or the zero method for one whose .proto
// is not linked into the program.
func declared(fullMethod string) method {
	if m, ok := methods.Load(fullMethod); ok {
		return *m.(*method)
	}
	d := descriptorOf(fullMethod)
	if d == nil {
		return method{}
	}
	m := new(method)
	if o, ok := d.Options().(*descriptorpb.MethodOptions); ok {
		m.idempotent = o.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
	}
	if t, err := protoregistry.GlobalTypes.FindMessageByName(d.Output().FullName()); err == nil {
		m.reply = t
	}
	methods.Store(fullMethod, m)
	return *m
}

// descriptorOf returns the descriptor of "/package.Service/Method", or nil.
func descriptorOf(fullMethod string) protoreflect.MethodDescriptor {
	service, name, ok := strings.Cut(strings.TrimPrefix(fullMethod, "/"), "/")
	if !ok {
		return nil
	}
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil
	}
	d, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil
	}
	return d.Methods().ByName(protoreflect.Name(name))
}
