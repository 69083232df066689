package ductilehttp

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Protocols, as far as it matters what net/http repeats by itself on them.
const (
	unknownProtocol int32 = iota
	http1
	http2
)

const (
	// spareAfter is how many answers a host must have given on connections that were used
	// before, since such a connection was last found dead, before its end is taken for an
	// idle connection's again.
	spareAfter = 5
	// closeEvery is how often idle connections are closed at most: the base's other hosts
	// lose theirs too.
	closeEvery = time.Second
	// tracked is how many HTTP/2 connections are remembered for a host.
	tracked = 8
)

// connections is what is known about the connections to a host. They belong to the
// base: they are compared, and never used.
type connections struct {
	protocol atomic.Int32
	assumed  atomic.Bool // protocol was not seen yet

	// answers counts answers on connections that were used before, since the last death that
	// was ignored. It is added to by every call, and so not under mu: an answer beside a death
	// may count for either side of it, which moves the next verdict by that one answer.
	answers atomic.Int64

	// silent says that a connection in shared is. Requests then ask for a connection that is
	// not used again, which makes net/http part with the silent one.
	silent atomic.Bool

	mu     sync.Mutex
	died   time.Time // when connections were last found dead that had idled
	shared []*shared // HTTP/2 connections, the newest last
	retire atomic.Bool
}

// shared is an HTTP/2 connection, which carries several requests at a time.
type shared struct {
	conn     net.Conn
	requests int  // in flight
	answered bool // since its last end without an answer
	counted  bool // its death was
	silent   bool // a request on it timed out
}

// enter notes that a request is about to be sent on an HTTP/2 connection.
func (c *connections) enter(conn net.Conn) *shared {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.shared {
		if s.conn == conn {
			s.requests++
			return s
		}
	}
	if len(c.shared) == tracked {
		copy(c.shared, c.shared[1:])
		c.shared = c.shared[:tracked-1]
	}
	s := &shared{conn: conn, requests: 1}
	c.shared = append(c.shared, s)
	return s
}

// leave notes that a request on s has ended, with an answer or without.
func (c *connections) leave(s *shared, answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.requests--
	s.answered = answered
	s.silent = s.silent && !answered
}

// mute notes that a request on s timed out.
func (c *connections) mute(s *shared) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.silent = true
	c.silent.Store(true)
}

// isMute reports whether s fell silent. If not, the silent ones are out of use.
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

// diedUnder reports whether the end of a request by the death of its HTTP/2 connection
// is to be ignored: the death was counted already, or nothing else was on the connection,
// which had answered before.
func (c *connections) diedUnder(s *shared, silent bool, since time.Time) (ignored bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.counted {
		return true
	}
	s.counted = true
	for i, other := range c.shared {
		if other == s {
			c.shared = append(c.shared[:i], c.shared[i+1:]...)
			break
		}
	}
	return !silent && s.requests == 1 && s.answered && c.spare(since)
}

// diedIdle reports whether the end of a request on a connection that had been idle since
// the given time is to be ignored.
func (c *connections) diedIdle(since time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spare(since)
}

// spare decides about the death of a connection that had answered before. All
// connections that were idle when the first was found dead died of one cause. The death
// of one that was used since then is ignored only if connections that are kept alive
// have worked meanwhile: of a server that kills each of them, none ever answers again.
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

// learn notes what the name of a written header field tells about the protocol: HTTP/1
// begins with Host, and HTTP/2 with pseudo-headers.
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

// see notes what a new connection tells about the protocol.
func (c *connections) see(conn net.Conn) {
	t, ok := conn.(*tls.Conn)
	switch {
	case !ok:
	case t.ConnectionState().NegotiatedProtocol == "h2":
		c.speaks(http2)
	default:
		c.speaks(http1)
	}
}

// freshen closes idle connections before a request is sent, if one of them was found
// dead or silent: others that idled as long may be too.
func (c *connections) freshen(idle *closer) {
	if c.retire.Load() && c.retire.CompareAndSwap(true, false) && !idle.close() {
		c.retire.Store(true) // as soon as it is time
	}
}

// closer closes the idle connections of a base, at most once in closeEvery.
type closer struct {
	base http.RoundTripper
	last atomic.Int64 // Unix time in ns
}

func (c *closer) close() bool {
	now, last := time.Now().UnixNano(), c.last.Load()
	// By one compare-and-swap: of several that find the time come, one closes.
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

// isClosed reports whether conn is known to be closed on this side. It changes nothing
// on the connection.
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

// lostConnections are the beginnings of net/http's messages about a connection that the
// peer closed.
var lostConnections = [...]string{
	"http: server closed idle connection", "http2: server sent GOAWAY and closed the connection", "http2: client conn is closed",
	"http2: Transport received GOAWAY from server", "http2: Transport received Server's graceful shutdown GOAWAY",
}

// endedHere are the beginnings of net/http's messages about an HTTP/2 connection that
// ended on this side: it fell silent, or broke as it was written to.
var endedHere = [...]string{"http2: client connection lost", "http2: client connection force closed"}

// fellSilent reports whether err says that the connection ended on this side.
func fellSilent(err error) bool {
	return errors.Is(err, net.ErrClosed) || anyOf(err, func(err error) bool { return beginsWith(err.Error(), endedHere[:]) })
}

// brokeOff reports whether err says that the peer closed or reset the connection. A
// timeout is something else.
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

// refusedBy are the messages, up to their variable part, with which net/http reports
// that an HTTP/2 server has not looked at a request whose body it cannot send again.
const (
	cannotRetry  = "http2: Transport: cannot retry err ["
	goneAway     = "http2: Transport received Server's graceful shutdown GOAWAY]"
	streamError  = "stream error: stream ID "
	streamRefuse = "; REFUSED_STREAM; "
)

// unlooked reports whether err says that an HTTP/2 server has not looked at the request:
// it refused the stream, or was going away. After any other reset it may have.
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
