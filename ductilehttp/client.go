package ductilehttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ductile-go/ductile/policy"
)

// Errors that a [Client] itself returns.
var (
	// ErrRedirect is matched by the error of a call that was redirected to a host other
	// than the client's.
	ErrRedirect = errors.New("ductilehttp: redirected to another host")
	// ErrResponseTooLarge is matched by the error of a call whose response is longer than
	// the client's MaxResponse.
	ErrResponseTooLarge = errors.New("ductilehttp: response longer than MaxResponse")
)

// Client calls a JSON API. Create one with [NewClient]. It is safe for concurrent use.
//
// A successful response is read as part of its attempt, so a response that breaks off is
// retried. Redirects within the host of BaseURL are followed, except a redirect other than
// 303 See Other that would turn another method into a GET, and one of a request whose body
// an [Option] has set without a GetBody. They count toward the call's retries and time.
// Errors omit the parts of a URL that may be secret: the user, the password and the query.
type Client struct {
	base      *url.URL
	host      hostKey
	header    http.Header
	transport *Transport
}

// NewClient returns a Client configured by cfg. It panics with the error of Validate if cfg
// is invalid.
func NewClient(cfg ClientConfig) *Client {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	base, _ := url.Parse(cfg.BaseURL)
	return &Client{base: base, host: hostOf(base), header: canonical(cfg.Header), transport: cfg.transport()}
}

// canonical returns a copy of h with canonical names, so that an [Option] finds every
// field.
func canonical(h http.Header) http.Header {
	c := make(http.Header, len(h))
	for _, name := range slices.Sorted(maps.Keys(h)) {
		at := http.CanonicalHeaderKey(name)
		c[at] = append(c[at], h[name]...)
	}
	return c
}

// Circuits returns the circuits that c's calls use.
func (c *Client) Circuits() *Circuits { return c.transport.Circuits() }

// CloseIdleConnections closes the idle connections of c's transport.
func (c *Client) CloseIdleConnections() { c.transport.CloseIdleConnections() }

// Get calls path, which may contain a query, and decodes the response into out.
func (c *Client) Get(ctx context.Context, path string, out any, opts ...Option) error {
	return c.Do(ctx, http.MethodGet, path, nil, out, opts...)
}

// Post sends in to path and decodes the response into out. It is retried only with
// [Idempotent], or if nothing of the request was sent.
func (c *Client) Post(ctx context.Context, path string, in, out any, opts ...Option) error {
	return c.Do(ctx, http.MethodPost, path, in, out, opts...)
}

// Put sends in to path and decodes the response into out.
func (c *Client) Put(ctx context.Context, path string, in, out any, opts ...Option) error {
	return c.Do(ctx, http.MethodPut, path, in, out, opts...)
}

// Patch sends in to path and decodes the response into out. It is retried under the same
// conditions as Post.
func (c *Client) Patch(ctx context.Context, path string, in, out any, opts ...Option) error {
	return c.Do(ctx, http.MethodPatch, path, in, out, opts...)
}

// Delete deletes path and decodes the response into out.
func (c *Client) Delete(ctx context.Context, path string, out any, opts ...Option) error {
	return c.Do(ctx, http.MethodDelete, path, nil, out, opts...)
}

// Do makes a call. It sends in as JSON unless in is nil, and decodes the response into out
// unless out is nil or the response is empty. To send JSON that is already encoded, pass a
// json.RawMessage. Do refuses a []byte, which would be sent as base64, and an io.Reader. It
// also refuses an out that is not a pointer, before it sends anything. A GET with an in has
// a body, which some proxies refuse.
//
// A status other than 2xx is a *[StatusError], as is a redirect that would turn the call
// into a GET. A response longer than MaxResponse matches [ErrResponseTooLarge]. If a policy
// ended the call, the error matches that policy's error, even if the last attempt had a
// status: for example, a StatusError then matches retry.ErrExhausted.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, opts ...Option) error {
	_, err := c.Call(ctx, method, path, in, out, opts...)
	return err
}

