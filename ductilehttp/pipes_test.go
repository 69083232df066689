package ductilehttp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ductile-go/ductile/internal/pipes"
)

// overPipes is serve in the bubble of t, for a server that start starts.
func overPipes(t *testing.T, h http.HandlerFunc, start func(*httptest.Server)) *service {
	t.Helper()
	p := pipes.New()
	s := serve(t, h, func(s *httptest.Server) {
		_ = s.Listener.Close()
		s.Listener = p
		start(s)
	})
	s.base.DialContext = p.Dial
	return s
}

// inBubble starts a server in the bubble of t, and returns a base that connects to it.
func inBubble(t *testing.T, h http.HandlerFunc) *http.Transport {
	p := pipes.New()
	server := &http.Server{Handler: h, ErrorLog: quiet, ReadHeaderTimeout: time.Hour}
	go func() { _ = server.Serve(p) }()
	base := &http.Transport{DialContext: p.Dial}
	t.Cleanup(func() {
		base.CloseIdleConnections()
		_ = server.Close()
	})
	return base
}
