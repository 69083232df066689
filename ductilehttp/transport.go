package ductilehttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	values "github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// Transport is an http.RoundTripper that makes requests resilient. Make one with
// [NewTransport]. It is safe for concurrent use.
//
// It keeps the contract of http.RoundTripper. The request is not modified, and its body is
// closed once, whatever happens. There is either a response or an error. If attempts
// end on a bad status, the last response comes back, readable, with a nil error, as
// from the base; [Attempts] says why there was no other. If a circuit refused a further
// attempt, the error says so, and matches the *[StatusError] too.
//
// The timeouts end with the header of the final response. From then on its body has
// the caller's context, and each Read has Config.ReadIdle. A circuit judges a response
// when its body has ended, so callers must close it. A response that is given up for
// another attempt is read to its end, within 64 KiB and 100 ms, and closed before the
// delay, so that its connection can be used again.
//
// A request's body is sent again by GetBody, or by Seek if it has that, as an *os.File
// does. Otherwise, if the request may be repeated, it is sent from what the first attempt
// read of it, up to Config.MaxBufferedBody.
//
// What net/http repeats by itself is kept out: one attempt is one request at the server.
// Only if an HTTP/2 server said that it has not looked at the request, it is sent once more
// in the same attempt.
//
// An attempt whose connection was closed by the server while it was idle is retried as
// any other, and ignored by circuits: it says nothing about the server's health. If new
// connections die in the same way again and again, that is counted. After such an end,
// and after a timeout on a connection that was used before, the base's idle connections
// are closed before the next attempt, at most once a second.
//
// The deprecated Request.Cancel reaches the base, but does not end a delay between
// attempts. A context always does.
//
// A request that is refused or that ran out of attempts has an error that matches
// those of packages retry, breaker and policy.
type Transport struct {
	cfg      Config
	circuits *Circuits
	inside   []policy.Policy[*http.Response]
	derived  bool // made by With
	idle     *closer

	plain  bool // the base is an *http.Transport
	nested bool // the base is a Transport
	pooled bool // the base bounds its connections to a host
	h2c    bool // the base speaks HTTP/2 without TLS

	readStall, writeStall *policy.TimeoutError
}

// NewTransport returns a Transport as cfg says. It panics with Validate's error.
func NewTransport(cfg Config) *Transport {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	t := &Transport{
		cfg: cfg, idle: &closer{base: cfg.Base},
		readStall:  &policy.TimeoutError{Name: "read idle", After: cfg.ReadIdle},
		writeStall: &policy.TimeoutError{Name: "write idle", After: cfg.WriteIdle},
	}
	t.look()
	t.circuits = &Circuits{one: cfg.Circuit, none: cfg.Pipeline != nil || cfg.NoCircuit}
	t.circuits.hosts = keyed.New(keyed.Config[hostKey, *host]{
		Make: t.newHost, Overflow: t.overflow, Clock: cfg.Circuits.Clock,
	})
	return t
}

// look finds out what can be known about the base.
func (t *Transport) look() {
	switch base := t.cfg.Base.(type) {
	case *Transport:
		t.nested = true
	case *http.Transport:
		t.plain = true
		t.pooled = base.MaxConnsPerHost > 0
		t.h2c = base.Protocols != nil && base.Protocols.UnencryptedHTTP2() && !base.Protocols.HTTP1()
	}
}

// Config returns t's config, with its defaults.
func (t *Transport) Config() Config { return t.cfg }

// Circuits returns the circuits that t consults. With a Pipeline there are none: it has
// its own.
func (t *Transport) Circuits() *Circuits { return t.circuits }

// CloseIdleConnections closes those of the base, if it has a method for that. It is what
// http.Client.CloseIdleConnections calls.
func (t *Transport) CloseIdleConnections() { closeIdle(t.cfg.Base) }

// RoundTrip sends r, and again as configured.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL == nil { // before a rule is asked that would look at it
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errors.New("ductilehttp: nil Request.URL")
	}
	pin := t.circuits.hosts.Pin(hostOf(r.URL))
	defer pin.Release()
	x := newExchange(t, pin.Value(), r)
	var answer *http.Response
	defer func() { x.finish(answer) }()
	ctx := r.Context()
	resp, err := t.calls(ctx, x).Do(ctx, x.attempt)
	if resp, err = x.settle(ctx, resp, err); err != nil {
		return nil, outward(err)
	}
	answer = resp
	return answer, nil
}

// calls returns the pipeline for an exchange.
func (t *Transport) calls(ctx context.Context, x *exchange) *pipeline.Pipeline[*http.Response] {
	if o, ok := ctx.Value(overrideKey{}).(*Override); ok {
		return t.override(o, x)
	}
	return x.host.pipeline(t, x)
}

// With returns a Transport with the same config and circuits whose attempts also run through the
// given policies: inside of the breaker, outside of the attempt timeout, or innermost in
// a Pipeline. A policy there may read a response, so that one which breaks off is an
// attempt that failed, or turn it into an error. Make it once, not for each request. With
// panics if a policy is nil.
func (t *Transport) With(inside ...policy.Policy[*http.Response]) *Transport {
	for i, p := range inside {
		if values.Nil(p) {
			panic(fmt.Sprintf("ductilehttp: Transport.With: policy %d of %d is nil, want a policy", i+1, len(inside)))
		}
	}
	w := *t
	w.inside = slices.Concat(t.inside, inside)
	w.derived = true
	return &w
}
