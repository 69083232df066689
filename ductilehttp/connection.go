package ductilehttp

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Protocols, told apart because net/http repeats different requests on each.
const (
	unknownProtocol int32 = iota
	http1
	http2
)

const (
	// spareAfter is how many responses a host must have given on reused connections since
	// the last idle death before another such death is ignored.
	spareAfter = 5
	// closeEvery is the minimum time between closing idle connections: the base's other
	// hosts lose theirs too.
	closeEvery = time.Second
	// tracked is how many HTTP/2 connections are remembered per host.
	tracked = 8
)

// connections is what is known about the connections to a host. The connections belong to
// the base: they are only compared, never used.
type connections struct {
	protocol atomic.Int32
	assumed  atomic.Bool // protocol is a guess: no request has shown it yet

	// answers counts responses on reused connections since the last ignored death. Every
	// call adds to it, so it is not guarded by mu: a response that races with a death may
	// count before or after it, which shifts the next verdict by one response.
	answers atomic.Int64

	// silent reports that a connection in shared is silent. Requests then ask for a
	// connection that is not reused, which makes net/http drop the silent one.
	silent atomic.Bool

	mu     sync.Mutex
	died   time.Time // when idle connections were last found dead
	shared []*shared // HTTP/2 connections, the newest last
	retire atomic.Bool
}

// shared is an HTTP/2 connection, which carries several requests at a time.
type shared struct {
	conn     net.Conn
	requests int  // in flight
	answered bool // since its last request that ended without a response
	counted  bool // its death was counted
	silent   bool // a request on it timed out
}

// enter records that a request is about to be sent on an HTTP/2 connection.
func (c *connections) enter(conn net.Conn) *shared {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.shared {
		if s.conn == conn {
			s.requests++
			return s
		}
	}
	s := &shared{conn: conn, requests: 1}
	if !reflect.ValueOf(conn).Comparable() { // it would not be found again
		return s
	}
	if len(c.shared) == tracked {
		copy(c.shared, c.shared[1:])
		c.shared = c.shared[:tracked-1]
	}
	c.shared = append(c.shared, s)
	return s
}

// leave records that a request on s has ended, with a response or without.
func (c *connections) leave(s *shared, answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.requests--
	s.answered = answered
	s.silent = s.silent && !answered
}

// mute records that a request on s timed out.
func (c *connections) mute(s *shared) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.silent = true
	c.silent.Store(true)
}

// isMute reports whether s is silent. If it is not, the silent connections are no longer
// used.
func (c *connections) isMute(s *shared) bool {
	if !c.silent.Load() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.silent {
		c.silent.Store(false)
	}
	return s.silent
}

// diedUnder reports whether to ignore that a request ended by the death of its HTTP/2
// connection. It ignores a death that was already counted, and the death of a connection
// that had answered before and carried no other request.
func (c *connections) diedUnder(s *shared, silent bool, since time.Time) (ignored bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.counted {
		return true
	}
	s.counted = true
	c.shared = slices.DeleteFunc(c.shared, func(other *shared) bool { return other == s })
	return !silent && s.requests == 1 && s.answered && c.spare(since)
}

// diedIdle reports whether to ignore that a request ended on a connection idle since the
// given time.
func (c *connections) diedIdle(since time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spare(since)
}

// spare decides whether to ignore the death of a connection that had answered before.
// Connections that were already idle when the first was found dead share its cause. If a
// connection was used since then, its death is ignored only if reused connections have
// worked in between. A server that kills every reused connection never gives such a
// response.
func (c *connections) spare(since time.Time) bool {
	if !c.died.IsZero() && !since.IsZero() && since.Before(c.died) {
		return true
	}
	if !c.died.IsZero() && c.answers.Load() < spareAfter {
		return false
	}
	c.died = time.Now()
	c.answers.Store(0)
	return true
}

// learn derives the protocol from the name of a written header field: HTTP/1 starts with
// Host, HTTP/2 with pseudo-headers.
func (c *connections) learn(field string) {
	switch {
	case strings.HasPrefix(field, ":"):
		c.speaks(http2)
	case field == "Host":
		c.speaks(http1)
	}
}

