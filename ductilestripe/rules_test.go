package ductilestripe_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestAResponseIsJudgedByItsHeadersAndStatus(t *testing.T) {
	for name, c := range map[string]struct {
		answer fault
		again  bool
		health policy.Outcome
	}{
		"wrong request":         {refuse(400, "invalid_request_error"), false, policy.Ignored},
		"another call's key":    {refuse(400, "idempotency_error"), false, policy.Ignored},
		"bad key":               {refuse(401, "invalid_request_error"), false, policy.Ignored},
		"declined card":         {refuse(402, "card_error"), false, policy.Ignored},
		"not allowed":           {refuse(403, "invalid_request_error"), false, policy.Ignored},
		"not found":             {refuse(404, "invalid_request_error"), false, policy.Ignored},
		"key in use":            {refuse(409, "idempotency_error"), true, policy.Ignored},
		"rate limit":            {refuse(429, "invalid_request_error"), true, policy.Failure},
		"500":                   {refuse(500, "api_error"), true, policy.Failure},
		"503":                   {refuse(503, "api_error"), true, policy.Failure},
		"500, but do not":       {refuse(500, "api_error", "Stripe-Should-Retry", "false"), false, policy.Failure},
		"409, but do not":       {refuse(409, "api_error", "Stripe-Should-Retry", "false"), false, policy.Ignored},
		"400, but do":           {refuse(400, "api_error", "Stripe-Should-Retry", "true"), true, policy.Ignored},
		"503, and perhaps":      {refuse(503, "api_error", "Stripe-Should-Retry", "perhaps"), true, policy.Failure},
		"a balancer's 502":      {raw(502, "<html>Bad Gateway</html>"), true, policy.Failure},
		"a balancer's 404":      {raw(404, "<html>Not Found</html>"), false, policy.Ignored},
		"JSON without an error": {raw(500, "{}"), true, policy.Failure},
	} {
		t.Run(name, func(t *testing.T) {
			err := stripeError(t, c.answer)
			assert.Equal(t, c.again, ductilestripe.Retryable(err), "%v", err)
			assert.Equal(t, c.health, ductilestripe.Classify(err), "%v", err)
			wrapped := fmt.Errorf("paying: %w", err)
			assert.Equal(t, c.again, ductilestripe.Retryable(wrapped))
			assert.Equal(t, c.health, ductilestripe.Classify(ductilestripe.Mark(wrapped)), "a mark does not change the verdict")
			assert.Equal(t, c.again, retry.Retryable(ductilestripe.Mark(wrapped)))
		})
	}
}

// v2 calls API v2, whose errors have other types.
func v2(t *testing.T, f fault) error {
	t.Helper()
	a := serve(t, f)
	_, err := once(a.URL, a.base).V2CoreEvents.Retrieve(t.Context(), "evt_1", nil)
	require.Error(t, err)
	return err
}

func TestResponsesOfAPIv2AreJudgedLikeThoseOfV1(t *testing.T) {
	for name, c := range map[string]struct {
		answer fault
		again  bool
		health policy.Outcome
	}{
		"wrong request":             {raw(400, `{"error": {"code": "invalid", "message": "m"}}`), false, policy.Ignored},
		"key in use":                {raw(409, `{"error": {"code": "idempotency", "type": "idempotency_error"}}`), true, policy.Ignored},
		"503":                       {raw(503, `{"error": {"code": "unavailable", "type": "api_error"}}`), true, policy.Failure},
		"rate limit":                {raw(429, `{"error": {"type": "rate_limit"}}`), true, policy.Failure},
		"rate limit, but do not":    {raw(429, `{"error": {"type": "rate_limit"}}`, "Stripe-Should-Retry", "false"), false, policy.Failure},
		"temporary session expired": {raw(400, `{"error": {"type": "temporary_session_expired"}}`), false, policy.Ignored},
	} {
		t.Run(name, func(t *testing.T) {
			err := v2(t, c.answer)
			assert.Equal(t, c.again, ductilestripe.Retryable(err), "%T %v", err, err)
			assert.Equal(t, c.health, ductilestripe.Classify(err), "%T %v", err, err)
		})
	}
}

func TestAnErrorWithoutItsResponseIsJudgedByItsType(t *testing.T) {
	assert.True(t, ductilestripe.Retryable(&stripe.Error{HTTPStatusCode: 503}))
	assert.True(t, ductilestripe.Retryable(&stripe.RateLimitError{}))
	assert.False(t, ductilestripe.Retryable(&stripe.TemporarySessionExpiredError{}))
}

