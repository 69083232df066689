package ductilestripe

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/stripe/stripe-go/v86"
)

// maxWhole is how many bytes of a response are read before it counts as successful.
// Responses to writes are a few KiB; the rest of a longer file is streamed.
const maxWhole = 1 << 20

// whole is a RoundTripper that returns a response only after it has arrived. A connection
// that breaks, or a timeout, in the middle of a response then fails the attempt, and another
// is made with the same key. Otherwise the SDK would get the error of a call that has charged
// and whose key is lost.
type whole struct{ base http.RoundTripper }

var errUpgraded = errors.New("ductilestripe: response is 101 Switching Protocols, but the SDK requested no upgrade")

// errRedirected ends a write with a 3xx. net/http would follow with a GET, whose response the
// SDK would take for that of the write, or send the payment to another host. The SDK takes
// any other 3xx for a success.
var errRedirected = errors.New("ductilestripe: response is a redirect, and Stripe redirects no request that writes")

// Below returns a copy around change of the base, so that chaos policies cut a response
// before it is read.
func (t whole) Below(change func(http.RoundTripper) http.RoundTripper) http.RoundTripper {
	return whole{change(t.base)}
}

func (t whole) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.read(r)
	hear(r.Context(), resp, err)
	return resp, err
}

// read returns a response of which the first maxWhole bytes have arrived.
func (t whole) read(r *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(r)
	if err != nil || resp == nil || resp.Body == nil {
		return resp, err
	}
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		_ = resp.Body.Close() // the connection may stay silent, and no context ends it
		return nil, errUpgraded
	case resp.StatusCode/100 == 3 && r.Method != http.MethodGet:
		_ = resp.Body.Close()
		return nil, errRedirected
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
			setLocked(resp)
		}
		resp.Body = io.NopCloser(&buf)
	}
	return resp, nil
}

// hasCode reports whether a response is an error with the given code.
func hasCode(body []byte, code stripe.ErrorCode) bool {
	var said struct {
		Error struct {
			Code stripe.ErrorCode `json:"code"`
		} `json:"error"`
	}
	return json.Unmarshal(body, &said) == nil && said.Error.Code == code
}

// CloseIdleConnections closes the base's idle connections if the base has a method for it.
func (t whole) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// rest is a body whose beginning was already read.
type rest struct {
	io.Reader
	io.Closer
}
