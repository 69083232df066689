package ductilestripe_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// A valid config sends to the host that it names. NewBackends panics with the error of
// Validate.
func FuzzConfig(f *testing.F) {
	f.Add("https://api.stripe.com", int64(0), false, int64(0), int64(0), 0, "")
	f.Add("http://[::1]:8080/v0?a#b", int64(1), true, int64(time.Second), int64(2*time.Second), 2, "X-Attempt")
	f.Add("http://:", int64(0), false, int64(0), int64(0), 0, "")  // no host
	f.Add("http://h:", int64(0), false, int64(0), int64(0), 0, "") // no port
	f.Add("//h", int64(-1), true, int64(-1), int64(-1), -1, "a b")
	f.Add("HTTPS://user:hunter2@h.example:99999", int64(0), false, int64(1), int64(1), 1<<30, "Host")
	f.Fuzz(func(t *testing.T, at string, retries int64, once bool, attempt, total int64, attempts int, header string) {
		var sent []*http.Request
		cfg := ductilestripe.Config{
			Once: once,
			Transport: ductilehttp.Config{
				AttemptTimeout: time.Duration(attempt), TotalTimeout: time.Duration(total), AttemptHeader: header,
				Retry: retry.Config{MaxAttempts: attempts},
				Base: tripper(func(r *http.Request) (*http.Response, error) {
					sent = append(sent, r)
					return says(r, 200, []byte(`{"id": "pi_1"}`), ""), nil
				}),
			},
			SDK: stripe.BackendConfig{MaxNetworkRetries: stripe.Int64(retries)},
		}
		if at != "" {
			cfg.SDK.URL = stripe.String(at)
		}
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { ductilestripe.NewBackends(cfg) })
			return
		}
		intent, err := clientOf(cfg).V1PaymentIntents.Create(t.Context(), price(100))
		if err != nil {
			assert.Empty(t, sent, "the SDK cannot make a request of it: %v", err)
			return
		}
		assert.Equal(t, "pi_1", intent.ID)
		require.Len(t, sent, 1)
		want, err := url.Parse(at)
		require.NoError(t, err)
		if at != "" {
			assert.Equal(t, strings.TrimSuffix(want.Host, ":"), strings.TrimSuffix(sent[0].URL.Host, ":"), "an empty port is none")
		}
	})
}

// Every response is judged by the rules: a request that was or may have been executed is
// sent again only with the same key, and a successful one is not sent again below the SDK.
func FuzzAnswer(f *testing.F) {
	for _, status := range []int{101, 200, 204, 304, 400, 402, 409, 429, 500, 599, 999} {
		f.Add(status, []byte(`{"id": "pi_1"}`), "")
		f.Add(status, []byte(`{"error": {"type": "card_error", "message": "no"}}`), "true")
		f.Add(status, []byte(`{"id": "pi_`), "false")
		f.Add(status, []byte(`couldn't deserialize JSON (response status: 200, `), "perhaps")
		f.Add(status, []byte(`{"error": null}`), "TRUE")
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, again string) {
		if status < 100 || status > 999 {
			return // net/http rejects such a response
		}
		var keys []string
		base := tripper(func(r *http.Request) (*http.Response, error) {
			keys = append(keys, key(r))
			return says(r, status, body, again), nil
		})
		clk := fake.NewClock(fake.AutoAdvance())

		repeats := status == http.StatusSwitchingProtocols || status/100 == 3 || status >= 400 && sentAgain(status, again)
		_, err := clientOf(ductilestripe.Config{Transport: ductilehttp.Config{Base: base, Retry: retry.Config{Clock: clk}}}).
			V1PaymentIntents.Create(t.Context(), price(100))
		assert.Len(t, keys, map[bool]int{false: 1, true: 3}[repeats], "below the SDK: %v", err)
		oneKey(t, keys)
		if status >= 300 {
			require.Error(t, err)
		}

		keys = nil
		_, err = once("https://api.stripe.com", base).V1PaymentIntents.Create(t.Context(), price(100))
		require.Len(t, keys, 1)
		judged(t, err, status, again)

		keys = nil
		do := ductilestripe.Pin(price(100), once("https://api.stripe.com", base).V1PaymentIntents.Create)
		_, last := retry.Do(t.Context(), retry.Config{Clock: clk}, do)
		repeats = status >= 400 && repeats || status < 400 && ductilestripe.Retryable(err) // as below the SDK, in any format
		assert.Len(t, keys, map[bool]int{false: 1, true: 3}[repeats], "above the SDK: %v", last)
		oneKey(t, keys)
	})
}

// oneKey checks that all requests have the same key.
func oneKey(t *testing.T, keys []string) {
	t.Helper()
	for _, k := range keys {
		assert.NotEmpty(t, k)
		assert.Equal(t, keys[0], k)
	}
}

// sentAgain is the rule: Stripe-Should-Retry decides, or else the status.
func sentAgain(status int, again string) bool {
	switch again {
	case "true", "false":
		return again == "true"
	}
	return status == 409 || status == 429 || status >= 500
}

// judged checks the verdicts on the SDK's error. Where the SDK drops the header, the status
// decides.
func judged(t *testing.T, err error, status int, again string) {
	t.Helper()
	if err == nil {
		assert.Less(t, status, 400)
		assert.Equal(t, policy.Success, ductilestripe.Classify(err))
		assert.False(t, ductilestripe.Retryable(err))
		return
	}
	assert.Equal(t, ductilestripe.Retryable(err), retry.Retryable(ductilestripe.Mark(err)))
	if status < 400 {
		assert.Equal(t, policy.Failure, ductilestripe.Classify(err), "garbled: %v", err)
		return
	}
	if _, answered := errors.AsType[*stripe.Error](err); !answered && !strings.Contains(err.Error(), "couldn't deserialize JSON") {
		return // JSON without an error: the SDK drops the status
	}
	want := policy.Ignored
	if status == 429 || status >= 500 {
		want = policy.Failure
	}
	assert.Equal(t, want, ductilestripe.Classify(err), "%v", err)
	if byHeader, byStatus := sentAgain(status, again), sentAgain(status, ""); byHeader == byStatus {
		assert.Equal(t, byStatus, ductilestripe.Retryable(err), "%v", err)
	}
}