func TestErrorsWithoutAResponseCountAgainstStripeByDefault(t *testing.T) {
	broken := &url.Error{Op: "Post", URL: "https://api.stripe.com", Err: io.ErrUnexpectedEOF}
	untrusted := &url.Error{Op: "Post", URL: "https://api.stripe.com", Err: x509.UnknownAuthorityError{}}
	invalid := &url.Error{Op: "Post", URL: "x", Err: errors.New(`unsupported protocol scheme "x"`)}
	for name, c := range map[string]struct {
		err    error
		again  bool
		health policy.Outcome
	}{
		"no error":             {nil, false, policy.Success},
		"a broken connection":  {broken, true, policy.Failure},
		"a time limit":         {&policy.TimeoutError{After: time.Second}, true, policy.Failure},
		"a deadline":           {context.DeadlineExceeded, true, policy.Failure},
		"a cancel":             {context.Canceled, false, policy.Failure},
		"a certificate":        {untrusted, false, policy.Failure},
		"an invalid request":   {invalid, false, policy.Ignored},
		"a rejection":          {&breaker.OpenError{Name: "stripe"}, false, policy.Ignored},
		"a retry that gave up": {&retry.Error{Attempts: 3, Reason: retry.ErrExhausted, Last: broken}, false, policy.Failure},
		"a permanent error":    {retry.Permanent(broken), false, policy.Failure},
		"a Transport's 503":    {&ductilehttp.StatusError{StatusCode: 503}, true, policy.Failure},
		"a Transport's 409":    {&ductilehttp.StatusError{StatusCode: 409}, true, policy.Ignored},
	} {
		assert.Equal(t, c.again, ductilestripe.Retryable(c.err), name)
		assert.Equal(t, c.health, ductilestripe.Classify(c.err), name)
		assert.Equal(t, c.again, retry.Retryable(ductilestripe.Mark(c.err)), name)
	}
}

func TestACallThatTheSDKRejectsIsTheCallersFault(t *testing.T) {
	a := serve(t)
	long := price(100)
	long.SetIdempotencyKey(strings.Repeat("k", 256))
	_, tooLong := once(a.URL, a.base).V1PaymentIntents.Create(t.Context(), long)
	api := ductilestripe.NewBackends(onceConfig(a.URL, a.base)).API.(stripe.RawRequestBackend)
	_, noVersion := api.RawRequest("POST", "/v3/x", "sk_test_123", "", nil)
	_, noMethod := api.RawRequest("PATCH", "/v1/x", "sk_test_123", "", nil)
	for _, err := range []error{tooLong, noVersion, noMethod} {
		require.Error(t, err)
		assert.False(t, ductilestripe.Retryable(err), "%v", err)
		assert.Equal(t, policy.Ignored, ductilestripe.Classify(err), "%v", err)
	}
	assert.Empty(t, a.seen())
}

func TestMarkKeepsTheRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{"7": 7 * time.Second, "0": 0, "-7": 0, "1.5": 0, "soon": 0} {
		err := ductilestripe.Mark(stripeError(t, refuse(429, "invalid_request_error", "Retry-After", header)))
		var asked time.Duration
		if hint, ok := err.(interface{ RetryAfter() time.Duration }); ok {
			asked = hint.RetryAfter()
		}
		assert.Equal(t, want, asked, "Retry-After: %s", header)
	}
}

func TestMarkKeepsTheError(t *testing.T) {
	require.NoError(t, ductilestripe.Mark(nil))
	var e *stripe.Error
	require.ErrorAs(t, ductilestripe.Mark(stripeError(t, refuse(402, "card_error"))), &e)
	assert.Equal(t, 402, e.HTTPStatusCode)
}

func TestRetryResponseJudgesBelowTheSDK(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		says   string
		err    error
		want   bool
	}{
		"success": {200, "", nil, false}, "success, whatever it says": {200, "true", nil, false},
		"400": {400, "", nil, false}, "402": {402, "", nil, false}, "409": {409, "", nil, true},
		"408": {408, "", nil, false}, "429": {429, "", nil, true}, "500": {500, "", nil, true}, "599": {599, "", nil, true},
		"500, but do not": {500, "false", nil, false}, "402, but do": {402, "true", nil, true},
		"broken": {0, "", io.ErrUnexpectedEOF, true}, "cancelled": {0, "", context.Canceled, false}, "nothing": {0, "", nil, false},
	} {
		var resp *http.Response
		if c.status != 0 {
			resp = &http.Response{StatusCode: c.status, Header: http.Header{"Stripe-Should-Retry": {c.says}}, Body: io.NopCloser(&bytes.Buffer{})}
		}
		assert.Equal(t, c.want, ductilestripe.RetryResponse(resp, c.err), name)
	}
}
