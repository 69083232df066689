package ductilestripe_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

func TestTheZeroConfigIsValid(t *testing.T) {
	require.NoError(t, ductilestripe.Config{}.Validate())
	require.NoError(t, ductilestripe.Config{Once: true}.Validate())
	b := ductilestripe.NewBackends(ductilestripe.Config{})
	for url, backend := range map[string]stripe.Backend{
		stripe.APIURL: b.API, stripe.ConnectURL: b.Connect, stripe.UploadsURL: b.Uploads, stripe.MeterEventsURL: b.MeterEvents,
	} {
		got := backend.(*stripe.BackendImplementation)
		assert.Equal(t, url, got.URL)
		assert.Zero(t, got.MaxNetworkRetries)
		assert.IsType(t, &ductilehttp.Transport{}, got.HTTPClient.Transport)
		assert.Zero(t, got.HTTPClient.Timeout, "the Transport has its own timeouts")
	}
}

func TestValidateNamesEachFieldThatIsWrong(t *testing.T) {
	for field, cfg := range map[string]ductilestripe.Config{
		"Config.Transport":             {Transport: ductilehttp.Config{AttemptTimeout: time.Hour}},
		"Config.Transport.Pipeline":    {Once: true, Transport: ductilehttp.Config{Pipeline: pipeline.New[*http.Response]()}}, //nolint:bodyclose // there is no response
		"Config.Retry":                 {Once: true, Transport: ductilehttp.Config{Retry: retry.Config{MaxAttempts: 2}}},
		"Config.Transport.Base":        {Transport: ductilehttp.Config{Base: (*http.Transport)(nil)}},
		"Config.SDK.HTTPClient":        {SDK: stripe.BackendConfig{HTTPClient: http.DefaultClient}},
		"Config.SDK.MaxNetworkRetries": {SDK: stripe.BackendConfig{MaxNetworkRetries: stripe.Int64(2)}},
		"Config.SDK.LeveledLogger":     {SDK: stripe.BackendConfig{LeveledLogger: "stderr"}},
		"Config.SDK.URL":               {SDK: stripe.BackendConfig{URL: stripe.String("localhost:12111")}},
	} {
		err := cfg.Validate()
		require.ErrorContains(t, err, field)
		assert.PanicsWithError(t, err.Error(), func() { ductilestripe.NewBackends(cfg) }, field)
	}
}

func TestAURLMustHaveNoPathQueryOrFragment(t *testing.T) {
	for at, fine := range map[string]bool{
		"http://h": true, "http://h/": true, "http://h/v1": true, "http://h/v1/": true, "https://h:8080": true,
		"http://h//": false, "http://h/stripe": false, "http://h/v2": false, "http://h?a": false, "http://h#a": false,
	} {
		cfg := ductilestripe.Config{SDK: stripe.BackendConfig{URL: stripe.String(at)}}
		cfg.Transport.Base = tripper(func(r *http.Request) (*http.Response, error) {
			return says(r, 200, []byte(`{"id": "pi_1"}`), ""), nil
		})
		err := cfg.Validate()
		if !fine {
			require.ErrorContains(t, err, "want one with no path, query or fragment", at)
			continue
		}
		require.NoError(t, err, at)
		_, err = clientOf(cfg).V1PaymentIntents.Create(t.Context(), price(100))
		require.NoError(t, err, at)
	}
}

func TestValidateReturnsAllFaults(t *testing.T) {
	err := ductilestripe.Config{
		Transport: ductilehttp.Config{AttemptHeader: "not a name"},
		SDK:       stripe.BackendConfig{URL: stripe.String("://"), MaxNetworkRetries: stripe.Int64(-1)},
	}.Validate()
	for _, field := range []string{"AttemptHeader", "SDK.URL", "SDK.MaxNetworkRetries"} {
		require.ErrorContains(t, err, field)
	}
}

// logger implements the SDK's logger interface and counts lines.
type logger struct{ lines int }

func (l *logger) Debugf(context.Context, string, ...any) { l.lines++ }
func (l *logger) Infof(context.Context, string, ...any)  { l.lines++ }
func (l *logger) Warnf(context.Context, string, ...any)  { l.lines++ }
func (l *logger) Errorf(context.Context, string, ...any) { l.lines++ }

