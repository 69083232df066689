package ductilegrpc

import (
	"context"
	"errors"
	"io"
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
	written   bool        // the request was, or gRPC has read it
	header    metadata.MD // of the attempt that runs
	committed bool        // the caller has header
	done      bool        // the policies' part
	reply     *Reply
	err       error

	closed    bool // for requests
	delivered bool // the first message
}

// one opens a stream with one request. It returns when an attempt has opened it.
func (o *opening) one() (grpc.ClientStream, error) {
	s := &oneRequest{opening: o, asked: make(chan struct{}), typed: make(chan struct{})}
	s.change = sync.NewCond(&o.mu)
	if t := declared(o.method).reply; t != nil {
		s.shape.proto = t
		close(s.typed)
	}
	p, own := o.pipeline()
	s.own = own
	policy.Go(o.c.clock(), func() { s.run(p) })
	s.await(func() bool { return s.opened || s.done })
	if s.err != nil {
		s.serve(nil, nil)
		return nil, s.err
	}
	return s, nil
}

// run runs the policies.
func (s *oneRequest) run(p *pipeline.Pipeline[*Reply]) {
	reply, err := (*Reply)(nil), errNoReturn
	defer func() {
		reply, err = s.settle(reply, err)
		s.update(func() { s.done, s.reply, s.err = true, reply, err })
	}()
	reply, err = p.Do(s.root, s.attempt)
}

// await waits until what another goroutine changes is as wanted.
func (s *oneRequest) await(wanted func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !wanted() {
		s.change.Wait()
	}
}

func (s *oneRequest) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.change.Broadcast()
}

// attempt opens the stream, sends the request and waits for the first message.
func (s *oneRequest) attempt(ctx context.Context) (*Reply, error) {
	n, err := s.begin()
	if err != nil {
		return nil, err
	}
	f, err := s.openFlow(ctx, n)
	if err != nil {
		return s.fail(ctx, nil, &failure{err: err})
	}
	kept := false
	defer func() {
		if !kept { // also after a panic
			f.close()
		}
	}()
	s.update(func() { s.opened = true })
	sent, header, first, err := s.exchange(f)
	if errors.Is(err, io.EOF) {
		first, err = nil, nil // a stream without messages
	}
	if err == nil && !f.keep() && first != nil {
		err = status.FromContextError(context.Canceled).Err()
	}
	if err != nil {
		return s.lost(ctx, f, &failure{err: err, header: header, final: sent && !s.kept})
	}
	kept = true
	return s.keep(f, first, header), nil
}

// exchange sends the request and reads the first message. sent is false if nothing of the
// request has been sent.
func (s *oneRequest) exchange(f *flow) (sent bool, header metadata.MD, first any, err error) {
	if !wait(f.ctx, s.asked) {
		return false, nil, nil, status.FromContextError(f.ctx.Err()).Err()
	}
	if s.sends {
		sent = true
		err = f.SendMsg(s.req)
		s.update(func() { s.written = true })
	}
	if err == nil {
		err = f.CloseSend()
	}
	if err != nil && !errors.Is(err, io.EOF) { // RecvMsg says what that was
		return sent, nil, nil, err
	}
	if header, err = f.Header(); err != nil {
		return sent, nil, nil, err
	}
	s.update(func() { s.header = header })
	if !wait(f.ctx, s.typed) {
		return sent, nil, nil, status.FromContextError(f.ctx.Err()).Err()
	}
	first = s.shape.fresh()
	if err = f.RecvMsg(first); err != nil {
		f.end(err)
	}
	return sent, header, first, err
}

// wait waits until ready is closed. It returns false if ctx ends first.
func wait(ctx context.Context, ready <-chan struct{}) bool {
	select {
	case <-ready:
		return true
	case <-ctx.Done():
		return false
	}
}

// lost ends an attempt that was opened. If the caller has got its header, it is the last:
// that of another would be a different one.
func (s *oneRequest) lost(ctx context.Context, f *flow, e *failure) (*Reply, error) {
	e.req = s.req
	s.update(func() {
		e.final = e.final || s.committed
		if !s.committed {
			s.header = nil
		}
	})
	return s.fail(ctx, f, e)
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

// Header waits for the header of the attempt that runs. There is no other attempt after it
// has returned.
func (s *oneRequest) Header() (metadata.MD, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.header == nil && !s.done {
		s.change.Wait()
	}
	s.committed = true
	switch {
	case s.done && s.reply == nil:
		return s.last.Header, nil
	case s.done && s.reply.flow == nil:
		return s.reply.Header, nil
	}
	return s.header, nil
}

// Trailer returns the trailer of the last attempt, when RecvMsg has returned an error.
func (s *oneRequest) Trailer() metadata.MD {
	s.await(func() bool { return s.done })
	switch r := s.reply; {
	case r == nil:
		return s.last.Trailer
	case r.flow == nil:
		return r.Trailer
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
	if s.shape == (shape{}) {
		s.shape = shapeOf(m)
		close(s.typed)
	}
	s.await(func() bool { return s.done })
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
		return s.ended(r, s.header, err)
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
	return err
}
