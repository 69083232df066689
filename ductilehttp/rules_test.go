package ductilehttp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestWrappedFinalErrorsAreFound(t *testing.T) {
	for _, err := range []error{
		&tls.CertificateVerificationError{Err: io.EOF}, tls.RecordHeaderError{}, tls.AlertError(42),
		&tls.ECHRejectionError{}, x509.CertificateInvalidError{Cert: &x509.Certificate{}}, x509.HostnameError{Certificate: &x509.Certificate{}},
		x509.UnknownAuthorityError{}, x509.SystemRootsError{}, x509.ConstraintViolationError{},
		x509.InsecureAlgorithmError(1), x509.UnhandledCriticalExtension{}, http.ErrSchemeMismatch,
		errors.New(`unsupported protocol scheme "ftp"`), errors.New("http: no Host in request URL"),
		errors.New(`net/http: invalid header field name "a b"`), errors.New("stopped after 10 redirects"),
		context.Canceled, policy.ErrRejected, &breaker.OpenError{},
	} {
		wrapped := fmt.Errorf("proxy: %w", &url.Error{Op: "Get", Err: err})
		assert.True(t, ductilehttp.IsFinal(wrapped), "%v", err)
		assert.False(t, ductilehttp.RetryableResponse(nil, wrapped), "%v", err)
	}
	for _, err := range []error{
		io.EOF, io.ErrUnexpectedEOF, &net.OpError{Op: "dial", Err: io.EOF}, &net.DNSError{}, context.DeadlineExceeded,
	} {
		assert.True(t, ductilehttp.RetryableResponse(nil, &url.Error{Op: "Get", Err: err}), "%v", err)
	}
	assert.False(t, ductilehttp.IsRequestError(nil))
	assert.False(t, ductilehttp.RetryableResponse(nil, nil))
}

func TestAnUnsupportedSchemeIsFinal(t *testing.T) {
	cfg, clk := config(nil)
	tr := ductilehttp.NewTransport(cfg)
	for _, u := range []string{"ftp://h.example/", "http:///path"} {
		resp, err := tr.RoundTrip(request(t, "GET", u, nil))
		assert.Nil(t, resp)
		require.Error(t, err)
	}
	assert.Empty(t, clk.Sleeps())
}

func TestTheRulesCanBeReplaced(t *testing.T) {
	s := serve(t, statuses(404, 503, 200))
	cfg, _ := config(s.base)
	cfg.RetryRequest = func(r *http.Request) bool { return r.Method == http.MethodPost }
	cfg.RetryResponse = func(resp *http.Response, err error) bool {
		return err == nil && resp.StatusCode == http.StatusNotFound || ductilehttp.RetryableResponse(resp, err)
	}
	code, _ := do(t, cfg, request(t, "POST", s.URL, nil))
	assert.Equal(t, 200, code)
	assert.EqualValues(t, 3, s.requests.Load())

	cfg.Retry.RetryIf = func(err error) bool {
		var status *ductilehttp.StatusError
		return errors.As(err, &status) && status.StatusCode != http.StatusServiceUnavailable
	}
	s = serve(t, statuses(503))
	cfg.Base = s.base
	code, _ = do(t, cfg, request(t, "POST", s.URL, nil))
	assert.Equal(t, 503, code)
	assert.EqualValues(t, 1, s.requests.Load())
}

func TestClassifyDecidesWhether429Counts(t *testing.T) {
	s := serve(t, statuses(429))
	cfg, _ := config(s.base)
	cfg.Circuits.Classify = func(err error) policy.Outcome {
		var status *ductilehttp.StatusError
		switch {
		case err == nil:
			return policy.Success
		case errors.As(err, &status) && status.StatusCode == http.StatusTooManyRequests:
			return policy.Ignored
		}
		return policy.Failure
	}
	tr := ductilehttp.NewTransport(cfg)
	resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	read(t, resp)
	circuit, _ := tr.Circuits().Get(s.URL)
	assert.Zero(t, circuit.Snapshot().Counts.Failures)
}

