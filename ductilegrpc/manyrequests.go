package ductilegrpc

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// manyRequests is a stream with any number of requests. What was sent cannot be sent again,
// so the policies only open it; its end is judged.
type manyRequests struct {
	*opening
	reply     *Reply
	own       bool
	delivered bool // the first message
}

// many opens a stream with any number of requests.
func (o *opening) many() (grpc.ClientStream, error) {
	p, own := o.pipeline()
	r, err := (*Reply)(nil), errNoReturn
	settled := false
	settle := func() {
		settled = true
		r, err = o.settle(r, err)
		o.conclude(r, err)
	}
	defer func() {
		if !settled { // the policies panicked, and the caller gets no stream
			r, err = nil, errNoReturn
			settle()
		}
	}()
	r, err = p.Do(o.root, o.attempt)
	if settle(); err != nil {
		o.serve(nil, nil)
		return nil, err
	}
	return &manyRequests{opening: o, reply: r, own: own}, nil
}

// attempt opens the stream.
func (o *opening) attempt(ctx context.Context) (*Reply, error) {
	n, err := o.begin()
	if err != nil {
		return nil, err
	}
	f, err := o.openFlow(ctx, n)
	if err != nil {
		return o.fail(ctx, nil, &failure{err: err})
	}
	if !f.keep() {
		f.close()
		return nil, context.Cause(ctx)
	}
	return o.keep(f, nil, nil), nil
}

// SendMsg sends a request.
func (s *manyRequests) SendMsg(m any) error {
	f := s.reply.flow
	if f == nil {
		return io.EOF // a policy has answered
	}
	err := f.SendMsg(m)
	if err != nil && !errors.Is(err, io.EOF) {
		f.finish(err)
		_, err = outward(s.caller, s.c.clock(), err)
	}
	return err
}

// CloseSend ends the requests.
func (s *manyRequests) CloseSend() error {
	if s.reply.flow == nil {
		return nil
	}
	return s.reply.flow.CloseSend()
}

// Header waits for the header.
func (s *manyRequests) Header() (metadata.MD, error) {
	if s.reply.flow == nil {
		return s.reply.Header.Copy(), nil // the Reply may be shared
	}
	return s.reply.flow.Header()
}

// Trailer returns the trailer, when RecvMsg has returned an error.
func (s *manyRequests) Trailer() metadata.MD {
	if s.reply.flow == nil {
		return s.reply.Trailer.Copy()
	}
	return s.reply.flow.Trailer()
}

// Context returns the context of the stream.
func (s *manyRequests) Context() context.Context {
	if s.reply.flow == nil {
		return s.root
	}
	return s.reply.flow.Context()
}

// RecvMsg reads a message. If the server sends only one, that ends the stream.
func (s *manyRequests) RecvMsg(m any) error {
	r, first := s.reply, !s.delivered
	if r.flow == nil && first {
		if _, err := shapeOf(m); err != nil {
			return err
		}
	}
	s.delivered = true
	if r.flow == nil {
		return s.answer(m, first)
	}
	read := r.flow.receive
	if first {
		read = r.flow.RecvMsg
	}
	if err := read(m); err != nil {
		return s.ended(r, s.headerNow(), err)
	}
	if !s.desc.ServerStreams {
		r.flow.finish(io.EOF)
		s.serve(r, s.headerNow())
	}
	return nil
}

// headerNow returns the header of a stream that has ended, if an option asks for it.
func (s *manyRequests) headerNow() metadata.MD {
	if len(s.options.headers) == 0 {
		return nil
	}
	header, _ := s.reply.flow.Header()
	return header
}

// answer delivers the Reply of a policy.
func (s *manyRequests) answer(m any, first bool) error {
	if first && s.reply.Message != nil {
		err := give(m, s.reply.Message, false)
		if err != nil || !s.desc.ServerStreams {
			s.serve(s.reply, nil)
			s.end(err)
		}
		return err
	}
	s.serve(s.reply, nil)
	s.end(nil)
	return io.EOF
}
