package ductilehttp

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// reading is a policy that reads a response before it returns it, so that a response that
// breaks off is an error of its attempt.
type reading struct {
	limit int64
	clock policy.Clock
}

// Refusal returns nil: the policies inside decide.
func (reading) Refusal(context.Context, time.Duration) error { return nil }

// Execute returns a response whose body is in memory. If a successful response is too long,
// its body ends with an error after the part that fits: the attempt has not failed.
func (p reading) Execute(ctx context.Context, next policy.Call[*http.Response]) (*http.Response, error) {
	resp, err := next.Do(ctx)
	if resp == nil {
		return nil, err
	}
	b, ok := resp.Body.(*body)
	if !ok {
		return resp, err
	}
	b.hold(ctx, func() {}) // the call's limits cover the body
	if resp.StatusCode/100 != 2 {
		p.snippet(b)
		return resp, err
	}
	got, failed := io.ReadAll(io.LimitReader(b, p.limit+min(1, math.MaxInt64-p.limit)))
	if err == nil && failed != nil {
		_ = b.Close()
		return nil, b.broken(failed)
	}
	var rest io.Reader = bytes.NewReader(got)
	if int64(len(got)) > p.limit {
		rest = io.MultiReader(bytes.NewReader(got[:p.limit]), tooLarge{})
	}
	b.replace(rest)
	return resp, err
}

// broken marks the error of a response that broke off.
func (b *body) broken(err error) error {
	if b.x == nil {
		return err
	}
	b.x.fail(err)
	if !b.x.wanted(nil, err) {
		return retry.Permanent(err)
	}
	return err
}

// snippetTime bounds the wait for the body of a response that is not 2xx.
const snippetTime = time.Second

// snippet reads as much of such a body as a [StatusError] keeps and as arrives within
// snippetTime. The status stays valid even if the body breaks off or arrives slowly.
func (p reading) snippet(b *body) {
	defer policy.AfterFunc(p.clock, snippetTime, func() { b.cut(errDrained) })()
	got, _ := io.ReadAll(io.LimitReader(b, min(p.limit, maxSnippet)))
	_, _ = io.CopyN(io.Discard, b, maxDrain) // to the end, so that the connection can be reused
	b.replace(bytes.NewReader(got))
}

// replace closes the source of b and makes b read from r.
func (b *body) replace(r io.Reader) {
	_ = b.Close()
	b.mu.Lock() // a cut that began before the Close may still read src
	defer b.mu.Unlock()
	b.src = io.NopCloser(r)
	b.isCut.Store(false) // r is whole
}

type tooLarge struct{}

func (tooLarge) Read([]byte) (int, error) { return 0, ErrResponseTooLarge }
