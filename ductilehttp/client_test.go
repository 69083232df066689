package ductilehttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

type student struct {
	Name string `json:"name"`
}

// clientOf returns a client for url in virtual time.
func clientOf(base http.RoundTripper, url string) (*ductilehttp.Client, *fake.Clock) {
	cfg, clk := config(base)
	return ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: url, Base: ductilehttp.NewTransport(cfg)}), clk
}

func TestAClientSendsAndReceivesJSON(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "application/json", r.Header.Get("Accept"))
			assert.Equal(t, "k", r.Header.Get("X-API-Key"))
			assert.Equal(t, "1", r.Header.Get("X-Version"))
			var in student
			if r.Method == http.MethodGet || r.Method == http.MethodDelete {
				assert.Empty(t, r.Header.Get("Content-Type"))
				assert.Zero(t, r.ContentLength)
			} else {
				assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
				assert.Equal(t, int64(len(`{"name":"Ada"}`)), r.ContentLength)
				assert.NoError(t, json.NewDecoder(r.Body).Decode(&in))
			}
			_ = json.NewEncoder(w).Encode(student{r.Method + " " + r.URL.Path + " " + r.URL.RawQuery + " " + in.Name})
		}, overTLS)
		c := ductilehttp.NewClient(ductilehttp.ClientConfig{
			BaseURL: s.URL + "/v1/", Base: s.base, Header: http.Header{"X-Version": {"1"}, "X-Api-Key": {"other"}},
		})
		key := ductilehttp.Header("X-API-Key", "k")
		in := student{"Ada"}
		var out student
		require.NoError(t, c.Get(t.Context(), "/a?b=c", &out, key, ductilehttp.Query("d", "e f"), ductilehttp.Query("g", "&")))
		assert.Equal(t, "GET /v1/a b=c&d=e+f&g=%26 ", out.Name)
		require.NoError(t, c.Post(t.Context(), "a", in, &out, key))
		assert.Equal(t, "POST /v1/a  Ada", out.Name)
		require.NoError(t, c.Put(t.Context(), "/a", in, &out, key))
		assert.Equal(t, "PUT /v1/a  Ada", out.Name)
		require.NoError(t, c.Patch(t.Context(), "/a", in, &out, key))
		assert.Equal(t, "PATCH /v1/a  Ada", out.Name)
		require.NoError(t, c.Delete(t.Context(), "/a", &out, key, ductilehttp.Query("h", "i")))
		assert.Equal(t, "DELETE /v1/a h=i ", out.Name)
		require.NoError(t, c.Post(t.Context(), "/a", in, nil, key))
	})
}

func TestAnEmptyResponseLeavesOutUnchanged(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	c, _ := clientOf(s.base, s.URL)
	out := student{"before"}
	require.NoError(t, c.Get(t.Context(), "", &out))
	assert.Equal(t, "before", out.Name)
}

func TestAllAttemptsOfACallShareItsKey(t *testing.T) {
	var mu sync.Mutex
	var keys []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	c, _ := clientOf(s.base, s.URL)
	once := ductilehttp.Idempotent()
	for range 2 {
		require.Error(t, c.Post(t.Context(), "/", student{}, nil, once))
		circuit, _ := c.Circuits().Get(s.URL)
		circuit.Reset()
	}
	require.Len(t, keys, 6)
	assert.Len(t, keys[0], 26)
	assert.Equal(t, []string{keys[0], keys[0], keys[3], keys[3]}, []string{keys[1], keys[2], keys[4], keys[5]})
	assert.NotEqual(t, keys[0], keys[3])

	require.Error(t, c.Post(t.Context(), "/", student{}, nil))
	assert.Len(t, keys, 7, "without a key, one attempt")
	require.Error(t, c.Post(t.Context(), "/", student{}, nil, ductilehttp.Header("Idempotency-Key", "order-1")))
	assert.Equal(t, []string{"order-1", "order-1", "order-1"}, keys[7:])
}

