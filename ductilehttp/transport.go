package ductilehttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Transport is an http.RoundTripper that makes the requests of another
// resilient. Make one with [NewTransport]. It is safe for concurrent use.
//
// It keeps to what http.RoundTripper asks. The request is not modified, and its
// body is closed once, whatever happens. There is either a response or an error.
// Where attempts on a bad status end without success, the last response comes
// back, readable, with a nil error, as it would from the base.
//
// An attempt's context lives until its response's body is closed or read to its
// end, so that the timeouts cover the body. A response that is given up for
// another attempt is read to its end, within 64 KiB and 100 ms, and closed, so
// that its connection can be used again.
//
// A request's body is sent again by GetBody, or else, where the request may be
// repeated, from what the first attempt read of it, up to [MaxBufferedBody].
//
// What net/http repeats by itself is kept out: one attempt is one request at the
// server. Only where nothing was sent, or where an HTTP/2 server said that it has
// not looked, may net/http take another connection.
//
// The deprecated Request.Cancel is heard by the base, not during a delay between
// attempts. A context is heard always.
//
// A request that is refused or that ran out of attempts has an error that matches
// those of packages retry, breaker and policy.
type Transport struct {
	cfg      Config
	circuits *Circuits
	custom   bool // the pipeline is the user's
}

// NewTransport returns a Transport as cfg says. It panics with Validate's error.
func NewTransport(cfg Config) *Transport {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	t := &Transport{cfg: cfg.withDefaults(), custom: cfg.Pipeline != nil}
	t.circuits = &Circuits{one: cfg.Circuit, config: cfg.Circuits, compose: t.compose}
	switch {
	case t.custom:
		t.circuits.calls = t.observed(cfg.Pipeline)
	case cfg.Circuit != nil:
		t.circuits.calls = t.compose(cfg.Circuit)
	}
	return t
}

func (t *Transport) observed(p *pipeline.Pipeline[*http.Response]) *pipeline.Pipeline[*http.Response] {
	if t.cfg.Observer == nil {
		return p
	}
	return p.WithObserver(t.cfg.Observer)
}

// Circuits returns the circuits that t consults. With a Pipeline there are none:
// it has its own.
func (t *Transport) Circuits() *Circuits { return t.circuits }

// CloseIdleConnections closes those of the base, if it knows how. It is what
// http.Client.CloseIdleConnections calls.
func (t *Transport) CloseIdleConnections() { closeIdle(t.cfg.Base) }

func closeIdle(base http.RoundTripper) {
	if b, ok := base.(interface{ CloseIdleConnections() }); ok {
		b.CloseIdleConnections()
	}
}

func (t *Transport) now() time.Time { return policy.Now(t.cfg.Retry.Clock) }

// RoundTrip sends r, and again as configured.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL == nil { // before a rule is asked that would look at it
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errors.New("ductilehttp: nil Request.URL")
	}
	x := newExchange(t, r)
	var answer *http.Response
	defer func() { x.finish(answer) }()
	ctx := context.WithValue(r.Context(), exchangeKey{}, x)
	attempt := x.attempt
	if t.custom {
		attempt = x.attemptAlone
	}
	resp, err := t.circuits.pipeline(r.URL).Do(ctx, attempt)
	if t.custom {
		resp, err = x.settle(ctx, resp, err)
	}
	if err != nil {
		return nil, outward(err)
	}
	answer = resp
	return answer, nil
}

// compose returns the pipeline of requests that consult circuit. The steps
// between the policies translate: a bad status is a value to the timeouts, which
// keep its body readable, and an error to the breaker and the retry.
func (t *Transport) compose(circuit *breaker.Circuit) *pipeline.Pipeline[*http.Response] {
	policies := t.cfg.timeout("total", t.cfg.TotalTimeout)
	policies = append(policies, step(settle), retry.New[*http.Response](t.retryConfig()),
		step(judge), breaker.New[*http.Response](circuit), step(blame))
	policies = append(policies, t.cfg.timeout("attempt", t.cfg.AttemptTimeout)...)
	return t.observed(pipeline.New(policies...).WithName(circuit.Name()))
}

// retryConfig is the user's, with the last response let go before the delay: its
// connection can be of use to others meanwhile.
func (t *Transport) retryConfig() retry.Config {
	cfg := t.cfg.Retry
	told := cfg.OnRetry
	cfg.OnRetry = func(ctx context.Context, e policy.Event) {
		exchangeOf(ctx).giveUp()
		if told != nil {
			told(ctx, e)
		}
	}
	return cfg
}

// step is a policy that translates results.
type step func(ctx context.Context, x *exchange, resp *http.Response, err error) (*http.Response, error)

// Execute runs next and translates what it returns.
func (s step) Execute(ctx context.Context, next policy.Call[*http.Response]) (*http.Response, error) {
	resp, err := next.Do(ctx)
	return s(ctx, exchangeOf(ctx), resp, err)
}

func settle(ctx context.Context, x *exchange, resp *http.Response, err error) (*http.Response, error) {
	return x.settle(ctx, resp, err)
}

func judge(ctx context.Context, x *exchange, resp *http.Response, err error) (*http.Response, error) {
	return x.judge(ctx, resp, err)
}

func blame(_ context.Context, x *exchange, resp *http.Response, err error) (*http.Response, error) {
	return x.blame(resp, err)
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// outward makes a retry's error tell those who ask as for a net.Error whether a
// timeout ended it.
func outward(err error) error {
	if ended, ok := err.(*retry.Error); ok { //nolint:errorlint // wrapped by another policy, it is that policy's to say
		var t interface{ Timeout() bool }
		if errors.As(ended, &t) && t.Timeout() {
			return &timeoutError{ended}
		}
	}
	return err
}

// timeoutError is a retry's error about a timeout.
type timeoutError struct{ err error }

func (e *timeoutError) Error() string   { return e.err.Error() }
func (e *timeoutError) Unwrap() error   { return e.err }
func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }
