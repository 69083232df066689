package ductilehttp

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptrace"
	"sync"
)

// sending is what net/http tells of one attempt, so that two things are known:
// that nothing was sent, where anything may be tried again, and that something
// may have arrived, where net/http is not to try again by itself. A body it has to
// ask for again, and is refused; a request without one is stopped.
type sending struct {
	stop context.CancelCauseFunc // ends the attempt; nil where there is a body

	mu      sync.Mutex
	asked   bool     // for a connection
	conn    net.Conn // the one that it got, since it last asked
	wrote   bool     // the request's header, on any connection
	flushed bool     // the request, as far as the kernel
	heard   bool     // an answer to it
	stopped bool
}

// watch returns ctx with hooks that are called before those of the user's.
func (s *sending) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { s.ask() },
		GotConn: func(i httptrace.GotConnInfo) { s.got(i.Conn) },
		WroteHeaders: func() {
			s.set(func() { s.wrote, s.heard = true, false })
		},
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			s.set(func() { s.flushed = i.Err == nil })
		},
		GotFirstResponseByte: func() { s.set(func() { s.heard = true }) },
	})
}

func (s *sending) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// ask is net/http asking for a connection: for another one, where the request has
// gone out already, and then it is stopped.
func (s *sending) ask() {
	s.mu.Lock()
	s.stopped = s.stop != nil && s.flushed && !s.heard && !isHTTP2(s.conn)
	s.asked, s.conn = true, nil
	stopped := s.stopped
	s.mu.Unlock()
	if stopped {
		s.stop(errBroken)
	}
}

// got is net/http getting a connection. It may look at the context too late to see
// that the attempt is stopped; a connection that is closed sends nothing, and then
// it does look.
func (s *sending) got(conn net.Conn) {
	s.mu.Lock()
	s.conn = conn
	stopped := s.stopped
	s.mu.Unlock()
	if stopped && conn != nil && !isHTTP2(conn) {
		_ = conn.Close()
	}
}

// unsent reports whether it is known that nothing was sent: net/http asked for
// a connection and got none. A base that does not tell may have sent anything.
func (s *sending) unsent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked && s.conn == nil && !s.wrote
}

// mayHaveArrived reports whether the server may have the request, unanswered.
// After an answer it is not net/http that asks.
func (s *sending) mayHaveArrived() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wrote && !s.heard && !isHTTP2(s.conn)
}

// isHTTP2 reports whether conn speaks HTTP/2, where net/http repeats a request
// only where the server said that it has not looked at it.
func isHTTP2(conn net.Conn) bool {
	c, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok && c.ConnectionState().NegotiatedProtocol == "h2"
}

// errBroken is what became of a request when net/http would have repeated it
// unasked: how often is for the retry to say, which counts.
var errBroken = fmt.Errorf("ductilehttp: the connection broke after the request was written: %w", io.ErrUnexpectedEOF)
