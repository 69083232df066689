package ductilehttp

import (
	"cmp"
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

// Transport is an http.RoundTripper that makes requests resilient. Create one with
// [NewTransport]. It is safe for concurrent use.
//
// It keeps the contract of http.RoundTripper. It does not modify the request, and always
// closes its body exactly once. It returns either a response or an error. If attempts end
// with a bad status, it returns the last response, readable, with a nil error, as the base
// would; [Attempts] returns why there was no further attempt. If a circuit rejected a
// further attempt, the error matches the rejection, and the *[StatusError] of the last
// response too.
//
// The timeouts end with the header of the final response. After that, the body has the
// caller's context, and each Read is bounded by Config.ReadIdle. A circuit judges a
// response when its body has ended, so callers must close it. A response that is discarded
// for another attempt is read to its end, within 64 KiB and 100 ms, and closed before the
// delay, so that its connection can be reused.
//
// To send a request body again, a Transport uses GetBody, or Seek if the body has it, as an
// *os.File does. Otherwise, if the request may be repeated, it sends what the first attempt
// read from the body, up to Config.MaxBufferedBody.
//
// The Transport prevents net/http's own retries: one attempt is one request at the server.
// The only exception is a request that an HTTP/2 server reports as not processed: it is
// sent once more in the same attempt.
//
// If the server closed a connection while it was idle, the attempt on it is retried like
// any other and ignored by circuits: it says nothing about the server's health. If new
// connections die in the same way repeatedly, that counts. After such an end, and after a
// timeout on a reused connection, the base's idle connections are closed before the next
// attempt, at most once a second.
//
// The deprecated Request.Cancel reaches the base, but does not end a delay between
// attempts. A context always does.
//
// The error of a request that was rejected or ran out of attempts matches the errors of
// packages retry, breaker and policy.
type Transport struct {
	cfg      Config
	circuits *Circuits
	inside   []policy.Policy[*http.Response]
	derived  bool // made by With
	idle     *closer

	plain  bool // the base is an *http.Transport
	nested bool // the base is a Transport
	pooled bool // the base limits its connections per host
	h2c    bool // the base uses HTTP/2 without TLS

	readStall, writeStall *policy.TimeoutError
}

// NewTransport returns a Transport configured by cfg. It panics with the error of Validate
// if cfg is invalid.
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
		Make: t.newHost, Overflow: t.overflow, Clock: cmp.Or(cfg.Circuits.Clock, cfg.Clock),
	})
	return t
}

// look records what is known about the base.
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

// Config returns t's config with the defaults of its own fields. The fields that configure
// policies are as they were set, except for their clocks: AttemptTimeout and TotalTimeout, for
// example, are 0 if they were.
func (t *Transport) Config() Config { return t.cfg }

// Circuits returns the circuits that t uses. It is empty if t has a Pipeline, which has its
// own circuits.
func (t *Transport) Circuits() *Circuits { return t.circuits }

// CloseIdleConnections closes the base's idle connections if the base has a method for it.
// http.Client.CloseIdleConnections calls it.
func (t *Transport) CloseIdleConnections() { closeIdle(t.cfg.Base) }

// RoundTrip sends r, and retries it as configured.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL == nil { // check before calling rules, which would dereference it
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

// With returns a Transport with the same config and circuits whose attempts also run
// through the given policies. They run inside the breaker and outside the attempt timeout,
// or innermost in a Pipeline. Such a policy may read a response, so that a body that breaks
// off fails its attempt, replace its Body, or turn a response into an error. A response that
// it does not return with the error it must close, or the response keeps its connection and
// its place until the call ends. Call With once, not for each request. With panics if a
// policy is nil.
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