func TestAStatusErrorHasTheStatusHeadersAndBody(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "31")
		w.Header().Set("X-Request-Id", "r1")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, strings.Repeat("wrong ", 10_000))
	})
	c, _ := clientOf(s.base, s.URL)
	err := c.Post(t.Context(), "/students?key=hunter2", student{}, nil)
	var status *ductilehttp.StatusError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, 422, status.StatusCode)
	assert.Equal(t, "r1", status.Header.Get("X-Request-Id"))
	assert.Len(t, status.Body, 8<<10)
	assert.Equal(t, 1, status.Attempts)
	assert.Equal(t, 31*time.Second, status.RetryAfter())
	assert.EqualError(t, err, "ductilehttp: POST "+s.URL+"/students: status 422 Unprocessable Entity")
	assert.Zero(t, (*ductilehttp.StatusError)(nil).RetryAfter())
	assert.Equal(t, "<nil>", (*ductilehttp.StatusError)(nil).Error())

	s = serve(t, statuses(503))
	c, _ = clientOf(s.base, s.URL)
	require.ErrorAs(t, c.Get(t.Context(), "/", nil), &status)
	assert.Equal(t, 3, status.Attempts)
	assert.Equal(t, "Service Unavailable", string(status.Body))
}

func TestATruncatedResponseIsRetried(t *testing.T) {
	s := raw(t, func(n int, c net.Conn, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		if n < 3 {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"name\":")
			if n == 2 {
				reset(c)
			}
			return false
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"name\":\"Ada\"}")
		return true
	})
	c, _ := clientOf(s.base, s.URL)
	var out student
	require.NoError(t, c.Get(t.Context(), "/", &out))
	assert.Equal(t, "Ada", out.Name)
	assert.EqualValues(t, 3, s.requests.Load())
}

func TestAResponseLongerThanMaxResponseIsAnError(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(student{"Ada"}) })
	length := int64(len("{\"name\":\"Ada\"}\n"))
	for limit, want := range map[int64]error{length: nil, length - 1: ductilehttp.ErrResponseTooLarge} {
		c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: s.URL, Base: s.base, MaxResponse: limit})
		var out student
		require.ErrorIs(t, c.Get(t.Context(), "/", &out), want)
		circuit, _ := c.Circuits().Get(s.URL)
		assert.Zero(t, circuit.Snapshot().Counts.Failures)
		c.CloseIdleConnections()
	}
	assert.EqualValues(t, 2, s.requests.Load(), "too large a response is not retried")
}

func TestAResponseThatIsNotJSONIsAnError(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	c, _ := clientOf(s.base, s.URL)
	var out student
	err := c.Get(t.Context(), "/a?b=c", &out)
	var syntax *json.SyntaxError
	require.ErrorAs(t, err, &syntax)
	assert.ErrorContains(t, err, "ductilehttp: GET "+s.URL+"/a: decode response: ")
	err = c.Post(t.Context(), "/a", math.Inf(1), &out)
	var unsupported *json.UnsupportedValueError
	require.ErrorAs(t, err, &unsupported)
	assert.EqualValues(t, 1, s.requests.Load())
}

func TestAPathStaysBelowTheBase(t *testing.T) {
	var got string
	base := tripper(func(r *http.Request) (*http.Response, error) {
		got = r.URL.String()
		return answer(r, 204, ""), nil
	})
	c, _ := clientOf(base, "https://api.example.com/v1")
	for path, want := range map[string]string{
		"": "/v1", "/": "/v1/", "a": "/v1/a", "/a/b": "/v1/a/b", "/a%2Fb": "/v1/a%2Fb", "/a b": "/v1/a%20b", "/a#b": "/v1/a%23b",
		"?q=1": "/v1?q=1", "/a?q=1#f": "/v1/a?q=1", "/@evil.example": "/v1/@evil.example", "/a//b": "/v1/a//b", "/...": "/v1/...",
		"/a?u=http://b/../c": "/v1/a?u=http://b/../c",
	} {
		require.NoError(t, c.Get(t.Context(), path, nil), path)
		assert.Equal(t, "https://api.example.com"+want, got)
	}
	got = ""
	for _, path := range []string{
		"//evil.example/a", "https://evil.example", "/https://evil.example", "/../admin", "/a/..", "/a/%2e%2e/b", "/%2E./b", "/a/./b",
		`/a/..\b`, "/a%", "/a?b=c d", "/a?b=c\r\nX: y", "/a%2F..%2Fb",
	} {
		require.Error(t, c.Get(t.Context(), path, nil), path)
		assert.Empty(t, got, path)
	}
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	var leaked string
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) { leaked = r.Header.Get("X-API-Key") })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/there", http.StatusPermanentRedirect)
		case "/away":
			http.Redirect(w, r, other.URL+"?token=hunter2", http.StatusTemporaryRedirect)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/there":
			b, _ := io.ReadAll(r.Body)
			_, _ = w.Write(b)
		}
	})
	c, clk := clientOf(s.base, s.URL)
	var out student
	require.NoError(t, c.Post(t.Context(), "/here", student{"Ada"}, &out))
	assert.Equal(t, "Ada", out.Name)
	err := c.Post(t.Context(), "/away", student{"Ada"}, &out, ductilehttp.Header("X-API-Key", "k"))
	require.ErrorIs(t, err, ductilehttp.ErrRedirect)
	assert.NotContains(t, err.Error(), "hunter2")
	assert.Empty(t, leaked)
	assert.Zero(t, other.requests.Load())
	require.ErrorContains(t, c.Get(t.Context(), "/round", nil), "stopped after 10 redirects")
	assert.Empty(t, clk.Sleeps())
}

func TestTheClientsDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		slow := tripper(func(r *http.Request) (*http.Response, error) {
			calls++
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		})
		c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://api.example.com", Base: slow})
		start := time.Now()
		err := c.Get(t.Context(), "/", nil)
		var timeout *policy.TimeoutError
		require.ErrorAs(t, err, &timeout)
		assert.Equal(t, 10*time.Second, timeout.After)
		require.ErrorIs(t, err, retry.ErrExhausted)
		assert.Equal(t, 3, calls)
		assert.InDelta(t, 31.5, time.Since(start).Seconds(), 0.2)

		require.ErrorIs(t, c.Get(t.Context(), "/", nil), breaker.ErrOpen, "the fifth failure opens it")
		assert.Equal(t, 5, calls)
		circuit, _ := c.Circuits().Get("https://api.example.com")
		assert.InDelta(t, 30, circuit.Snapshot().RetryAfter.Seconds(), 0.2, "opened just now: the retry does not wait for a rejection")
	})
}

func TestAClientsTotalTimeoutIsTheSumOfItsAttempts(t *testing.T) {
	for _, cfg := range []ductilehttp.ClientConfig{
		{AttemptTimeout: time.Hour}, {AttemptTimeout: time.Hour, MaxAttempts: 1}, {AttemptTimeout: -1}, {AttemptTimeout: time.Millisecond, MaxAttempts: 20},
		{MaxAttempts: retry.Unlimited}, {MaxAttempts: math.MaxInt}, {AttemptTimeout: math.MaxInt64}, {Circuit: breaker.NewCircuit(breaker.Config{})},
	} {
		cfg.BaseURL = "https://api.example.com"
		assert.NotPanics(t, func() { ductilehttp.NewClient(cfg) })
	}
}

func TestAClientSharesTheCircuitsOfItsTransport(t *testing.T) {
	s := serve(t, statuses(200))
	cfg, _ := config(s.base)
	tr := ductilehttp.NewTransport(cfg)
	c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: s.URL, Base: tr})
	require.NoError(t, c.Get(t.Context(), "/", nil))
	circuit, ok := tr.Circuits().Get(s.URL)
	require.True(t, ok)
	circuit.Isolate("test")
	require.ErrorIs(t, c.Get(t.Context(), "/", nil), breaker.ErrOpen)
}

func TestAClientsErrorsShowNothingSecret(t *testing.T) {
	var user, password string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ = r.BasicAuth()
		w.WriteHeader(http.StatusTeapot)
	})
	gone := goneFrom(s)
	for _, url := range []string{s.URL, gone} {
		c, _ := clientOf(s.base, strings.Replace(url, "://", "://user:hunter2@", 1))
		err := c.Get(t.Context(), "/a?token=hunter2", nil, ductilehttp.Query("more", "hunter2"))
		require.ErrorContains(t, err, "ductilehttp: GET "+url+"/a: ")
		assert.NotContains(t, err.Error(), "hunter2")
	}
	assert.Equal(t, []string{"user", "hunter2"}, []string{user, password}, "the password is still sent")
	err := ductilehttp.ClientConfig{BaseURL: "https://user:hunter2@h.example:port"}.Validate()
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestACancelledCallStops(t *testing.T) {
	s := serve(t, statuses(200))
	c, _ := clientOf(s.base, s.URL)
	require.ErrorIs(t, c.Get(cancelled(t), "/", nil), context.Canceled)
	assert.Zero(t, s.requests.Load())
}

