package ductilehttp_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestRetriesRetryableOutcomes(t *testing.T) {
	for code, requests := range map[int]int64{
		200: 1, 201: 1, 204: 1, 301: 1, 304: 1, 400: 1, 401: 1, 403: 1, 404: 1, 409: 1, 422: 1, 501: 1, 505: 1,
		408: 3, 425: 3, 429: 3, 500: 3, 502: 3, 503: 3, 504: 3,
	} {
		t.Run(http.StatusText(code), func(t *testing.T) {
			s := serve(t, statuses(code))
			cfg, _ := config(s.base)
			got, _ := do(t, cfg, request(t, "GET", s.URL, nil))
			assert.Equal(t, code, got)
			assert.Equal(t, requests, s.requests.Load())
		})
	}
}

func TestRetriesOnBothProtocols(t *testing.T) {
	protocols(t, func(t *testing.T, proto int, overTLS func(*httptest.Server)) {
		frozen(t, func(t *testing.T) {
			s := serve(t, statuses(503, 502, 200), overTLS)
			cfg, clk := config(s.base)
			resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", s.URL, nil))
			require.NoError(t, err)
			assert.Equal(t, proto, resp.ProtoMajor)
			assert.Equal(t, "OK", read(t, resp))
			assert.EqualValues(t, 3, s.requests.Load())
			assert.EqualValues(t, 1, s.connections.Load())
			assert.Equal(t, []time.Duration{500 * time.Millisecond, time.Second}, clk.Sleeps())
			assert.Zero(t, clk.Waiters(), "no timer of the timeouts is left")
		})
	})
}

func TestEveryRepeatableMethodIsRetried(t *testing.T) {
	for method, requests := range map[string]int64{
		"GET": 3, "OPTIONS": 3, "TRACE": 3, "PUT": 3, "DELETE": 3, "HEAD": 3, "POST": 1, "PATCH": 1, "LINK": 1,
	} {
		s := serve(t, statuses(503))
		cfg, _ := config(s.base)
		got, _ := do(t, cfg, request(t, method, s.URL, nil))
		assert.Equal(t, 503, got)
		assert.Equal(t, requests, s.requests.Load(), method)
	}
}

func TestAttemptsCarryTheirNumber(t *testing.T) {
	var mu sync.Mutex
	var got []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Header.Get("X-Retry-Attempt"))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	cfg, _ := config(s.base)
	cfg.AttemptHeader = "X-Retry-Attempt"
	r := request(t, "GET", s.URL, nil)
	do(t, cfg, r)
	assert.Equal(t, []string{"1", "2", "3"}, got)
	assert.Empty(t, r.Header, "the request is unchanged")
}

func TestTheCircuitCountsOnlyServerFailures(t *testing.T) {
	reset := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, c := range map[string]struct {
		h        http.HandlerFunc
		failures int64
	}{
		"200": {statuses(200), 0}, "404": {statuses(404), 0}, "408": {statuses(408), 0}, "425": {statuses(425), 0},
		"429": {statuses(429), 1}, "500": {statuses(500), 1}, "501": {statuses(501), 0}, "503": {statuses(503), 1},
		"reset": {reset, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.h)
			cfg, _ := config(s.base)
			cfg.Retry.MaxAttempts = 1
			tr := ductilehttp.NewTransport(cfg)
			if resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil)); err == nil {
				read(t, resp)
			}
			circuit, ok := tr.Circuits().Get(s.URL)
			require.True(t, ok)
			assert.Equal(t, c.failures, circuit.Snapshot().Counts.Failures)
			assert.Equal(t, s.URL, circuit.Name())
		})
	}
}

func TestARequestFaultIsNeitherRetriedNorCounted(t *testing.T) {
	s := serve(t, statuses(200))
	for name, spoil := range map[string]func(*http.Request){
		"header": func(r *http.Request) { r.Header["X"] = []string{"a\nb"} },
		"method": func(r *http.Request) { r.Method = "G E T" },
		"body":   func(r *http.Request) { r.Method, r.Body = "PUT", io.NopCloser(failing{}) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg, clk := config(s.base)
			tr := ductilehttp.NewTransport(cfg)
			r := request(t, "GET", s.URL, nil)
			spoil(r)
			resp, err := tr.RoundTrip(r)
			if resp != nil {
				read(t, resp)
			}
			require.Error(t, err)
			assert.NotErrorIs(t, err, policy.ErrRejected)
			assert.False(t, retried(err), "%v", err)
			assert.Empty(t, clk.Sleeps())
			circuit, _ := tr.Circuits().Get(s.URL)
			assert.EqualValues(t, 0, circuit.Snapshot().Counts.Failures)
		})
	}
}

func retried(err error) bool {
	var e *retry.Error
	return errors.As(err, &e)
}

type failing struct{}

var errSource = errors.New("the source is gone")

func (failing) Read([]byte) (int, error) { return 0, errSource }

func TestAnOpenCircuitSendsNothing(t *testing.T) {
	s := serve(t, statuses(503))
	cfg, _ := config(s.base)
	cfg.Circuits.FailureThreshold = 2
	tr := ductilehttp.NewTransport(cfg)
	_, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
	require.ErrorIs(t, err, breaker.ErrOpen, "two attempts open it, the third is refused")
	assert.ErrorContains(t, err, "status 503")

	body := &closeCounter{Reader: strings.NewReader("x")}
	_, err = tr.RoundTrip(request(t, "PUT", s.URL, body))
	require.ErrorIs(t, err, policy.ErrRejected)
	assert.EqualValues(t, 2, s.requests.Load())
	assert.EqualValues(t, 1, body.closed.Load())
}