func TestTelemetryAndLogsAreOffByDefault(t *testing.T) {
	told := raw(200, `{"id": "pi_1"}`, "Request-Id", "req_1")
	for asked, want := range map[bool]string{false: "", true: "req_1"} {
		a := serve(t, told, told)
		var l logger
		cfg := ductilestripe.Config{Transport: ductilehttp.Config{Base: a.base}, SDK: stripe.BackendConfig{URL: stripe.String(a.URL)}}
		if asked {
			cfg.SDK.EnableTelemetry, cfg.SDK.LeveledLogger = stripe.Bool(true), &l
		}
		client := clientOf(cfg)
		for range 2 {
			_, err := client.V1PaymentIntents.Create(t.Context(), price(100))
			require.NoError(t, err)
		}
		sent := a.header[1].Get("X-Stripe-Client-Telemetry")
		assert.Equal(t, asked, sent != "", sent)
		assert.Contains(t, sent, want)
		assert.Equal(t, asked, l.lines > 0)
	}
}

func TestEachHostHasACircuitUnlessThereIsOneForAll(t *testing.T) {
	down := tripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("down") })
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := ductilestripe.Config{Transport: ductilehttp.Config{
		Base: down, Retry: retry.Config{Clock: clk}, Circuits: breaker.Config{FailureThreshold: 3, Clock: clk},
	}}
	for _, one := range []bool{false, true} {
		if one {
			cfg.Transport.Circuit = breaker.NewCircuit(cfg.Transport.Circuits)
			cfg.Transport.Circuits = breaker.Config{}
		}
		client := clientOf(cfg)
		_, err := client.V1PaymentIntents.Create(t.Context(), price(100))
		require.ErrorIs(t, err, retry.ErrExhausted)
		_, err = client.V1PaymentIntents.Create(t.Context(), price(100))
		require.ErrorIs(t, err, breaker.ErrOpen)
		_, err = client.V1Quotes.PDF(t.Context(), "qt_1", nil) // served by the host for files
		if one {
			require.ErrorIs(t, err, breaker.ErrOpen)
		} else {
			require.ErrorIs(t, err, retry.ErrExhausted)
		}
	}
}

func TestTheRulesCanBeReplaced(t *testing.T) {
	a := serve(t, refuse(402, "card_error"))
	client := clientOf(ductilestripe.Config{
		Transport: ductilehttp.Config{
			Base: a.base, Retry: retry.Config{Clock: fake.NewClock(fake.AutoAdvance())},
			RetryResponse: func(resp *http.Response, err error) bool {
				return err == nil && resp.StatusCode == http.StatusPaymentRequired
			},
		},
		SDK: stripe.BackendConfig{URL: stripe.String(a.URL)},
	})
	_, err := client.V1PaymentIntents.Create(t.Context(), price(100))
	require.NoError(t, err)
	assert.Len(t, a.seen(), 2)
}

func TestOnceSendsEachRequestOnce(t *testing.T) {
	for name, f := range map[string]fault{"503": refuse(503, "api_error"), "reset": reset} {
		a := serve(t, f)
		_, err := once(a.URL, a.base).V1PaymentIntents.Create(t.Context(), price(100))
		require.Error(t, err, name)
		assert.True(t, ductilestripe.Retryable(err), "%s: it is for a retry above to decide", name)
		assert.Len(t, a.seen(), 1, name)
	}
}

func TestARequestWithoutAKeyIsNotRepeated(t *testing.T) {
	a := serve(t, lost)
	cfg := ductilestripe.Config{
		Transport: ductilehttp.Config{Base: a.base, Retry: retry.Config{Clock: fake.NewClock(fake.AutoAdvance())}},
		SDK:       stripe.BackendConfig{URL: stripe.String(a.URL)},
	}
	api := ductilestripe.NewBackends(cfg).API.(stripe.RawRequestBackend)
	_, err := api.RawRequest("POST", "/v1/payment_intents", "sk_test_123", "amount=100", nil)
	require.Error(t, err)
	assert.Equal(t, []string{""}, a.seen(), "the SDK makes no key for nil params")
}

func TestIdleConnectionsAreClosedThroughTheBackends(t *testing.T) {
	closed := 0
	b := ductilestripe.NewBackends(ductilestripe.Config{Transport: ductilehttp.Config{Base: idle{closed: &closed}}})
	b.API.(*stripe.BackendImplementation).HTTPClient.CloseIdleConnections()
	assert.Equal(t, 1, closed)
	b = ductilestripe.NewBackends(ductilestripe.Config{Transport: ductilehttp.Config{Base: tripper(breakOff)}})
	b.API.(*stripe.BackendImplementation).HTTPClient.CloseIdleConnections() // the base has no such method
}

// idle is a base that counts how often its idle connections are closed.
type idle struct {
	http.RoundTripper
	closed *int
}

func (i idle) CloseIdleConnections() { *i.closed++ }
