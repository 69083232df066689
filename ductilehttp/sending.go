package ductilehttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// sending is what net/http tells of one attempt, so that two things are known:
// that nothing was sent, where anything may be tried again, and that something
// may have arrived, where net/http is not to try again by itself. A body it has to
// ask for again, and is refused; a request without one is stopped.
type sending struct {
	stop    context.CancelCauseFunc // ends the attempt; nil where there is a body
	repeats bool                    // net/http may repeat it by itself, though it may have arrived
	inner   *atomic.Bool            // a Transport further in sends it, and counts by itself

	mu      sync.Mutex
	asked   bool     // for a connection
	conn    net.Conn // the one that it got, since it last asked
	wrote   bool     // the request's header, on any connection
	flushed bool     // the request, as far as net/http's buffer
	heard   bool     // an answer to it
	stopped bool
	reused  bool // conn had served before; where stopped, the one that broke
}

// watch returns ctx with hooks that are called before those of the user's.
func (s *sending) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { s.ask() },
		GotConn: func(i httptrace.GotConnInfo) { s.got(i.Conn, i.Reused) },
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
	s.stopped = s.stopped || s.stop != nil && s.flushed && s.broke()
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
func (s *sending) got(conn net.Conn, reused bool) {
	s.mu.Lock()
	s.conn = conn
	stopped := s.stopped
	if !stopped {
		s.reused = reused
	}
	s.mu.Unlock()
	if stopped && conn != nil && !isHTTP2(conn) {
		_ = conn.Close()
	}
}

// explain returns what err is to the attempt: our own stop is nobody's cancel, which
// some bases make of every context that has ended.
func (s *sending) explain(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped && errors.Is(err, context.Canceled) {
		return errBroken
	}
	return err
}

// stale reports whether err is that a connection broke which had idled.
func (s *sending) stale(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reused && errors.Is(err, errBroken)
}

// unsent reports whether it is known that nothing was sent: net/http asked for
// a connection and got none. A base that does not tell may have sent anything.
func (s *sending) unsent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked && s.conn == nil && !s.wrote
}

// mayHaveArrived reports whether the server may have the request, unanswered.
func (s *sending) mayHaveArrived() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wrote && s.broke()
}

// broke reports whether it is net/http that repeats the request, because a
// connection broke on which it may have arrived. There are other reasons to send it
// once more. What net/http does not hold for idempotent, it repeats only where not
// a byte was written. After an answer it is a redirect. And a base that hedges sends
// while the first connection is open, which net/http closes before it asks for another.
// A Transport further in refuses such a repetition itself, and has attempts of its own.
func (s *sending) broke() bool {
	return s.repeats && !s.heard && !s.inner.Load() && !isHTTP2(s.conn) && isClosed(s.conn)
}

// isClosed asks by what changes nothing on a connection that nobody writes to.
func isClosed(conn net.Conn) bool {
	return conn != nil && conn.SetWriteDeadline(time.Time{}) != nil
}

// repeats reports whether base may repeat r by itself, though it may have arrived:
// net/http does on HTTP/1 what it holds for idempotent, by a list of its own.
func repeats(base http.RoundTripper, r *http.Request) bool {
	if r.URL.Scheme == "http" && plainHTTP2(base) {
		return false
	}
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil
}

// plainHTTP2 reports whether base speaks HTTP/2 without TLS. Its connections do not
// tell.
func plainHTTP2(base http.RoundTripper) bool {
	if b, ok := base.(reading); ok {
		base = b.base
	}
	t, ok := base.(*http.Transport)
	return ok && t.Protocols != nil && t.Protocols.UnencryptedHTTP2() && !t.Protocols.HTTP1()
}

// isHTTP2 reports whether conn speaks HTTP/2, where net/http repeats a request
// only where the server said that it has not looked at it.
func isHTTP2(conn net.Conn) bool {
	c, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok && c.ConnectionState().NegotiatedProtocol == "h2"
}

// errSpent is what becomes of a request that net/http would send once more, since
// the server refused it, where its body was not kept.
var errSpent = errors.New("ductilehttp: the request was not taken, and its body cannot be sent again")

// errBroken is what became of a request when net/http would have repeated it
// unasked: how often is for the retry to say, which counts.
var errBroken = fmt.Errorf("ductilehttp: the connection broke after the request was written: %w", io.ErrUnexpectedEOF)
