package ductilehttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/policy"
)

// ChaosStatus returns a policy for Chaos in a [Config] that answers a share of the requests
// with a status, as an overloaded server or a load balancer in front of it would. If
// retryAfter is more than 0, the response has a Retry-After of as many seconds, rounded up.
// The request is not sent, and of its body nothing is read.
//
// All policies treat the response as one of the server: circuits count it, a retry waits as
// long as it asks for, and the request is repeated only if it may be. For policies and
// observers, its [StatusError] matches chaos.ErrInjected.
//
// ChaosStatus panics with the error of chaos.Config.Validate if cfg is invalid, and if code
// is not 200 to 599.
func ChaosStatus(cfg chaos.Config, code int, retryAfter time.Duration) *chaos.Injector[*http.Response] {
	if code < 200 || code > 599 {
		panic(fmt.Sprintf("ductilehttp: ChaosStatus: code is %d, want 200 to 599", code))
	}
	return ChaosResponse(cfg, func(r *http.Request) *http.Response { return refusal(r, code, retryAfter) })
}

// ChaosResponse returns a policy for Chaos in a [Config] that answers a share of the requests
// with what respond returns, in the format of an API for example. The request is not sent, and
// of its body nothing is read. As after [ChaosStatus], all policies treat the response as one
// of the server. A nil Header or Body means an empty one, an empty Status the text of the
// StatusCode, and a ContentLength of 0 beside a Body an unknown length.
//
// respond must neither change nor keep the request, must return a new response each time, and
// must be safe for concurrent use. If it returns nil, or a response whose StatusCode is not 100
// to 999, the attempt fails. ChaosResponse panics with the error of chaos.Config.Validate if
// cfg is invalid, and if respond is nil.
func ChaosResponse(cfg chaos.Config, respond func(r *http.Request) *http.Response) *chaos.Injector[*http.Response] {
	if respond == nil {
		panic("ductilehttp: ChaosResponse: respond is nil, want a function")
	}
	return sabotaged(cfg, sabotage{answers: true, send: func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		defer closeBody(r) // also if respond panics
		resp := respond(r)
		if resp == nil {
			return nil, injected(cfg, errNoResponse)
		}
		if resp.StatusCode < 100 || resp.StatusCode > maxStatus {
			closeAnswer(resp)
			return nil, injected(cfg, fmt.Errorf("ductilehttp: the function of ChaosResponse returned the StatusCode %d, want 100 to %d", resp.StatusCode, maxStatus))
		}
		complete(resp)
		return resp, nil
	}})
}

// complete sets what net/http sets in every response.
func complete(resp *http.Response) {
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	if resp.Status == "" {
		resp.Status = strings.TrimSpace(strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode))
	}
	if resp.ContentLength == 0 && resp.Body != nil && resp.Body != http.NoBody {
		resp.ContentLength = -1
	}
}

func closeAnswer(resp *http.Response) {
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
}

var errNoResponse = errors.New("ductilehttp: the function of ChaosResponse returned no response")

// ChaosReset returns a policy for Chaos in a [Config] that breaks the connection of a share of
// the requests, after the request was written and before any answer. The request is not sent,
// and of its body nothing is read.
//
// The error matches syscall.ECONNRESET and chaos.ErrInjected. All policies treat it as that of
// a real connection, which may have broken after the server had acted: circuits count it, and
// the request is repeated only if it may be. A POST without an Idempotency-Key is not. For a
// server that was not reached at all, so that every request may be repeated, use chaos.Fault.
//
// ChaosReset panics with the error of chaos.Config.Validate if cfg is invalid.
func ChaosReset(cfg chaos.Config) *chaos.Injector[*http.Response] {
	return sabotaged(cfg, sabotage{send: func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		closeBody(r)
		return nil, injected(cfg, reset())
	}})
}

// ChaosLostAnswer returns a policy for Chaos in a [Config] that sends the request and loses
// the answer: the server acts, and the client sees what it sees after ChaosReset. It shows
// whether a request that is repeated acts twice. If the request fails by itself, its own error
// is returned.
//
// ChaosLostAnswer panics with the error of chaos.Config.Validate if cfg is invalid.
func ChaosLostAnswer(cfg chaos.Config) *chaos.Injector[*http.Response] {
	return sabotaged(cfg, sabotage{send: func(base http.RoundTripper, r *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(r)
		if err != nil || resp == nil {
			return resp, err
		}
		closeAnswer(resp)
		return nil, injected(cfg, reset())
	}})
}

