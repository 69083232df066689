package ductilehttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"
)

// watch returns the context to send in, with hooks that are called before the caller's.
func (a *attempt) watch() context.Context {
	t := a.x.t
	a.protocol = a.x.host.conns.protocol.Load()
	a.trace.GetConn = a.getConn
	a.trace.GotConn = a.gotConn
	a.trace.WroteHeaders = a.wroteHeaders
	a.trace.GotFirstResponseByte = a.gotFirstByte
	if a.protocol == unknownProtocol || a.x.host.conns.assumed.Load() {
		a.trace.WroteHeaderField = func(name string, _ []string) { a.x.host.conns.learn(name) }
	}
	if t.pooled {
		a.trace.DNSStart = func(httptrace.DNSStartInfo) { a.dialling() }
		a.trace.ConnectStart = func(string, string) { a.dialling() }
	}
	return httptrace.WithClientTrace(a, &a.trace)
}

func (a *attempt) dialling() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dialled = true
}

func (a *attempt) getConn(string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked, a.conn = true, nil
}

// gotConn notes a connection. net/http calls it before it writes anything, and looks at
// the context in between if the connection is HTTP/2's: that ends a repetition.
func (a *attempt) gotConn(i httptrace.GotConnInfo) {
	conns := &a.x.host.conns
	if !i.Reused || a.protocol == unknownProtocol {
		conns.see(i.Conn)
	}
	if a.early != nil && spokenOn(i.Conn) == http1 {
		fill(a.early) // nothing reads it yet: net/http writes it after this
		a.early = nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.shared
	a.conn, a.reused, a.idle = i.Conn, i.Reused, time.Time{}
	if i.WasIdle {
		a.idle = time.Now().Add(-i.IdleTime)
	}
	a.leave(false)
	if conns.protocol.Load() != http2 || i.Conn == nil {
		return
	}
	a.shared = conns.enter(i.Conn)
	if conns.isMute(a.shared) && !a.patient {
		a.avoided = true
		a.cancel(errSilent)
		return
	}
	if !a.bodyless || !a.wrote || a.heard || a.x.t.nested {
		return
	}
	// net/http sends a request without a body again if the server refused the stream, is
	// going away, or reset the stream with PROTOCOL_ERROR; after the last two on a new
	// connection. One repetition is allowed, and on a new connection only of a request that
	// may be repeated.
	if a.repeats++; a.repeats > 1 || !a.x.repeatable && a.shared != before {
		a.cancel(errBroken)
		return
	}
	a.x.again()
}

func (a *attempt) wroteHeaders() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wrote, a.heard = true, false
}

func (a *attempt) gotFirstByte() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard = true
}

// leave takes the request off the HTTP/2 connection that it is on. It is called under mu.
func (a *attempt) leave(answered bool) {
	if a.shared != nil {
		a.x.host.conns.leave(a.shared, answered)
		a.shared = nil
	}
}

// learn records what the end of the request says about its connection, and returns the
// error for the policies.
func (a *attempt) learn(resp *http.Response, err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	conns := &a.x.host.conns
	if err == nil {
		if a.reused {
			conns.answers.Add(1)
		}
		a.leave(true)
		if resp.StatusCode == http.StatusMisdirectedRequest {
			conns.retire.Store(true)
		}
		return nil
	}
	if a.avoided && !a.wrote {
		return err
	}
	a.avoided = false
	if a.asked && a.conn == nil && !a.wrote {
		a.x.unsent()
		if err.Error() == http.StatusText(http.StatusProxyAuthRequired) {
			err = &proxyError{err} // a proxy's answer to CONNECT: no connection to the server was there
		}
		return a.explain(err)
	}
	if a.unlooked = unlooked(err) && !a.x.t.nested; a.unlooked {
		a.x.unsent()
		return err
	}
	err = a.explain(err)
	if a.unfit.Load() && (errors.Is(err, net.ErrClosed) || brokeOff(err)) { // by net/http, which did not say why
		return &bodyError{fmt.Errorf("its length is not the request's ContentLength: %w", err)}
	}
	if a.conn == nil || a.heard {
		return err
	}
	switch ended := a.parent.Err(); {
	case ended != nil:
		if !errors.Is(ended, context.Canceled) {
			a.silence()
		}
	case a.shared != nil && (brokeOff(err) || fellSilent(err)):
		a.spared = conns.diedUnder(a.shared, !brokeOff(err), a.idle)
		conns.retire.Store(true)
	case a.reused && (brokeOff(err) || errors.Is(err, net.ErrClosed)): // net/http closes what the peer closed
		a.spared = conns.diedIdle(a.idle)
		conns.retire.Store(true)
	case isTimeout(err):
		a.silence()
	}
	return err
}

// silence notes that the connection may have fallen silent, and others as old with it.
func (a *attempt) silence() {
	if a.shared != nil {
		a.x.host.conns.mute(a.shared)
	}
	if a.reused {
		a.x.host.conns.retire.Store(true)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// explain returns what ended the attempt if err says that it was cancelled: a deadline,
// or our own stop, which some bases report in words of their own.
func (a *attempt) explain(err error) error {
	cause := context.Cause(a.ctx)
	switch {
	case cause == nil:
		return err
	case errors.Is(cause, errBroken) && !errors.Is(err, errBroken):
		return errBroken
	case errors.Is(err, context.Canceled) && errors.Is(a.Err(), context.DeadlineExceeded):
		return cause
	case a.stalled(cause) && !errors.Is(err, cause):
		return cause
	}
	return err
}

// dry reports whether err is that the time ran out while all connections that the base
// may have to the host were in use, and none was being made.
func (a *attempt) dry(err error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.x.t.pooled && a.asked && a.conn == nil && !a.wrote && !a.dialled &&
		(isTimeout(err) || errors.Is(err, context.DeadlineExceeded))
}

// proxyError is the refusal of a proxy, which asks for credentials of its own.
type proxyError struct{ err error }

func (e *proxyError) Error() string { return e.err.Error() }
func (e *proxyError) Unwrap() error { return e.err }
