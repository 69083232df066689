package ductilehttp_test

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// rawServer implements HTTP/1.1 by hand, to break its rules.
type rawServer struct {
	URL      string
	base     *http.Transport
	requests atomic.Int64
	dials    atomic.Int64
}

// raw starts a server that passes each request, with its number and unread body, to h. It
// closes the connection when h returns false.
func raw(t *testing.T, h func(n int, c net.Conn, r *http.Request) (goOn bool)) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at the end of the test
	require.NoError(t, err)
	s := &rawServer{URL: "http://" + l.Addr().String(), base: &http.Transport{}}
	var running sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.dials.Add(1)
			mu.Lock()
			open[c] = true
			mu.Unlock()
			running.Go(func() {
				defer func() { _ = c.Close() }()
				in := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(in)
					if err != nil || !h(int(s.requests.Add(1)), c, r) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		s.base.CloseIdleConnections()
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return s
}

// reset resets a TCP connection.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
