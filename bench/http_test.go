package bench_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/failsafehttp"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

func BenchmarkHTTPFirst(b *testing.B) { measure(b, "HTTPFirst") }
func BenchmarkHTTPThird(b *testing.B) { measure(b, "HTTPThird") }

func TestHTTPClientsAskOnce(t *testing.T) {
	for _, c := range httpClients {
		t.Run(c.lib, func(t *testing.T) {
			s := &stub{broken: never}
			do := asking(c, s, "http://stub").bind(succeed)
			for n := 1; n <= 100; n++ {
				code, err := do(t.Context())
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, code)
				require.EqualValues(t, n, s.requests.Load())
			}
		})
	}
}

func TestHTTPClientsAskAgainAfterEachThird(t *testing.T) {
	for _, c := range httpClients {
		t.Run(c.lib, func(t *testing.T) {
			s := &stub{broken: everyThird}
			do := asking(c, s, "http://stub").bind(succeed)
			for range 100 {
				code, err := do(t.Context())
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, code)
			}
			assert.EqualValues(t, 149, s.requests.Load())
		})
	}
}

func TestHTTPClientsGiveUpAfterThreeAttempts(t *testing.T) {
	for _, c := range httpClients {
		t.Run(c.lib, func(t *testing.T) {
			s := &stub{broken: func(int64) bool { return true }}
			code, err := asking(c, s, "http://stub").bind(succeed)(t.Context())
			assert.True(t, err != nil || code == http.StatusServiceUnavailable)
			assert.EqualValues(t, 3, s.requests.Load())
		})
	}
}

// send is an http.Client's Do, or like it.
type send func(*http.Request) (*http.Response, error)

// httpClient is a library's way to send requests over a base. They make three
// attempts, with no delay between them.
type httpClient struct {
	lib string
	on  func(base http.RoundTripper) send
}

var httpClients = []httpClient{
	{"bare", byHand},
	{"ductile", func(base http.RoundTripper) send {
		return clientOf(ductilehttp.NewTransport(ductilehttp.Config{Base: base, Retry: atOnce}))
	}},
	{"ductile-retry", func(base http.RoundTripper) send {
		alone := pipeline.New(retry.New[*http.Response](atOnce))
		return clientOf(ductilehttp.NewTransport(ductilehttp.Config{Base: base, Pipeline: alone}))
	}},
	{"failsafe", func(base http.RoundTripper) send {
		return clientOf(failsafehttp.NewRoundTripper(base,
			timeout.New[*http.Response](ductilehttp.DefaultTotalTimeout),
			failsafehttp.NewRetryPolicyBuilder().Build(),
			circuitbreaker.NewBuilder[*http.Response]().WithFailureThreshold(inRow).HandleIf(isBad).Build(),
			timeout.New[*http.Response](ductilehttp.DefaultAttemptTimeout)))
	}},
	{"failsafe-retry", func(base http.RoundTripper) send {
		return clientOf(failsafehttp.NewRoundTripper(base, failsafehttp.NewRetryPolicyBuilder().Build()))
	}},
	{"retryablehttp", func(base http.RoundTripper) send {
		c := retryablehttp.NewClient()
		c.HTTPClient, c.Logger = &http.Client{Transport: base}, nil
		c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = 2, 0, 0
		return func(r *http.Request) (*http.Response, error) { return c.Do(&retryablehttp.Request{Request: r}) }
	}},
}

var atOnce = retry.Config{MaxAttempts: 3, Backoff: retry.Constant(0)}

func isBad(resp *http.Response, err error) bool {
	return err != nil || resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests
}

func clientOf(rt http.RoundTripper) send { return (&http.Client{Transport: rt}).Do }

// byHand sends without a library, and again with a loop.
func byHand(base http.RoundTripper) send {
	do := clientOf(base)
	return func(r *http.Request) (*http.Response, error) {
		for range 2 {
			resp, err := do(r)
			if err == nil && resp.StatusCode < 500 {
				return resp, nil
			}
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		}
		return do(r)
	}
}

// asking gets url, reads the answer and returns its status. Each request has a
// context of its own that ends with it, as a server's handlers have one.
func asking(c httpClient, base http.RoundTripper, url string) contender {
	do := c.on(base)
	template, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	return contender{c.lib, func(callee) call {
		return func(ctx context.Context) (int, error) {
			if err != nil {
				return 0, err
			}
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			resp, err := do(template.WithContext(ctx))
			if err != nil {
				return 0, err
			}
			_, err = io.Copy(io.Discard, resp.Body)
			return resp.StatusCode, errors.Join(err, resp.Body.Close())
		}
	}}
}

// onStub gives each library's client a stub of its own.
func onStub(broken func(n int64) bool) func() []contender {
	return func() (all []contender) {
		for _, c := range httpClients {
			all = append(all, asking(c, &stub{broken: broken}, "http://stub"))
		}
		return all
	}
}

func never(int64) bool        { return false }
func everyThird(n int64) bool { return n%3 == 0 }

// stub answers without a network, so that what is measured is the libraries.
type stub struct {
	requests atomic.Int64
	broken   func(n int64) bool
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	code := http.StatusOK
	if s.broken(s.requests.Add(1)) {
		code = http.StatusServiceUnavailable
	}
	return &http.Response{
		StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		ContentLength: int64(len(hello)), Body: io.NopCloser(strings.NewReader(hello)),
	}, nil
}

const hello = "hello, who is there?\n"