// Call is Do that also returns the status and the headers of a successful response.
func (c *Client) Call(ctx context.Context, method, path string, in, out any, opts ...Option) (*Answer, error) {
	if err := usable(ctx, in, out, opts); err != nil {
		return nil, err
	}
	r, err := c.request(ctx, method, path, in, opts)
	if err != nil {
		return nil, err
	}
	j := &journey{c: c, begun: policy.Now(c.transport.cfg.Clock)}
	resp, err := j.send(r)
	if err != nil {
		return nil, c.fault(r, bare(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		return nil, j.refused(r, resp)
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, c.fault(r, err)
	}
	if err := decode(got, out); err != nil {
		return nil, c.fault(r, err)
	}
	return &Answer{StatusCode: resp.StatusCode, Header: resp.Header, Trailer: resp.Trailer, Attempts: j.attempts}, nil
}

// Answer is a server's response without its JSON.
type Answer struct {
	StatusCode int
	Header     http.Header
	Trailer    http.Header // nil if there is none
	Attempts   int         // number of requests sent, including redirects
}

// refused returns the error for a response that is not a success.
func (j *journey) refused(r *http.Request, resp *http.Response) *StatusError {
	status := newStatusError(r, resp, j.attempts, j.c.transport.cfg.hint(resp))
	status.ended, status.injected = j.gaveUp, isInjected(resp)
	if resp.StatusCode != http.StatusSwitchingProtocols { // its body is a connection, which may stay silent
		status.Body, _ = io.ReadAll(io.LimitReader(resp.Body, maxSnippet))
	}
	return status
}

// byteOrderMark starts some UTF-8 texts. JSON does not allow it.
var byteOrderMark = []byte("\uFEFF")

func decode(got []byte, out any) error {
	got = bytes.TrimSpace(bytes.TrimPrefix(got, byteOrderMark))
	if out == nil || len(got) == 0 {
		return nil
	}
	if err := json.Unmarshal(got, out); err != nil {
		return fmt.Errorf("decode response: %w", err)
	}
	return nil
}

// maxSnippet is how many bytes of a bad response are kept.
const maxSnippet = 8 << 10

// bareError is an error whose text omits the whole URL that net/http's *url.Error shows. A
// base has such an error if it makes requests of its own through an http.Client.
type bareError struct {
	err  error
	text string
}

func (e *bareError) Error() string { return e.text }
func (e *bareError) Unwrap() error { return e.err }

// bare returns err without the texts of the *url.Error in it. The errors around it remain:
// they say which policy ended the call.
func bare(err error) error {
	text := err.Error()
	b := &bareError{err, text}
	anyOf(err, func(err error) bool {
		if u, ok := err.(*url.Error); ok { //nolint:errorlint // anyOf unwraps
			b.text = strings.ReplaceAll(b.text, u.Error(), u.Err.Error())
		}
		return false
	})
	if b.text == text {
		return err
	}
	return b
}

func (c *Client) fault(r *http.Request, err error) error {
	return fmt.Errorf("ductilehttp: %s %s: %w", r.Method, publicURL(r.URL), err)
}

func (c *Client) request(ctx context.Context, method, path string, in any, opts []Option) (*http.Request, error) {
	u, err := c.url(path)
	if err != nil {
		return nil, err
	}
	r := (&http.Request{Method: method, URL: u, Header: c.header.Clone(), Host: u.Host}).WithContext(ctx)
	setDefault(r.Header, "Accept")
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return nil, c.fault(r, fmt.Errorf("encode request: %w", err))
		}
		setDefault(r.Header, "Content-Type")
		r.ContentLength = int64(len(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Body, _ = r.GetBody()
	}
	for _, o := range opts {
		o(r)
	}
	if u := r.URL.User; u != nil && r.Header.Get("Authorization") == "" {
		password, _ := u.Password()
		r.SetBasicAuth(u.Username(), password)
	}
	return r, nil
}

// setDefault sets the header to JSON unless the client's own header has a value for it.
func setDefault(h http.Header, name string) {
	if _, ok := h[name]; !ok {
		h.Set(name, "application/json")
	}
}
