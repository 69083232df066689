// Package retryablehttp gives the API of hashicorp/go-retryablehttp on top of ductilehttp,
// so that the tests of that library can be run against this one. Its files take the place
// of the library's client.go in a copy of the package; see suite_test.go.
package retryablehttp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-cleanhttp"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/retry"
)

// What the tests of the library use beside its exported names.
var (
	defaultLogger = log.New(os.Stderr, "", log.LstdFlags)
	defaultClient = NewClient()
)

func redactURL(u *url.URL) string { return u.Redacted() }

type (
	RequestLogHook  func(Logger, *http.Request, int)
	ResponseLogHook func(Logger, *http.Response)
)

type Logger interface {
	Printf(string, ...interface{})
}

type LeveledLogger interface {
	Error(msg string, pairs ...interface{})
	Info(msg string, pairs ...interface{})
	Debug(msg string, pairs ...interface{})
	Warn(msg string, pairs ...interface{})
}

type leveled struct{ LeveledLogger }

func (l leveled) Printf(format string, args ...interface{}) { l.Info(fmt.Sprintf(format, args...)) }

type Client struct {
	HTTPClient      *http.Client
	Logger          interface{}
	RetryWaitMin    time.Duration
	RetryWaitMax    time.Duration
	RetryMax        int
	RequestLogHook  RequestLogHook
	ResponseLogHook ResponseLogHook
	CheckRetry      CheckRetry
	Backoff         Backoff
	ErrorHandler    ErrorHandler
	PrepareRetry    PrepareRetry

	once sync.Once
}

func NewClient() *Client {
	return &Client{
		HTTPClient: cleanhttp.DefaultPooledClient(), Logger: defaultLogger,
		RetryWaitMin: time.Second, RetryWaitMax: 30 * time.Second, RetryMax: 4,
		CheckRetry: DefaultRetryPolicy, Backoff: DefaultBackoff,
	}
}

func (c *Client) logger() Logger {
	switch l := c.Logger.(type) {
	case LeveledLogger:
		return leveled{l}
	case Logger:
		return l
	case nil:
		return nil
	}
	panic(fmt.Sprintf("invalid logger type passed, must be Logger or LeveledLogger, was %T", c.Logger))
}

// Do sends req in the way that the porting page recommends for go-retryablehttp: an
// http.Client on a Transport, which follows redirects outside of the attempts.
func (c *Client) Do(req *Request) (*http.Response, error) {
	c.once.Do(func() {
		if c.HTTPClient == nil {
			c.HTTPClient = cleanhttp.DefaultPooledClient()
		}
	})
	if req.GetBody != nil && req.Body != nil { // it may have been sent before
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		req.Body = body
	}
	s := &sending{c: c, req: req, log: c.logger()}
	client := *c.HTTPClient
	client.Transport = s.transport()
	resp, err := client.Do(req.Request)
	return s.settle(resp, err)
}

// sending is one call of Do.
type sending struct {
	c    *Client
	req  *Request
	log  Logger
	base http.RoundTripper

	attempts int
	again    bool  // CheckRetry's last word
	checkErr error // and its error
	last     *http.Response
	gaveUp   *retry.Error
}

