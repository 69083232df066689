package ductilestripe

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/stripe/stripe-go/v86"
)

// maxWhole is how much of an answer is read before it counts as one. Those to a
// write are a few KiB; a file that is longer goes on as a stream.
const maxWhole = 1 << 20

// whole is a RoundTripper whose answers have arrived. A connection that breaks,
// or a limit that passes, in the middle of an answer is then an attempt that
// failed, and another is made with the same key. Later on, in the hands of the
// SDK, it would be an error of a call that has charged and whose key is lost.
type whole struct{ base http.RoundTripper }

var errUpgraded = errors.New("ductilestripe: answered by 101 Switching Protocols, which nobody asked for")

func (t whole) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(r)
	if err != nil || resp == nil || resp.Body == nil {
		return resp, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		_ = resp.Body.Close() // a connection that may stay silent, and that no context ends
		return nil, errUpgraded
	}
	var buf bytes.Buffer
	n, err := io.CopyN(&buf, resp.Body, maxWhole)
	switch {
	case n == maxWhole:
		resp.Body = rest{io.MultiReader(&buf, resp.Body), resp.Body}
	case err != io.EOF: //nolint:errorlint // CopyN returns it bare
		_ = resp.Body.Close()
		return nil, err
	default:
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusTooManyRequests && hasCode(buf.Bytes(), stripe.ErrorCodeLockTimeout) {
			setLocked(resp.Header)
		}
		resp.Body = io.NopCloser(&buf)
	}
	return resp, nil
}

// hasCode reports whether an answer is an error with the given code.
func hasCode(body []byte, code stripe.ErrorCode) bool {
	var said struct {
		Error struct {
			Code stripe.ErrorCode `json:"code"`
		} `json:"error"`
	}
	return json.Unmarshal(body, &said) == nil && said.Error.Code == code
}

// CloseIdleConnections closes those of the base, if it knows how.
func (t whole) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// rest is a body of which the beginning was read already.
type rest struct {
	io.Reader
	io.Closer
}
