// Package pipes connects clients with servers by pipes, in tests that run in a bubble of
// testing/synctest: the bubble's time passes while a connection is waited for, and stands
// still while one is served, so no time limit is missed on a busy machine.
package pipes

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// Listener is a [net.Listener] whose connections come from [Listener.Dial]. Make one with
// New. It is safe for concurrent use.
type Listener struct {
	conns   chan net.Conn
	over    chan struct{}
	close   sync.Once
	dialled atomic.Int64
}

// New returns a listener. Its channels belong to the bubble that it is made in.
func New() *Listener { return &Listener{conns: make(chan net.Conn), over: make(chan struct{})} }

// Dial returns the client's end of a connection that Accept has returned the other end of,
// whatever the network and the address. It fails when ctx ends, and with [net.ErrClosed]
// after Close.
func (l *Listener) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- served{far, l.dialled.Add(1)}:
		return near, nil
	case <-l.over:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept returns the server's end of the next connection, or [net.ErrClosed] after Close.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial. It may be called more than once.
func (l *Listener) Close() error {
	l.close.Do(func() { close(l.over) })
	return nil
}

// Addr returns an address on loopback, which certificates for tests are valid for.
func (l *Listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

// served is the server's end of a connection.
type served struct {
	net.Conn
	n int64
}

// RemoteAddr returns an address whose port is the number of the connection, from 1.
func (s served) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(s.n)}
}
