package ductilehttp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// A valid config works. NewTransport panics with the error of Validate.
func FuzzConfig(f *testing.F) {
	f.Add(int64(0), int64(0), int64(0), int64(0), int64(0), 0, "", "", 2)
	f.Add(int64(0), int64(5*time.Second), int64(time.Second), int64(0), int64(0), 4, "X-Retry-Attempt", "x-request-timeout-ms", 9)
	f.Add(int64(-1), int64(-1), int64(1)<<62, int64(1)<<62, int64(1)<<62, -1, "a b", "é", 4)
	f.Add(int64(7), int64(-85), int64(0), int64(64), int64(0), 79, "", "", 42) // opens its circuit
	f.Add(int64(1), int64(2), int64(1), int64(1), int64(3), 1, "Host", "Content-Length", 1)
	f.Fuzz(func(t *testing.T, attempt, total, base, limit, elapsed int64, attempts int, attemptHeader, timeoutHeader string, down int) {
		sent := 0
		cfg, clk := config(tripper(func(r *http.Request) (*http.Response, error) {
			sent++
			if attemptHeader != "" && !strings.EqualFold(attemptHeader, timeoutHeader) {
				assert.Equal(t, strconv.Itoa(sent), r.Header.Get(attemptHeader))
			}
			left, err := strconv.ParseInt(r.Header.Get(timeoutHeader), 10, 64)
			if _, bounded := r.Context().Deadline(); timeoutHeader != "" && bounded {
				assert.NoError(t, err)
				assert.GreaterOrEqual(t, left, int64(1))
			}
			if sent <= min(down, 50) {
				return answer(r, 503, "down"), nil
			}
			return answer(r, 200, "up"), nil
		}))
		cfg.AttemptTimeout, cfg.TotalTimeout = time.Duration(attempt), time.Duration(total)
		cfg.Retry.BaseDelay, cfg.Retry.MaxDelay, cfg.Retry.MaxElapsed = time.Duration(base), time.Duration(limit), time.Duration(elapsed)
		cfg.Retry.MaxAttempts = attempts
		cfg.AttemptHeader, cfg.TimeoutHeader = attemptHeader, timeoutHeader
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { ductilehttp.NewTransport(cfg) })
			return
		}
		start := clk.Now()
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", "http://h.example", nil))
		require.Positive(t, sent)
		if attempts >= 0 {
			assert.LessOrEqual(t, sent, max(attempts, 3))
		}
		if total >= 0 {
			assert.LessOrEqual(t, clk.Now().Sub(start), max(cfg.TotalTimeout, ductilehttp.DefaultTotalTimeout))
		}
		if err == nil {
			assert.Equal(t, map[int]string{200: "up", 503: "down"}[resp.StatusCode], read(t, resp))
		} else {
			refused(t, err, sent)
		}
	})
}

// refused checks the error of a call whose fifth attempt opened its circuit, which refused
// the sixth. The call's own attempts have run, so the error is not a rejection.
func refused(t *testing.T, err error, sent int) {
	t.Helper()
	assert.Equal(t, 5, sent)
	var ended *retry.Error
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, 5, ended.Attempts)
	require.ErrorIs(t, err, breaker.ErrOpen)
	require.NotErrorIs(t, err, policy.ErrRejected)
	var status *ductilehttp.StatusError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, 503, status.StatusCode)
}

