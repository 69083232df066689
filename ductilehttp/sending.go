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
// may have arrived, where net/http is not to try again by itself.
type sending struct {
	mu    sync.Mutex
	asked bool     // for a connection
	conn  net.Conn // the one that it got, since it last asked
	wrote bool     // the request's header, on any connection
	heard bool     // an answer to it
}

// watch returns ctx with hooks that are called before those of the user's.
func (s *sending) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:              func(string) { s.set(func() { s.asked, s.conn = true, nil }) },
		GotConn:              func(i httptrace.GotConnInfo) { s.set(func() { s.conn = i.Conn }) },
		WroteHeaders:         func() { s.set(func() { s.wrote, s.heard = true, false }) },
		GotFirstResponseByte: func() { s.set(func() { s.heard = true }) },
	})
}

func (s *sending) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// unsent reports whether it is known that nothing was sent: net/http asked for
// a connection and got none. A base that does not tell may have sent anything.
func (s *sending) unsent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked && s.conn == nil && !s.wrote
}

// mayHaveArrived reports whether the server may have the request, unanswered. On
// HTTP/2 net/http asks for the body again only where the server said that it has
// not. After an answer it is not net/http that asks.
func (s *sending) mayHaveArrived() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
		return s.wrote && !s.heard && c.ConnectionState().NegotiatedProtocol != "h2"
	}
	return s.wrote && !s.heard
}

// errBroken is what became of a request when net/http would have repeated it
// unasked: how often is for the retry to say, which counts.
var errBroken = fmt.Errorf("ductilehttp: the connection broke after the request was written: %w", io.ErrUnexpectedEOF)
