package ductilehttp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/retry"
)

func TestAClientsHeadersAreSentAsConfigured(t *testing.T) {
	var got http.Header
	base := tripper(func(r *http.Request) (*http.Response, error) {
		got = r.Header
		return answer(r, 204, ""), nil
	})
	c := ductilehttp.NewClient(ductilehttp.ClientConfig{
		BaseURL: "https://api.example.com", Base: base,
		Header: http.Header{"Accept": {"application/vnd.api+json"}, "content-type": {"application/vnd.api+json"}, "x-api-key": {"one"}},
	})
	require.NoError(t, c.Post(t.Context(), "/a", 1, nil, ductilehttp.Header("X-API-Key", "two")))
	assert.Equal(t, http.Header{
		"Accept": {"application/vnd.api+json"}, "Content-Type": {"application/vnd.api+json"}, "X-Api-Key": {"two"},
	}, got)
}

func TestTheLargestMaxResponseDoesNotOverflow(t *testing.T) {
	base := tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 200, `{"name":"Ada"}`), nil })
	c := ductilehttp.NewClient(ductilehttp.ClientConfig{
		BaseURL: "https://api.example.com", Base: base, MaxResponse: math.MaxInt64,
	})
	var out student
	require.NoError(t, c.Get(t.Context(), "/a", &out))
	assert.Equal(t, "Ada", out.Name)
}

func TestAnEscapedSlashStaysEscaped(t *testing.T) {
	var got string
	base := tripper(func(r *http.Request) (*http.Response, error) {
		got = r.URL.RequestURI()
		return answer(r, 204, ""), nil
	})
	c, _ := clientOf(base, "https://api.example.com")
	for path, want := range map[string]string{
		"/a b/c%2Fd": "/a%20b/c%2Fd", "/ü/c%2Fd": "/%C3%BC/c%2Fd", "%2Fa": "/%2Fa", "/a#b/c%2Fd": "/a%23b/c%2Fd",
		"%2F%2Fevil.example": "/%2F%2Fevil.example", "/a;b=c,d/%2F": "/a;b=c,d/%2F", "/~a!$&'()*+:@": "/~a!$&'()*+:@",
		"/a\n/%2F": "/a%0A/%2F", `/a"<>^{|}\/%2F`: "/a%22%3C%3E%5E%7B%7C%7D%5C/%2F", "/[a]/%2f": "/[a]/%2f",
	} {
		require.NoError(t, c.Get(t.Context(), path, nil), path)
		assert.Equal(t, want, got)
	}
}

func TestAClientAcceptsAnyTimeout(t *testing.T) {
	for attempts := range 10 {
		cfg := ductilehttp.ClientConfig{BaseURL: "https://api.example.com", AttemptTimeout: math.MaxInt64, MaxAttempts: attempts}
		require.NoError(t, cfg.Validate())
		assert.NotPanics(t, func() { ductilehttp.NewClient(cfg) })
	}
}

func TestAClientDoesNotReadFromAnUpgradedConnection(t *testing.T) {
	here, there := net.Pipe() // and there stays silent
	base := tripper(func(r *http.Request) (*http.Response, error) {
		resp := answer(r, 101, "", "Upgrade", "x")
		resp.Body = here
		return resp, nil
	})
	c, clk := clientOf(base, "https://api.example.com")
	var status *ductilehttp.StatusError
	require.ErrorAs(t, c.Get(t.Context(), "/", nil), &status)
	assert.Equal(t, 101, status.StatusCode)
	assert.Empty(t, status.Body)
	assert.Empty(t, clk.Sleeps())
	_, err := there.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "the connection is closed")
}

