package main

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
)

// server behaves as the script says, and counts.
type server struct {
	*httptest.Server
	phase    func() int // the current phase of the run
	n        atomic.Int64
	requests []atomic.Int64 // by phase
	open     atomic.Int64   // connections
	made     atomic.Int64   // connections in total
	kept     atomic.Int64   // connections reset at a later request than their first
}

const content = "what the client came for\n"

func newServer(phase func() int) *server {
	s := &server{phase: phase, requests: make([]atomic.Int64, len(script))}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ConnState = s.count
	s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, servedKey{}, new(atomic.Int64))
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	return s
}

// servedKey is the context key for the number of requests on a connection.
type servedKey struct{}

func (s *server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
		s.made.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.open.Add(-1)
	default: // active or idle: still open
	}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i := s.phase()
	s.requests[i].Add(1)
	a := script[i].act(s.n.Add(1))
	served := r.Context().Value(servedKey{}).(*atomic.Int64).Add(1)
	if (a == resets || a == breaksOff) && served > 1 {
		s.kept.Add(1)
	}
	a.do(w, r)
}

// do performs a.
func (a act) do(w http.ResponseWriter, r *http.Request) {
	switch a {
	case answers:
		_, _ = io.WriteString(w, content)
	case refuses:
		http.Error(w, strings.Repeat("out of order ", 64), http.StatusServiceUnavailable)
	case hangs:
		<-r.Context().Done()
	case resets:
		reset(w, "")
	case breaksOff:
		reset(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nwhat the client c")
	}
}

// reset writes the bytes in begun and breaks the connection so that the client reads
// "connection reset".
func reset(w http.ResponseWriter, begun string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(conn, begun)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
