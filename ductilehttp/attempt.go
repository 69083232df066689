package ductilehttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/policy"
)

var (
	// errSpent ends a request that would be sent again, for example because an HTTP/2
	// server refused it, if its body was not kept.
	errSpent = errors.New("ductilehttp: the request was not taken, and its body cannot be sent again")

	// errSilent ends a request that net/http was about to send on a connection that fell
	// silent.
	errSilent = errors.New("ductilehttp: the connection has fallen silent")

	// errBroken is the end of a request that net/http would have repeated unasked: how
	// often it is sent is the retry's decision, which counts.
	errBroken = fmt.Errorf("ductilehttp: the connection broke after the request was written: %w", io.ErrUnexpectedEOF)
)

// attempt is one request that is sent. It is also the request's context: that ends with
// the policies' until there is a response, and then lives on for the body, until that is
// closed or the caller's context ends.
//
// net/http repeats some requests by itself, and an attempt prevents that. On HTTP/1,
// net/http repeats a request that has no body or has a GetBody: so each request gets a body,
// empty if need be, and no GetBody. On HTTP/2, a request with a body gets no GetBody either,
// and an attempt without a body ends when net/http takes another connection. All of this is
// decided before the request is sent, at the latest when it has its first connection. The
// connections that httptrace shows are compared, and never used.
type attempt struct {
	x      *exchange
	n      int
	parent context.Context // the policies'

	ctx     context.Context // ends with cancel, and with the caller's
	cancel  context.CancelCauseFunc
	expired atomic.Pointer[error] // the cause, if a deadline of the policies' ended it
	stop    func() bool           // stops following parent; nil if that is the caller's

	trace    httptrace.ClientTrace
	patient  bool  // takes any connection
	protocol int32 // when the request was made
	bodyless bool
	replays  bool          // net/http may repeat the request by itself, as Prepare left it
	early    *http.Request // made without a body before a connection showed the protocol

	mu      sync.Mutex
	asked   bool      // for a connection
	dialled bool      // one was being dialled
	conn    net.Conn  // the one that it got, since it last asked
	reused  bool      // conn had answered before
	idle    time.Time // since when it had been idle
	shared  *shared   // conn, if it is HTTP/2's
	wrote   bool      // the header, on any connection
	heard   bool      // an answer to it
	repeats int       // of the header, by net/http

	unfit atomic.Bool // the length of the request's body is not that of its ContentLength

	injected bool // a chaos policy made the response

	avoided  bool // net/http chose a connection that had fallen silent; nothing was sent
	unlooked bool // the server said that it has not looked at the request
	spared   bool // the connection had died while it was idle

	body body // room for the response's
}

// run sends the request, and keeps what has to live on for its response.
func (a *attempt) run() (*http.Response, error) {
	kept := false
	defer func() {
		if !kept { // an error, or a panic
			a.mu.Lock()
			a.leave(false)
			a.mu.Unlock()
			a.release()
		}
	}()
	a.x.host.conns.freshen(a.x.t.idle)
	r, err := a.request()
	if err != nil {
		a.x.unsent()
		return nil, err
	}
	resp, err := a.send(r)
	err = a.learn(resp, err)
	if err != nil {
		return nil, err
	}
	a.detach()
	a.hold(resp)
	kept = true
	if !a.x.keep(resp) {
		_ = resp.Body.Close()
		return nil, context.Canceled // the exchange is over
	}
	return resp, nil
}

// send hands r to the base, and holds it to its contract.
func (a *attempt) send(r *http.Request) (resp *http.Response, err error) {
	returned := false
	defer func() {
		if !returned && r.Body != nil { // a panic, say
			_ = r.Body.Close()
		}
	}()
	resp, err = a.base().RoundTrip(r)
	returned = true
	switch {
	case err != nil:
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close()
		}
		return nil, err
	case resp == nil:
		return nil, errors.New("ductilehttp: Config.Base returned neither a response nor an error")
	case resp.Request == r || resp.Request == nil:
		resp.Request = a.x.req
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	return resp, nil
}

