package ductilegrpc

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// attempt opens the stream, sends the request and waits for the first message.
func (s *oneRequest) attempt(ctx context.Context) (*Reply, error) {
	n, err := s.begin()
	if err == nil {
		err = s.enter()
	}
	if err != nil {
		return nil, err
	}
	var f *flow
	kept := false
	defer func() {
		if !kept { // also after a panic
			s.leave(f)
		}
	}()
	if f, err = s.openFlow(ctx, n); err != nil {
		return s.fail(ctx, nil, &failure{err: err})
	}
	s.update(func() { s.opened = true })
	sent, header, first, err := s.exchange(f)
	if errors.Is(err, errTaken) {
		return nil, err
	}
	if errors.Is(err, io.EOF) {
		first, err = nil, nil // a stream without messages
	}
	if err == nil && !f.keep() && first != nil {
		err = status.FromContextError(context.Canceled).Err()
	}
	if err != nil {
		e := &failure{err: err, header: header}
		if sent { // before, the caller may be setting these
			e.req, e.final = s.req, !s.kept
		}
		return s.lost(ctx, f, e)
	}
	kept = true
	return s.keep(f, first, header), nil
}

// enter begins an attempt. There is none once the caller has the header of another.
func (s *oneRequest) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.committed {
		return errCommitted
	}
	s.running++
	return nil
}

// leave ends an attempt that has not won. f is nil if it was not opened.
func (s *oneRequest) leave(f *flow) {
	if f != nil {
		f.close()
	}
	s.update(func() {
		s.running--
		s.forget(f)
	})
}

// forget drops the header of an attempt, unless the caller has it. It is called under mu.
func (s *oneRequest) forget(f *flow) {
	if s.of == f && !s.committed {
		s.header, s.of = nil, nil
	}
}

// take reports whether an attempt may send the request: one that was not kept is sent once.
func (s *oneRequest) take() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken && !s.kept {
		return false
	}
	s.taken = true
	return true
}

// exchange sends the request and reads the first message. sent is false if nothing of the
// request has been sent.
func (s *oneRequest) exchange(f *flow) (sent bool, header metadata.MD, first any, err error) {
	if !wait(f.ctx, s.asked) {
		return false, nil, nil, status.FromContextError(f.ctx.Err()).Err()
	}
	if s.sends {
		if !s.take() {
			return false, nil, nil, errTaken
		}
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
	if header == nil { // the stream has ended without a message
		err = f.RecvMsg(nil)
		f.end(err)
		return sent, nil, nil, err
	}
	s.update(func() { s.header, s.of = header, f })
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
	s.update(func() {
		e.final = e.final || s.committed
		s.forget(f)
	})
	return s.fail(ctx, f, e)
}