func TestValidateNamesEveryFault(t *testing.T) {
	for want, cfg := range map[string]ductilehttp.Config{
		"ductilehttp: Config.AttemptTimeout is 40s, want less than TotalTimeout, 30s":                      {AttemptTimeout: 40 * time.Second},
		"ductilehttp: Config.AttemptTimeout is 10s, want less than TotalTimeout, 5s":                       {AttemptTimeout: 10 * time.Second, TotalTimeout: 5 * time.Second},
		"ductilehttp: Config.Base is a nil *http.Transport, want one that is not nil, or nothing":          {Base: (*http.Transport)(nil)},
		"ductilehttp: Config.Base is a nil ductilehttp_test.tripper, want one that is not nil, or nothing": {Base: tripper(nil)},
		"ductilehttp: Config.AttemptHeader is \"a b\", want a header's name":                               {AttemptHeader: "a b"},
		"ductilehttp: Config.TimeoutHeader is \"é\", want a header's name":                                 {TimeoutHeader: "é"},
		"ductilehttp: Config.Circuits is set, want zero beside Circuit": {
			Circuit: breaker.NewCircuit(breaker.Config{}), Circuits: breaker.Config{FailureThreshold: 1},
		},
		"ductilehttp: Config.Retry.MaxAttempts is -2, want Unlimited (-1), or 0 or more": {
			Retry: retry.Config{MaxAttempts: -2},
		},
		"ductilehttp: Config.Circuits.FailureThreshold is -1, want 0 to 2147483647": {
			Circuits: breaker.Config{FailureThreshold: -1},
		},
		"ductilehttp: Config.Retry.BaseDelay is 500ms, want less: the delays before the last attempt add up to 1m23.5s, and TotalTimeout is 30s": {
			Retry: retry.Config{MaxAttempts: 24, BaseDelay: time.Second / 2},
		},
	} {
		assert.EqualError(t, cfg.Validate(), want)
		assert.PanicsWithError(t, want, func() { ductilehttp.NewTransport(cfg) })
	}
	several := ductilehttp.Config{AttemptTimeout: time.Hour, AttemptHeader: ":"}
	assert.ErrorContains(t, several.Validate(), "AttemptTimeout")
	assert.ErrorContains(t, several.Validate(), "AttemptHeader")

	beside := ductilehttp.Config{
		Pipeline: pipeline.New[*http.Response](), Retry: retry.Config{MaxAttempts: 2}, Circuit: breaker.NewCircuit(breaker.Config{}),
		Circuits: breaker.Config{MinCalls: 1}, AttemptTimeout: 1, TotalTimeout: 2,
	}
	for field, value := range map[string]string{
		"Retry": "set", "Circuit": "set", "Circuits": "set", "AttemptTimeout": "1ns", "TotalTimeout": "2ns",
	} {
		assert.ErrorContains(t, beside.Validate(), "ductilehttp: Config."+field+" is "+value+", want zero beside Pipeline")
	}
	for _, fine := range []ductilehttp.Config{
		{}, {AttemptTimeout: -1}, {TotalTimeout: -1, AttemptTimeout: time.Hour}, {Pipeline: pipeline.New[*http.Response]()},
	} {
		assert.NoError(t, fine.Validate())
	}
}

func TestTheAttemptTimeoutIsAThirdOfAShortTotal(t *testing.T) {
	for total, want := range map[time.Duration]string{0: "10000", -1: "10000", time.Minute: "10000", 5 * time.Second: "1666", 3: "1"} {
		var left string
		cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) {
			left = r.Header.Get(ductilehttp.DefaultTimeoutHeader)
			return answer(r, 200, ""), nil
		}))
		cfg.TotalTimeout, cfg.TimeoutHeader, cfg.Retry.Backoff = total, ductilehttp.DefaultTimeoutHeader, retry.Constant(0)
		do(t, cfg, request(t, "GET", "http://h.example", nil))
		assert.Equal(t, want, left)
	}
}

func TestRetryAfterDistinguishesZeroFromNone(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"0": 0, "120": 2 * time.Minute, "31536000": 365 * 24 * time.Hour, now.Add(time.Minute).Format(http.TimeFormat): time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		d, ok := ductilehttp.RetryAfter(http.Header{"Retry-After": {v}}, now)
		assert.True(t, ok, v)
		assert.Equal(t, want, d, v)
	}
	for _, v := range []string{"", "x", "-1", "31536001", now.AddDate(2, 0, 0).Format(http.TimeFormat)} {
		d, ok := ductilehttp.RetryAfter(http.Header{"Retry-After": {v}}, now)
		assert.False(t, ok, v)
		assert.Zero(t, d, v)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"5", "-1", "1e9", "Sat, 01 Jan 2000 00:00:05 GMT", "99999999999999999999"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		d, ok := ductilehttp.RetryAfter(http.Header{"Retry-After": {v}}, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
		if d < 0 || d > 365*24*time.Hour || !ok && d != 0 {
			t.Errorf("%q: %v, %v", v, d, ok)
		}
	})
}