// request returns the request to send. Trailers are shared with the caller's, since
// their values are set while the body is read.
func (a *attempt) request() (*http.Request, error) {
	cfg := &a.x.t.cfg
	r := a.x.req.WithContext(a.watch())
	r.Header = a.x.req.Header.Clone()
	r.Body, r.GetBody = nil, nil
	if a.protocol == http2 && a.x.host.conns.silent.Load() {
		r.Close = true
	}
	if cfg.AttemptHeader != "" {
		setHeader(r, cfg.AttemptHeader, strconv.Itoa(a.n))
	}
	if cfg.TimeoutHeader != "" {
		if left, ok := timeLeft(a.parent, r.Header.Get(cfg.TimeoutHeader), policy.Now(cfg.Clock)); ok {
			setHeader(r, cfg.TimeoutHeader, left)
		}
	}
	if cfg.Prepare != nil {
		if err := a.prepare(r); err != nil {
			return nil, err
		}
	}
	return r, a.load(r)
}

func setHeader(r *http.Request, name, value string) {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set(name, value)
}

// prepareError is what Config.Prepare returned.
type prepareError struct{ err error }

func (e *prepareError) Error() string { return "ductilehttp: prepare request: " + e.err.Error() }
func (e *prepareError) Unwrap() error { return e.err }

func (a *attempt) prepare(r *http.Request) error {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	u := *r.URL
	r.URL = &u
	if err := a.x.t.cfg.Prepare(r, a.n); err != nil {
		return &prepareError{err}
	}
	return nil
}

// load gives r its body.
func (a *attempt) load(r *http.Request) error {
	body, err := a.x.upload.open()
	if err != nil {
		return err
	}
	a.bodyless, a.replays = body == nil, idempotent(r)
	if a.bodyless {
		if a.x.req.Body == nil && r.ContentLength != 0 {
			return nil // a body was forgotten, and net/http refuses to send none on HTTP/1
		}
		r.ContentLength = 0
		switch {
		case a.x.t.nested || !a.replays:
		case a.protocol == http1:
			fill(r)
		case a.protocol == unknownProtocol && a.x.t.plain:
			a.early = r
		}
		return nil
	}
	r.Body = a.pace(body, r.ContentLength)
	if a.mayRewind() {
		r.GetBody = a.rewind
	}
	return nil
}

// fill gives r an empty body, so that net/http does not repeat r on HTTP/1.
func fill(r *http.Request) { r.Body, r.TransferEncoding = new(noBody), identity }

// identity makes net/http write an empty body as none.
var identity = []string{"identity"}

// idempotent reports whether net/http may repeat r by itself, though it may have arrived:
// on HTTP/1 it does so with what it takes for idempotent, by a list of its own.
func idempotent(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil
}

// mayRewind reports whether the base gets a GetBody. On HTTP/1 net/http then repeats a
// request of which nothing was written, if it does not take it for idempotent. A base that
// is not net/http's may have uses of its own for it.
func (a *attempt) mayRewind() bool {
	t := a.x.t
	return t.nested || a.protocol != http2 && (!t.plain || a.protocol == http1 && !a.replays)
}

// rewind is the GetBody of a request. It refuses what may have arrived: asked by
// net/http, whose connection is closed by then.
func (a *attempt) rewind() (io.ReadCloser, error) {
	if !a.x.t.nested && a.mayHaveArrived() {
		return nil, errBroken
	}
	if !a.x.upload.replayable() {
		return nil, errSpent
	}
	body, err := a.x.upload.open()
	if err != nil {
		return nil, err
	}
	return a.pace(body, a.x.req.ContentLength), nil
}

func (a *attempt) mayHaveArrived() bool {
	a.mu.Lock()
	unanswered, shared, conn := a.wrote && !a.heard, a.shared != nil, a.conn
	a.mu.Unlock()
	if !unanswered || shared || !a.replays {
		return unanswered && shared
	}
	closed, known := isClosed(conn) // may be of the caller's making, so not under the lock
	return closed || !known && conn != nil
}