// ChaosCutBody returns a policy for Chaos in a [Config] that breaks off the body of a share of
// the responses after at most n bytes. The request is sent, and its connection is closed at
// the cut. A body of n bytes or less breaks off at its end; a response that has no body stays
// as it is.
//
// The Read at the cut returns an error that matches io.ErrUnexpectedEOF and
// chaos.ErrInjected. By then a [Transport] has returned the response, so it does not retry;
// circuits count a failure. A [Client] reads the body as part of the attempt, and retries.
//
// ChaosCutBody panics with the error of chaos.Config.Validate if cfg is invalid, and if n is
// negative.
func ChaosCutBody(cfg chaos.Config, n int64) *chaos.Injector[*http.Response] {
	if n < 0 {
		panic(fmt.Sprintf("ductilehttp: ChaosCutBody: n is %d, want 0 or more", n))
	}
	return sabotaged(cfg, sabotage{send: func(base http.RoundTripper, r *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(r)
		if err == nil && resp != nil && hasBody(resp) {
			resp.Body = &cutBody{src: resp.Body, left: n, cut: injected(cfg, io.ErrUnexpectedEOF)}
		}
		return resp, err
	}})
}

// sabotage is what happens to one request.
type sabotage struct {
	send    func(base http.RoundTripper, r *http.Request) (*http.Response, error) // instead of the base
	answers bool                                                                  // its response is none of the base
}

// sabotageKey is the key under which an attempt finds the sabotage of its request.
type sabotageKey struct{}

// sabotaged returns an injector that runs the attempt, with a sabotage in its context.
// Everything around the sending stays the same: requests are counted, results are judged,
// and bodies are closed.
func sabotaged(cfg chaos.Config, s sabotage) *chaos.Injector[*http.Response] {
	return chaos.Detour(cfg, func(ctx context.Context, rest policy.Func[*http.Response]) (*http.Response, error) {
		return rest(context.WithValue(ctx, sabotageKey{}, &s))
	})
}

// base returns what sends the request.
func (a *attempt) base() http.RoundTripper {
	base := a.x.t.cfg.Base
	s, ok := a.parent.Value(sabotageKey{}).(*sabotage)
	if !ok {
		return base
	}
	a.injected = s.answers
	return s.below(base)
}

// below returns base with the sabotage at the bottom.
func (s *sabotage) below(base http.RoundTripper) http.RoundTripper {
	if wrapper, ok := base.(interface {
		Below(change func(http.RoundTripper) http.RoundTripper) http.RoundTripper
	}); ok {
		return wrapper.Below(s.below)
	}
	return saboteur{base, s}
}

// isInjected reports whether a chaos policy made the response.
func isInjected(resp *http.Response) bool {
	b, ok := resp.Body.(*body)
	return ok && b.a != nil && b.a.injected
}

// saboteur is a base with a sabotage.
type saboteur struct {
	base http.RoundTripper
	*sabotage
}

func (s saboteur) RoundTrip(r *http.Request) (*http.Response, error) { return s.send(s.base, r) }

// injected returns err as an error of the injector with cfg.
func injected(cfg chaos.Config, err error) error {
	return &chaos.Error{Name: cfg.Name, Kind: "detour", Err: err}
}

// reset returns the error of net/http for a connection that the server has reset.
func reset() error { return &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET} }

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

func refusal(r *http.Request, code int, retryAfter time.Duration) *http.Response {
	text := "injected: " + http.StatusText(code) + "\n"
	resp := &http.Response{
		StatusCode: code, Status: strconv.Itoa(code) + " " + http.StatusText(code),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{}, Body: http.NoBody,
	}
	if retryAfter > 0 {
		resp.Header.Set("Retry-After", inSeconds(retryAfter))
	}
	if code == http.StatusNoContent || code == http.StatusNotModified {
		return resp
	}
	resp.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp.Header.Set("Content-Length", strconv.Itoa(len(text)))
	resp.ContentLength = int64(len(text))
	if r.Method != http.MethodHead {
		resp.Body = io.NopCloser(strings.NewReader(text))
	}
	return resp
}

// cutBody is a response body that breaks off.
type cutBody struct {
	src  io.ReadCloser
	cut  error
	left int64 // only Reads use it, and they do not run side by side
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		_ = b.src.Close() // with data left in it, which ends the connection
		return 0, b.cut
	}
	n, err := b.src.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err == io.EOF {
		err = b.cut
	}
	return n, err
}

func (b *cutBody) Close() error { return b.src.Close() }
