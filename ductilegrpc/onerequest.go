package ductilegrpc

import (
	"context"
	"io"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// oneRequest is a stream with one request. The policies run on a goroutine of their own
// until its first message, because only then it is known whether an attempt has succeeded:
// the caller has its stream before.
type oneRequest struct {
	*opening
	own   bool          // the pipeline is made here
	asked chan struct{} // closed when the request is there
	typed chan struct{} // closed when the type of the messages is known
	shape shape

	req   any
	kept  bool // req is a copy
	sends bool // there is a request

	change    *sync.Cond  // of what follows, under opening.mu
	opened    bool        // by an attempt
	taken     bool        // the request, by an attempt
	written   bool        // the request was, or gRPC has read it
	running   int         // attempts, the one that has won included
	header    metadata.MD // of the attempt of
	of        *flow       // runs, or nil
	committed bool        // the caller has header
	done      bool        // the policies' part
	concluded bool        // and what comes after it: the functions of grpc.OnFinish may use the stream
	reply     *Reply
	err       error
	panicked  *policy.PanicError

	closed    bool // for requests
	delivered bool // the first message
}

// one opens a stream with one request. It returns when an attempt has opened it.
func (o *opening) one() (grpc.ClientStream, error) {
	s := &oneRequest{opening: o, asked: make(chan struct{}), typed: make(chan struct{})}
	s.change = sync.NewCond(&o.mu)
	if t := declared(o.method).reply; t != nil && !o.options.otherCodec() {
		s.shape.proto = t
		close(s.typed)
	}
	p, own := o.pipeline()
	s.own = own
	policy.Go(o.c.clock(), func() { s.run(p) })
	if s.await(func() bool { return s.opened || s.done }); s.failed() {
		s.await(func() bool { return s.concluded })
		s.serve(nil, nil)
		return nil, s.err
	}
	return s, nil
}

// run runs the policies. A panic goes on in the caller, as that of a unary call does: here it
// would end the program.
func (s *oneRequest) run(p *pipeline.Pipeline[*Reply]) {
	reply, err := (*Reply)(nil), errNoReturn
	defer func() {
		var panicked *policy.PanicError
		if r := recover(); r != nil {
			panicked = &policy.PanicError{Value: r, Stack: debug.Stack()}
		}
		reply, err = s.settle(reply, err)
		s.update(func() { s.done, s.reply, s.err, s.panicked = true, reply, err, panicked })
		s.conclude(reply, err)
		s.update(func() { s.concluded = true })
	}()
	reply, err = p.Do(s.root, s.attempt)
}

// await waits until what another goroutine changes is as wanted. It panics if the policies have.
func (s *oneRequest) await(wanted func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !wanted() {
		s.change.Wait()
	}
	if s.panicked != nil {
		panic(s.panicked.Value)
	}
}

// failed reports whether the policies have ended the stream.
func (s *oneRequest) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done && s.err != nil
}

func (s *oneRequest) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.change.Broadcast()
}

// SendMsg takes the request. It returns when the request has been copied, or sent if it is
// larger than Config.MaxReplay or no protobuf message.
func (s *oneRequest) SendMsg(m any) error {
	if s.closed {
		return status.Error(codes.Internal, "SendMsg called after CloseSend")
	}
	s.closed, s.sends, s.req = true, true, m
	if p, ok := m.(proto.Message); ok && proto.Size(p) <= s.c.cfg.MaxReplay {
		s.req, s.kept = proto.Clone(p), true
	}
	close(s.asked)
	if !s.kept {
		s.await(func() bool { return s.written || s.done })
	}
	return nil
}

// CloseSend ends the requests.
func (s *oneRequest) CloseSend() error {
	if !s.closed {
		s.closed = true
		close(s.asked)
	}
	return nil
}

// Header waits for the header of the attempt that runs, and of several side by side for that of
// the winner. There is no other attempt after it has returned.
func (s *oneRequest) Header() (header metadata.MD, err error) {
	s.await(func() bool {
		switch {
		case !s.done:
			s.committed = s.committed || s.header != nil && s.running == 1
			header = s.header
			return s.committed
		case s.reply == nil:
			header = s.last.Header
		case s.reply.flow == nil:
			header = s.reply.Header.Copy() // the Reply may be shared
		default:
			header = s.reply.Header
		}
		return true
	})
	return header, nil
}

// Trailer returns the trailer of the last attempt, when RecvMsg has returned an error.
func (s *oneRequest) Trailer() metadata.MD {
	s.await(func() bool { return s.done })
	switch r := s.reply; {
	case r == nil:
		return s.last.Trailer
	case r.flow == nil:
		return r.Trailer.Copy()
	default:
		return r.flow.Trailer()
	}
}

// Context returns the context of the stream.
func (s *oneRequest) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done && s.reply != nil && s.reply.flow != nil {
		return s.reply.flow.Context()
	}
	return s.root
}

// RecvMsg returns the first message when the policies have brought it, and reads the others.
func (s *oneRequest) RecvMsg(m any) error {
	if !s.delivered {
		of, err := shapeOf(m)
		if err != nil {
			s.cancel()
			return err
		}
		if s.shape == (shape{}) {
			s.shape = of
			close(s.typed)
		}
	}
	s.await(func() bool { return s.concluded })
	if s.err != nil {
		s.serve(nil, nil)
		return s.err
	}
	r := s.reply
	if !s.delivered {
		s.delivered = true
		if r.Message != nil {
			return s.deliver(m, r)
		}
	}
	if r.flow == nil {
		s.serve(r, nil)
		s.end(nil)
		return io.EOF
	}
	if err := r.flow.receive(m); err != nil {
		return s.ended(r, r.Header, err)
	}
	return nil
}

func (s *oneRequest) deliver(m any, r *Reply) error {
	err := give(m, r.Message, s.own)
	if r.flow != nil {
		r.Message = nil // the caller has it
	}
	if err != nil {
		s.cancel()
	}
	if !s.desc.ServerStreams { // this was the end
		if r.flow != nil {
			r.flow.finish(io.EOF)
		}
		s.serve(r, r.Header)
		s.end(err)
	}
	return err
}
