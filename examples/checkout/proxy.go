package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"

	"github.com/ductile-go/ductile/examples/internal/shop"
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
	ledger shop.Ledger
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
	p := &proxy{target: target}
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
func (p *proxy) seen(key string) shop.Entry { return p.ledger.Seen(key) }

// next records the request and returns the fault for it.
func (p *proxy) next(key string) fault {
	p.ledger.Arrived(key)
	p.mu.Lock()
	defer p.mu.Unlock()
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
		write(w, refusal(f))
		return
	}
	a := p.ledger.Answer(key, func() *shop.Answer { return p.forward(r) })
	if f.delay > 0 {
		hold(r.Context(), f.delay)
	}
	switch {
	case f.lost:
		reset(w)
	case f.cut:
		cut(w, a)
	default:
		write(w, a)
	}
}

// forward asks the mock. It continues after the client has disconnected, like a server that
// has begun to charge a card.
func (p *proxy) forward(r *http.Request) *shop.Answer {
	out, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, p.target+r.URL.Path, r.Body)
	if err != nil {
		return shop.Refusal(http.StatusBadGateway, "api_error")
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding") // the transport decodes only an encoding that it asked for itself
	resp, err := http.DefaultClient.Do(out)
	if err != nil {
		return shop.Refusal(http.StatusBadGateway, "api_error")
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return shop.Refusal(http.StatusBadGateway, "api_error")
	}
	return &shop.Answer{Status: resp.StatusCode, Header: http.Header{"Content-Type": resp.Header["Content-Type"]}, Body: body}
}

// refusal is a response in the API's own format.
func refusal(f fault) *shop.Answer {
	a := shop.Refusal(f.status, f.kind)
	if f.header[0] != "" {
		a.Header.Set(f.header[0], f.header[1])
	}
	return a
}

func write(w http.ResponseWriter, a *shop.Answer) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Status)
	_, _ = io.Copy(w, bytes.NewReader(a.Body))
}

// cut writes half of the response and breaks the connection.
func cut(w http.ResponseWriter, a *shop.Answer) {
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	half := *a
	half.Body = a.Body[:len(a.Body)/2]
	write(w, &half)
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
