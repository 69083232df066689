package ductilehttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/ductile-go/ductile/policy"
)

// HoldBody keeps the context of a response until its body is closed or read to
// its end, for the WithKeep of a Timeout in a [Config] Pipeline:
//
//	policy.Timeout[*http.Response](10 * time.Second).WithKeep(ductilehttp.HoldBody)
//
// The limit then covers the body: a read that it ends returns an error that
// matches *policy.TimeoutError. A response that has no body, and one to an
// upgrade, whose connection is the caller's from now on, keep nothing; the body
// of an upgrade stays as it is.
func HoldBody(ctx context.Context, resp *http.Response, release func()) *http.Response {
	if resp == nil || !hasBody(resp) {
		release()
		return resp
	}
	b, ok := resp.Body.(*body)
	if !ok {
		b = &body{src: resp.Body}
		resp.Body = b
	}
	b.hold(ctx, release)
	return resp
}

// hasBody reports whether there is something in resp that needs a context.
func hasBody(resp *http.Response) bool {
	switch {
	case resp.Body == nil, resp.Body == http.NoBody:
		return false
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return false
	case resp.StatusCode == http.StatusNoContent, resp.StatusCode == http.StatusNotModified:
		return false
	}
	return resp.Request == nil || resp.Request.Method != http.MethodHead
}

// body is a response's body that holds contexts until it is no longer used.
type body struct {
	src io.ReadCloser

	mu       sync.Mutex
	holds    []hold
	released bool
}

// hold is a context and what ends it.
type hold struct {
	ctx     context.Context
	release func()
}

func (b *body) hold(ctx context.Context, release func()) {
	b.mu.Lock()
	released := b.released
	if !released {
		b.holds = append(b.holds, hold{ctx, release})
	}
	b.mu.Unlock()
	if released {
		release()
	}
}

// Read reads from the response. At the end, good or bad, nothing is held any more.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	if err == nil {
		return n, nil
	}
	if err != io.EOF { //nolint:errorlint // readers return it bare
		err = b.explain(err)
	}
	b.release()
	return n, err
}

// Close closes the response's body, and only then ends its contexts: the other
// way round the connection could not be used again.
func (b *body) Close() error {
	defer b.release() // also where src panics
	return b.src.Close()
}

// cutOff ends a Read that another goroutine is in: by its context or, where src
// does not look at that, by Close.
func (b *body) cutOff() {
	b.release()
	_ = b.src.Close()
}

// release ends the contexts that are held. It is safe beside a Read, which then
// fails.
func (b *body) release() {
	b.mu.Lock()
	holds := b.holds
	b.holds, b.released = nil, true
	b.mu.Unlock()
	for _, h := range holds {
		h.release()
	}
}

// explain adds to err the timeout of ours that cut the body short, where one did.
func (b *body) explain(err error) error {
	if as[*policy.TimeoutError](err) {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.holds {
		var timeout *policy.TimeoutError
		if h.ctx.Err() != nil && errors.As(context.Cause(h.ctx), &timeout) {
			return fmt.Errorf("%w: %w", timeout, err)
		}
	}
	return err
}