func TestAStatusErrorMatchesTheReasonForNoFurtherAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		set    func(*ductilehttp.Config)
		want   error
		text   string
	}{
		"attempts": {"", func(*ductilehttp.Config) {}, retry.ErrExhausted, "after 3 attempts: retry: attempts exhausted"},
		"budget": {"", func(c *ductilehttp.Config) {
			c.Retry.Budget = retry.NewBudget(retry.BudgetConfig{MinPerSecond: 1e-9, Clock: c.Retry.Clock})
		}, retry.ErrBudget, "after 1 attempt: retry: budget spent"},
		"Retry-After": {"31", func(*ductilehttp.Config) {}, retry.ErrRetryAfter,
			"after 1 attempt: retry: the server asks for a longer delay than MaxRetryAfter"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) {
				return answer(r, 503, "hunter2", "Retry-After", c.header), nil
			}))
			c.set(&cfg)
			api := ductilehttp.NewClient(ductilehttp.ClientConfig{
				BaseURL: "https://user:hunter2@api.example.com", Base: ductilehttp.NewTransport(cfg),
			})
			err := api.Get(t.Context(), "/a?token=hunter2", nil)
			require.ErrorIs(t, err, c.want)
			assert.EqualError(t, err, "ductilehttp: GET https://api.example.com/a: status 503 Service Unavailable "+c.text)
			var ended *retry.Error
			require.ErrorAs(t, err, &ended)
			var status *ductilehttp.StatusError
			require.ErrorAs(t, err, &status)
			assert.Equal(t, "hunter2", string(status.Body), "the Client's own, not the attempt's")
			assert.Equal(t, ended.Attempts, status.Attempts)
		})
	}
	assert.NoError(t, (*ductilehttp.StatusError)(nil).Unwrap())
}

func TestAStatusThatIsNotRetriedHasNoReason(t *testing.T) {
	n := 0
	cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) {
		n++
		if n <= 3 {
			return answer(r, 302, "", "Location", "/b"), nil
		}
		return answer(r, 404, ""), nil
	}))
	cfg.RetryResponse = func(resp *http.Response, err error) bool {
		return err == nil && resp.StatusCode == http.StatusFound || ductilehttp.RetryableResponse(resp, err)
	}
	api := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://api.example.com", Base: ductilehttp.NewTransport(cfg)})
	err := api.Get(t.Context(), "/a", nil)
	require.EqualError(t, err, "ductilehttp: GET https://api.example.com/a: status 404 Not Found")
	assert.NotErrorIs(t, err, retry.ErrExhausted, "the retries were of the redirect, not of the final response")
}

func TestTheHostOptionSetsTheHostHeader(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, "%q", r.Host) })
	c, _ := clientOf(s.base, s.URL)
	var host string
	require.NoError(t, c.Get(t.Context(), "/", &host, ductilehttp.Header("host", "tenant.example")))
	assert.Equal(t, "tenant.example", host)
}

func TestAClientAttemptHasTenSecondsForAnyNumberOfAttempts(t *testing.T) {
	for attempts := range 5 {
		synctest.Test(t, func(t *testing.T) {
			var limit time.Duration
			base := tripper(func(r *http.Request) (*http.Response, error) {
				start := time.Now()
				<-r.Context().Done()
				limit = time.Since(start)
				return nil, context.Cause(r.Context())
			})
			c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://api.example.com", Base: base, MaxAttempts: attempts})
			require.ErrorIs(t, c.Get(t.Context(), "/", nil), context.DeadlineExceeded)
			assert.Equal(t, 10*time.Second, limit)
		})
	}
}

// dripping is a body that returns a byte every 100 ms until it is closed.
type dripping struct{ closed chan struct{} }

func (d dripping) Read(p []byte) (int, error) {
	select {
	case <-d.closed:
		return 0, net.ErrClosed
	case <-time.After(100 * time.Millisecond):
		return copy(p, "x"), nil
	}
}

func (d dripping) Close() error {
	select {
	case <-d.closed:
	default:
		close(d.closed)
	}
	return nil
}