func (s *sending) transport() http.RoundTripper {
	if s.base = s.c.HTTPClient.Transport; s.base == nil {
		s.base = http.DefaultTransport
	}
	t := ductilehttp.NewTransport(ductilehttp.Config{
		Base:  roundTrip(s.attempt),
		Retry: retry.Config{MaxAttempts: s.c.RetryMax + 1, Backoff: s.backoff},
		// What the library does not have.
		NoCircuit: true, AttemptTimeout: -1, TotalTimeout: -1,
		// The library repeats a POST too, and its Backoff reads Retry-After.
		RetryRequest:  func(*http.Request) bool { return true },
		Hint:          func(*http.Response) (time.Duration, bool) { return 0, false },
		RetryResponse: func(*http.Response, error) bool { return s.again },
		Prepare:       s.prepare,
	})
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		resp, err := t.RoundTrip(r)
		if err == nil {
			s.attempts, s.gaveUp = ductilehttp.Attempts(resp)
		}
		return resp, err
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (s *sending) prepare(r *http.Request, attempt int) error {
	s.attempts = attempt
	if attempt > 1 && s.c.PrepareRetry != nil {
		if err := s.c.PrepareRetry(r); err != nil {
			s.again = false
			return err
		}
	}
	if s.c.RequestLogHook != nil {
		shown := r.Clone(r.Context())
		shown.GetBody = s.req.GetBody // the body itself is the Transport's
		if s.req.Body != nil {
			shown.Body = io.NopCloser(bytes.NewReader(nil))
		}
		s.c.RequestLogHook(s.log, shown, attempt-1)
	}
	return nil
}

// attempt sends one request and asks the client's functions what to make of the result.
func (s *sending) attempt(r *http.Request) (*http.Response, error) {
	resp, err := s.base.RoundTrip(r)
	s.last = resp
	s.again, s.checkErr = s.c.CheckRetry(r.Context(), resp, err)
	if !s.again && err == nil && s.req.handle != nil {
		err = s.req.handle(resp)
		s.again, s.checkErr = s.c.CheckRetry(r.Context(), resp, err)
	}
	if err != nil {
		if resp != nil {
			_ = resp.Body.Close()
		}
		return nil, err
	}
	if s.c.ResponseLogHook != nil {
		s.c.ResponseLogHook(s.log, resp)
	}
	return resp, nil
}

func (s *sending) backoff(step retry.Step) time.Duration {
	wait := s.c.Backoff(s.c.RetryWaitMin, s.c.RetryWaitMax, step.Attempt-1, s.last)
	if s.log != nil {
		s.log.Printf("[DEBUG] %s %s: retrying in %s", s.req.Method, redactURL(s.req.URL), wait)
	}
	return wait
}

// settle turns an outcome into the library's.
func (s *sending) settle(resp *http.Response, err error) (*http.Response, error) {
	if err == nil && s.gaveUp == nil && s.checkErr == nil {
		return resp, nil
	}
	if s.checkErr != nil {
		err = s.checkErr
	}
	if s.c.ErrorHandler != nil {
		return s.c.ErrorHandler(resp, err, s.attempts)
	}
	if resp != nil {
		_ = resp.Body.Close()
	}
	gaveUp := fmt.Sprintf("%s %s giving up after %d attempt(s)", s.req.Method, redactURL(s.req.URL), s.attempts)
	if err == nil {
		return nil, errors.New(gaveUp)
	}
	return nil, fmt.Errorf("%s: %w", gaveUp, err)
}

func (c *Client) Get(url string) (*http.Response, error) { return c.send(http.MethodGet, url, "", nil) }
func (c *Client) Head(url string) (*http.Response, error) {
	return c.send(http.MethodHead, url, "", nil)
}

func (c *Client) Post(url, kind string, body interface{}) (*http.Response, error) {
	return c.send(http.MethodPost, url, kind, body)
}

func (c *Client) PostForm(url string, data url.Values) (*http.Response, error) {
	return c.Post(url, "application/x-www-form-urlencoded", strings.NewReader(data.Encode()))
}

func (c *Client) send(method, url, kind string, body interface{}) (*http.Response, error) {
	req, err := NewRequest(method, url, body)
	if err != nil {
		return nil, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	return c.Do(req)
}

func (c *Client) StandardClient() *http.Client {
	return &http.Client{Transport: &RoundTripper{Client: c}}
}

func Get(url string) (*http.Response, error)  { return defaultClient.Get(url) }
func Head(url string) (*http.Response, error) { return defaultClient.Head(url) }

func Post(url, kind string, body interface{}) (*http.Response, error) {
	return defaultClient.Post(url, kind, body)
}

func PostForm(url string, data url.Values) (*http.Response, error) {
	return defaultClient.PostForm(url, data)
}
