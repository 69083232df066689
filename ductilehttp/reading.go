package ductilehttp

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
)

// ErrResponseTooLarge is matched by the error of a call whose answer is longer
// than the client's MaxResponse.
var ErrResponseTooLarge = errors.New("ductilehttp: response longer than MaxResponse")

// reading is a base that reads a response before it returns it, so that one which
// breaks off is an error of its attempt.
type reading struct {
	base  http.RoundTripper
	limit int64
}

// reading returns a copy of t, with the same circuits, that does so.
func (t *Transport) reading(limit int64) *Transport {
	r := *t
	r.cfg.Base = reading{base: t.cfg.Base, limit: limit}
	return &r
}

// CloseIdleConnections closes those of the base, if it knows how.
func (b reading) CloseIdleConnections() { closeIdle(b.base) }

// RoundTrip returns a response whose body is in memory. One that is too long
// ends with an error behind what fits: it is no fault of the attempt's.
func (b reading) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.base.RoundTrip(r)
	if err != nil || resp == nil || resp.Body == nil || resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, err
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

type tooLarge struct{}

func (tooLarge) Read([]byte) (int, error) { return 0, ErrResponseTooLarge }
