package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// proxy runs between the checkout and Stripe's mock server. It injects the faults of a
// script, one per request, and adds what the mock lacks: it stores the response to an
// idempotency key and returns it for every repeated request. It keeps the ledger by which
// the demo is judged.
type proxy struct {
	*httptest.Server
	target string

	mu     sync.Mutex
	script []fault
	outage bool
	ledger map[string]*entry
}

// entry is what the server saw for one idempotency key.
type entry struct {
	requests, charges, replays int

	busy   bool // a request with this key is being answered
	stored *answer
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// fault is what happens to one request.
type fault struct {
	status int           // answer with this status instead of the mock's response, if set
	kind   string        // the error's type in the JSON body
	header [2]string     // one header to add
	reset  bool          // break the connection instead
	delay  time.Duration // delay the mock's response
	lost   bool          // break the connection instead of sending the mock's response
	cut    bool          // break the connection in the middle of the response
}

func newProxy(target string) *proxy {
	p := &proxy{target: target, ledger: map[string]*entry{}}
	p.Server = httptest.NewServer(p)
	return p
}

// inject adds faults to the script.
func (p *proxy) inject(faults ...fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = append(p.script, faults...)
}

// setOutage turns an outage, in which every connection breaks, on or off.
func (p *proxy) setOutage(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outage = on
}

// seen returns what the server saw for a key.
func (p *proxy) seen(key string) entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.ledger[key]; e != nil {
		return *e
	}
	return entry{}
}

// next records the request and returns the fault for it.
func (p *proxy) next(key string) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ledger[key] == nil {
		p.ledger[key] = &entry{}
	}
	p.ledger[key].requests++
	if p.outage {
		return fault{reset: true}
	}
	if len(p.script) == 0 {
		return fault{}
	}
	f := p.script[0]
	p.script = p.script[1:]
	return f
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	f := p.next(key)
	switch {
	case f.reset:
		reset(w)
		return
	case f.status != 0:
		refusal(f).write(w)
		return
	}
	a := p.answer(r, key)
	if f.delay > 0 {
		hold(r.Context(), f.delay)
	}
	switch {
	case f.lost:
		reset(w)
	case f.cut:
		a.cut(w)
	default:
		a.write(w)
	}
}

// answer returns the response stored for the key, or gets the mock's and stores it. While a
// key's first request is in flight, answer refuses others with that key, as Stripe does.
func (p *proxy) answer(r *http.Request, key string) *answer {
	p.mu.Lock()
	e := p.ledger[key]
	switch {
	case e.stored != nil:
		e.replays++
		p.mu.Unlock()
		return e.stored
	case e.busy:
		p.mu.Unlock()
		return refusal(fault{status: http.StatusConflict, kind: "idempotency_error"})
	}
	e.busy = true
	p.mu.Unlock()

	a := p.forward(r)

	p.mu.Lock()
	defer p.mu.Unlock()
	e.busy = false
	if a.status == http.StatusOK {
		e.charges++
		e.stored = a
	}
	return a
}

// forward asks the mock. It continues after the client has disconnected, like a server that
// has begun to charge a card.
func (p *proxy) forward(r *http.Request) *answer {
	out, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, p.target+r.URL.Path, r.Body)
	if err != nil {
		return refusal(fault{status: http.StatusBadGateway, kind: "api_error"})
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding") // the transport decodes only an encoding that it asked for itself
	resp, err := http.DefaultClient.Do(out)
	if err != nil {
		return refusal(fault{status: http.StatusBadGateway, kind: "api_error"})
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return refusal(fault{status: http.StatusBadGateway, kind: "api_error"})
	}
	return &answer{status: resp.StatusCode, header: http.Header{"Content-Type": resp.Header["Content-Type"]}, body: body}
}

// refusal is a response in the API's own format.
func refusal(f fault) *answer {
	a := &answer{status: f.status, header: http.Header{"Content-Type": {"application/json"}}}
	if f.header[0] != "" {
		a.header.Set(f.header[0], f.header[1])
	}
	a.body = fmt.Appendf(nil, `{"error": {"type": %q, "message": "injected: %s"}}`, f.kind, http.StatusText(f.status))
	return a
}

func (a *answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = io.Copy(w, bytes.NewReader(a.body))
}

// cut writes half of the response and breaks the connection.
func (a *answer) cut(w http.ResponseWriter) {
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	half := *a
	half.body = a.body[:len(a.body)/2]
	half.write(w)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// hold waits for d, or until the client disconnects.
func hold(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// reset breaks the connection so that the client reads "connection reset".
func reset(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