func TestAClientsConfigIsValidated(t *testing.T) {
	const fine = "https://api.example.com"
	for want, cfg := range map[string]ductilehttp.ClientConfig{
		"ductilehttp: ClientConfig.BaseURL is empty, want an http or https URL":                        {},
		"ductilehttp: ClientConfig.BaseURL is no URL (missing ']' in host), want an http or https URL": {BaseURL: "http://[/"},
		"ductilehttp: ClientConfig.BaseURL is no URL (invalid port), want an http or https URL":        {BaseURL: "http://user:hunter2#x@h"},
		"ductilehttp: ClientConfig.BaseURL is with port 65536, want one from 1 to 65535":               {BaseURL: fine + ":65536/a"},
		"ductilehttp: ClientConfig.BaseURL is with port 0, want one from 1 to 65535":                   {BaseURL: fine + ":0"},
		"ductilehttp: ClientConfig.Header is with a Host, want it in BaseURL, or in a call's options as Header(\"Host\", name)": {
			BaseURL: fine, Header: http.Header{"host": {"h.example"}},
		},
		"ductilehttp: ClientConfig.Header is with a control character in Authorization, want values without, and without a line break at the end": {
			BaseURL: fine, Header: http.Header{"Authorization": {"Bearer hunter2\n"}},
		},
		"ductilehttp: ClientConfig.Base is a nil *http.Transport, want one that is not nil, or nothing": {
			BaseURL: fine, Base: (*http.Transport)(nil),
		},
		"ductilehttp: ClientConfig.Base is a nil *ductilehttp.Transport, want one that is not nil, or nothing": {
			BaseURL: fine, Base: (*ductilehttp.Transport)(nil),
		},
		"ductilehttp: ClientConfig.MaxAttempts is 4, want zero beside a *ductilehttp.Transport": {
			BaseURL: fine, MaxAttempts: 4, Base: ductilehttp.NewTransport(ductilehttp.Config{}),
		},
		"ductilehttp: ClientConfig.Observer is set, want zero beside a *ductilehttp.Transport": {
			BaseURL: fine, Observer: fake.NewRecorder().Observe, Base: ductilehttp.NewTransport(ductilehttp.Config{}),
		},
		"ductilehttp: ClientConfig.BaseURL is of scheme \"ftp\", want an http or https URL": {BaseURL: "ftp://h"},
		"ductilehttp: ClientConfig.BaseURL is without a host, want one with a host":         {BaseURL: "http:///a"},
		"ductilehttp: ClientConfig.BaseURL is with a query or fragment, want one without":   {BaseURL: fine + "?a"},
		"ductilehttp: ClientConfig.MaxAttempts is -2, want Unlimited (-1), or 0 or more":    {BaseURL: fine, MaxAttempts: -2},
		"ductilehttp: ClientConfig.MaxResponse is -1, want 0 or more":                       {BaseURL: fine, MaxResponse: -1},
		"ductilehttp: ClientConfig.Header is with a field \"a b\", want names of headers":   {BaseURL: fine, Header: http.Header{"a b": nil}},
		"ductilehttp: ClientConfig.AttemptTimeout is 1ns, want zero beside a *ductilehttp.Transport": {
			BaseURL: fine, AttemptTimeout: 1, Base: ductilehttp.NewTransport(ductilehttp.Config{}),
		},
	} {
		assert.EqualError(t, cfg.Validate(), want)
		assert.PanicsWithError(t, want, func() { ductilehttp.NewClient(cfg) })
	}
	var two interface{ Unwrap() []error }
	require.True(t, errors.As(ductilehttp.ClientConfig{MaxAttempts: -2}.Validate(), &two))
	assert.Len(t, two.Unwrap(), 2)
}