// No path leaves the base, and no config or path makes a Client panic.
func FuzzClientConfig(f *testing.F) {
	f.Add("https://api.example.com/v1", "Authorization", "Bearer t", int64(0), 0, int64(0), "/a?b=c")
	f.Add("http://user:hunter2@h.example:8080/a%2Fb/", "a b", "x\n", int64(-1), -1, int64(1), "//evil.example/../%2e%2e#f")
	f.Add("http://[::1]:0", "Host", "h", int64(1), 5, int64(-1), "\\..\\%zz")
	f.Add("http://u:p#w@h", "Accept", "\t", int64(1)<<62, 1<<30, int64(1)<<62, "@evil.example?a\r\nX: y")
	f.Fuzz(func(t *testing.T, base, name, value string, timeout int64, attempts int, limit int64, path string) {
		var sent *http.Request
		cfg := ductilehttp.ClientConfig{
			BaseURL: base, AttemptTimeout: time.Duration(timeout), MaxAttempts: attempts, MaxResponse: limit,
			Base: tripper(func(r *http.Request) (*http.Response, error) {
				sent = r
				return answer(r, 200, "{}"), nil
			}),
		}
		if name != "" {
			cfg.Header = http.Header{name: {value}}
		}
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { ductilehttp.NewClient(cfg) })
			return
		}
		api := ductilehttp.NewClient(cfg)
		var out any
		if err := api.Get(t.Context(), path, &out); err != nil && sent == nil {
			return // refused
		}
		want, err := url.Parse(base)
		require.NoError(t, err)
		assert.Equal(t, []string{want.Scheme, want.Host, want.Host}, []string{sent.URL.Scheme, sent.URL.Host, sent.Host})
		below(t, want, sent.URL)
		if name != "" {
			assert.Equal(t, value, sent.Header.Get(name))
		}
		overTheWire(t, want, sent)
	})
}

// below checks that u's path is the base's path or below it.
func below(t *testing.T, base, u *url.URL) {
	t.Helper()
	root := strings.TrimSuffix(base.EscapedPath(), "/")
	path := u.EscapedPath()
	require.True(t, path == root || strings.HasPrefix(path, root+"/"), "%q is not below %q", path, root)
	plain, err := url.PathUnescape(strings.TrimPrefix(path, root))
	require.NoError(t, err)
	for segment := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
		assert.NotContains(t, []string{".", ".."}, segment)
	}
}

// overTheWire checks that a server reads the intended request, and only that one.
func overTheWire(t *testing.T, base *url.URL, r *http.Request) {
	t.Helper()
	var wire bytes.Buffer
	if r.Write(&wire) != nil {
		return // net/http rejects it
	}
	in := bufio.NewReader(&wire)
	got, err := http.ReadRequest(in)
	if err != nil {
		return // the server rejects it
	}
	below(t, base, got.URL)
	assert.Zero(t, in.Buffered()+wire.Len(), "no second request is smuggled in")
}

// No header value makes a Handler panic, or gives a request more than MaxTimeout.
func FuzzHandlerConfig(f *testing.F) {
	f.Add("", int64(0), "1500")
	f.Add("x-time", int64(-1), "0")
	f.Add("a:b", int64(1), "99999999999")
	f.Add("X-T", int64(time.Second), "-1")
	f.Fuzz(func(t *testing.T, header string, limit int64, value string) {
		clk := fake.NewClock()
		left, bounded, called := time.Duration(0), false, false
		next := func(_ http.ResponseWriter, r *http.Request) error {
			called = true
			var deadline time.Time
			deadline, bounded = r.Context().Deadline()
			left = deadline.Sub(clk.Now())
			return errors.New("no matter")
		}
		cfg := ductilehttp.HandlerConfig{TimeoutHeader: header, MaxTimeout: time.Duration(limit), Clock: clk}
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { ductilehttp.Handler(next, cfg) })
			return
		}
		r := httptest.NewRequestWithContext(context.Background(), "GET", "/", nil)
		if header == "" {
			header = ductilehttp.DefaultTimeoutHeader
		}
		r.Header.Set(header, value)
		w := httptest.NewRecorder()
		ductilehttp.Handler(next, cfg).ServeHTTP(w, r)

		want, ok := asked(value)
		if limit == 0 {
			limit = int64(ductilehttp.DefaultMaxTimeout)
		}
		if limit > 0 && (!ok || want > time.Duration(limit)) {
			want, ok = time.Duration(limit), true
		}
		if ok && want == 0 {
			assert.False(t, called, "the caller no longer waits")
			assert.Equal(t, 503, w.Code)
			return
		}
		assert.Equal(t, 500, w.Code)
		assert.Equal(t, ok, bounded)
		if ok {
			assert.Equal(t, want, left)
		}
	})
}

// asked parses up to ten digits.
func asked(v string) (time.Duration, bool) {
	ms := int64(0)
	for _, r := range v {
		if r < '0' || r > '9' {
			return 0, false
		}
		ms = ms*10 + int64(r-'0')
		if len(v) > 10 {
			return 0, false
		}
	}
	return time.Duration(ms) * time.Millisecond, v != ""
}
