package ductilehttp

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// ErrResponseTooLarge is matched by the error of a call whose answer is longer
// than the client's MaxResponse.
var ErrResponseTooLarge = errors.New("ductilehttp: response longer than MaxResponse")

// reading is a base that reads a response before it returns it, so that one which
// breaks off is an error of its attempt.
type reading struct {
	base  http.RoundTripper
	limit int64
	clock policy.Clock
}

// reading returns a copy of t, with the same circuits, that does so.
func (t *Transport) reading(limit int64) *Transport {
	r := *t
	r.cfg.Base = reading{base: t.cfg.Base, limit: limit, clock: t.cfg.Retry.Clock}
	return &r
}

// CloseIdleConnections closes those of the base, if it knows how.
func (b reading) CloseIdleConnections() { closeIdle(b.base) }

// RoundTrip returns a response whose body is in memory. A success that is too long
// ends with an error behind what fits: it is no fault of the attempt's.
func (b reading) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.base.RoundTrip(r)
	if err != nil || resp == nil || resp.Body == nil || resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, err
	}
	if resp.StatusCode/100 != 2 {
		resp.Body = b.snippet(resp.Body)
		return resp, nil
	}
	got, err := io.ReadAll(io.LimitReader(resp.Body, b.limit+min(1, math.MaxInt64-b.limit)))
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	body := io.Reader(bytes.NewReader(got))
	if int64(len(got)) > b.limit {
		body = io.MultiReader(bytes.NewReader(got[:b.limit]), tooLarge{})
	}
	resp.Body = io.NopCloser(body)
	return resp, nil
}

// snippetTime is how long is waited for what an answer says that is not 2xx.
const snippetTime = time.Second

// snippet returns as much of such an answer as a [StatusError] keeps, and as has come
// in snippetTime. Its status stands, though it breaks off or drips.
func (b reading) snippet(body io.ReadCloser) io.ReadCloser {
	defer func() { _ = body.Close() }()
	defer after(b.clock, snippetTime, func() { _ = body.Close() })()
	got, _ := io.ReadAll(io.LimitReader(body, min(b.limit, maxSnippet)))
	_, _ = io.CopyN(io.Discard, body, maxDrain) // to its end, for the connection's sake
	return io.NopCloser(bytes.NewReader(got))
}

type tooLarge struct{}

func (tooLarge) Read([]byte) (int, error) { return 0, ErrResponseTooLarge }