func (c *connections) speaks(p int32) {
	if c.protocol.Load() != p || c.assumed.Load() {
		c.protocol.Store(p)
		c.assumed.Store(false)
	}
}

// see derives the protocol from a new connection.
func (c *connections) see(conn net.Conn) {
	if p := spokenOn(conn); p != unknownProtocol {
		c.speaks(p)
	}
}

// spokenOn returns the protocol that conn shows.
func spokenOn(conn net.Conn) int32 {
	t, ok := conn.(*tls.Conn)
	switch {
	case !ok:
		return unknownProtocol
	case t.ConnectionState().NegotiatedProtocol == "h2":
		return http2
	}
	return http1
}

// freshen closes idle connections before a request is sent if one of them was found dead or
// silent: others that idled as long may be dead too.
func (c *connections) freshen(idle *closer) {
	if c.retire.Load() && c.retire.CompareAndSwap(true, false) && !idle.close() {
		c.retire.Store(true) // try again once closeEvery has passed
	}
}

// closer closes the idle connections of a base, at most once per closeEvery.
type closer struct {
	base http.RoundTripper
	last atomic.Int64 // Unix time in ns
}

func (c *closer) close() bool {
	now, last := time.Now().UnixNano(), c.last.Load()
	// One compare-and-swap: of several goroutines that find the time due, only one closes.
	if last != 0 && now-last < int64(closeEvery) || !c.last.CompareAndSwap(last, now) {
		return false
	}
	closeIdle(c.base)
	return true
}

func closeIdle(base http.RoundTripper) {
	if b, ok := base.(interface{ CloseIdleConnections() }); ok {
		b.CloseIdleConnections()
	}
}

// isClosed reports whether conn is known to be closed on this side. It does not change the
// connection.
func isClosed(conn net.Conn) (closed, known bool) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	c, ok := conn.(syscall.Conn)
	if !ok {
		return false, false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false, false
	}
	return raw.Control(func(uintptr) {}) != nil, true
}

// lostConnections are the prefixes of net/http's messages about a connection that the peer
// closed.
var lostConnections = [...]string{
	"http: server closed idle connection", "http2: server sent GOAWAY and closed the connection", "http2: client conn is closed",
	"http2: Transport received GOAWAY from server", "http2: Transport received Server's graceful shutdown GOAWAY",
}

// endedHere are the prefixes of net/http's messages about an HTTP/2 connection that ended
// on this side because it was silent or because a write failed.
var endedHere = [...]string{"http2: client connection lost", "http2: client connection force closed"}

// fellSilent reports whether err says that the connection ended on this side.
func fellSilent(err error) bool {
	return errors.Is(err, net.ErrClosed) || anyOf(err, func(err error) bool { return beginsWith(err.Error(), endedHere[:]) })
}

// brokeOff reports whether err says that the peer closed or reset the connection. It
// returns false for a timeout.
func brokeOff(err error) bool {
	if isTimeout(err) {
		return false
	}
	if errors.Is(err, errBroken) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED) {
		return true
	}
	return anyOf(err, func(err error) bool { return beginsWith(err.Error(), lostConnections[:]) })
}

// Parts of the messages with which net/http reports that an HTTP/2 server has not processed
// a request whose body cannot be sent again.
const (
	cannotRetry  = "http2: Transport: cannot retry err ["
	goneAway     = "http2: Transport received Server's graceful shutdown GOAWAY]"
	streamError  = "stream error: stream ID "
	streamRefuse = "; REFUSED_STREAM; "
)

// unlooked reports whether err says that an HTTP/2 server has not processed the request:
// the server refused the stream or was shutting down. After any other reset it may have
// processed the request.
func unlooked(err error) bool {
	return anyOf(err, func(err error) bool {
		text, ok := strings.CutPrefix(err.Error(), cannotRetry)
		if !ok {
			return false
		}
		if strings.HasPrefix(text, goneAway) {
			return true
		}
		text, ok = strings.CutPrefix(text, streamError)
		return ok && strings.HasPrefix(strings.TrimLeft(text, "0123456789"), streamRefuse)
	})
}