func TestASlowErrorResponseIsJudgedByItsStatus(t *testing.T) {
	for _, code := range []int{422, 503} {
		synctest.Test(t, func(t *testing.T) {
			base := tripper(func(r *http.Request) (*http.Response, error) {
				resp := answer(r, code, "")
				resp.ContentLength, resp.Body = -1, dripping{make(chan struct{})}
				return resp, nil
			})
			c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://api.example.com", Base: base, MaxAttempts: 1})
			start := time.Now()
			var status *ductilehttp.StatusError
			require.ErrorAs(t, c.Get(t.Context(), "/", nil), &status)
			assert.Equal(t, code, status.StatusCode)
			assert.InDelta(t, 10, len(status.Body), 1)
			assert.Equal(t, time.Second, time.Since(start))
		})
	}
}

func TestAllThatCameOfASlowErrorResponseIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		came := pattern(4 << 10)
		base := tripper(func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 422, "")
			silent := &drip{ctx: r.Context(), left: 1, every: time.Hour}
			resp.ContentLength, resp.Body = -1, struct {
				io.Reader
				io.Closer
			}{io.MultiReader(bytes.NewReader(came), silent), silent}
			return resp, nil
		})
		c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://api.example.com", Base: base, MaxAttempts: 1})
		var status *ductilehttp.StatusError
		require.ErrorAs(t, c.Get(t.Context(), "/", nil), &status)
		assert.Equal(t, came, status.Body)
	})
}

// The detector saw cut read the source while replace wrote it.
func TestAnErrorResponseIsCutOffAndReplacedWithoutARace(t *testing.T) {
	for range 10 {
		synctest.Test(t, func(t *testing.T) {
			base := tripper(func(r *http.Request) (*http.Response, error) {
				resp := answer(r, 422, "")
				resp.ContentLength, resp.Body = -1, &drip{ctx: r.Context(), left: 1, every: time.Hour}
				return resp, nil
			})
			c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://api.example.com", Base: base, MaxAttempts: 1})
			var status *ductilehttp.StatusError
			require.ErrorAs(t, c.Get(t.Context(), "/", nil), &status)
			assert.Empty(t, status.Body)
		})
	}
}

func TestATruncatedErrorResponseIsJudgedByItsStatus(t *testing.T) {
	c, clk := clientOf(tripper(func(r *http.Request) (*http.Response, error) {
		resp := answer(r, 422, "")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("wrong"), iotest.ErrReader(io.ErrUnexpectedEOF)))
		return resp, nil
	}), "https://api.example.com")
	var status *ductilehttp.StatusError
	require.ErrorAs(t, c.Get(t.Context(), "/", nil), &status)
	assert.Equal(t, "wrong", string(status.Body))
	assert.Empty(t, clk.Sleeps())
}

// A base that gets a token through an http.Client returns its *url.Error.
func TestAClientsErrorMatchesThePolicyIfTheBasesErrorShowsAURL(t *testing.T) {
	inner := &url.Error{Op: "Get", URL: "https://auth.example/again?key=secret", Err: io.ErrUnexpectedEOF}
	failed := fmt.Errorf("token: %w", &url.Error{Op: "Post", URL: "https://user:secret@auth.example/token", Err: inner})
	circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 2})
	cfg, _ := config(tripper(func(*http.Request) (*http.Response, error) { return nil, failed }))
	cfg.Circuit = circuit
	for _, c := range []struct {
		attempts int
		reason   error
		text     string
	}{
		{1, retry.ErrExhausted, "retry: gave up after 1 attempt in 0s: retry: attempts exhausted: last error: token: unexpected EOF"},
		{3, breaker.ErrOpen, "retry: stopped after 1 attempt in 0s: breaker: circuit is open: opened by: token: unexpected EOF: last error: token: unexpected EOF"},
	} {
		cfg.Retry.MaxAttempts = c.attempts
		client := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://api.example.com", Base: ductilehttp.NewTransport(cfg)})
		err := client.Get(t.Context(), "/", nil)
		require.ErrorIs(t, err, c.reason)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.EqualError(t, err, "ductilehttp: GET https://api.example.com/: "+c.text)
	}
}
