package ductilehttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// rejecting is the config of throttles that reject each call whose rate is above 0.
func rejecting() *throttle.Config {
	return &throttle.Config{MinCalls: 2, Rand: func() float64 { return 0 }}
}

func TestAThrottleCountsAResponseAsTheCircuitDoes(t *testing.T) {
	for code, want := range map[int]throttle.Snapshot{
		200: {Requests: 1, Accepts: 1}, 404: {Requests: 1, Accepts: 1}, 501: {}, // the request's own fault
		429: {Requests: 1}, 500: {Requests: 1}, 503: {Requests: 1},
	} {
		th := throttle.NewThrottle(throttle.Config{Clock: fake.NewClock()})
		cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) { return answer(r, code, ""), nil }))
		cfg.Retry = retry.Config{MaxAttempts: 1}
		cfg.Throttle = th
		require.NoError(t, send(t, ductilehttp.NewTransport(cfg), "GET", "http://h.example", nil))
		assert.Equal(t, want, th.Snapshot(), "%d", code)
	}
	th := throttle.NewThrottle(throttle.Config{Clock: fake.NewClock()})
	cfg, _ := config(tripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }))
	cfg.Retry = retry.Config{MaxAttempts: 1}
	cfg.Throttle = th
	require.Error(t, send(t, ductilehttp.NewTransport(cfg), "GET", "http://h.example", nil))
	assert.Equal(t, throttle.Snapshot{Requests: 1}, th.Snapshot())
}

func TestEachHostHasItsOwnThrottle(t *testing.T) {
	sent := map[string]int{}
	cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) {
		sent[r.URL.Host]++
		if r.URL.Host == "a.example" {
			return answer(r, 503, "busy"), nil
		}
		return answer(r, 200, "ok"), nil
	}))
	cfg.Retry = retry.Config{MaxAttempts: 1}
	cfg.NoCircuit, cfg.Throttles = true, rejecting()
	tr := ductilehttp.NewTransport(cfg)
	for range 2 {
		require.NoError(t, send(t, tr, "GET", "http://a.example", nil))
	}
	err := send(t, tr, "GET", "http://a.example", nil)
	require.ErrorIs(t, err, throttle.ErrThrottled)
	require.ErrorContains(t, err, `throttle: call to "http://a.example" throttled`)
	for range 3 {
		require.NoError(t, send(t, tr, "GET", "http://b.example", nil))
	}
	assert.Equal(t, map[string]int{"a.example": 2, "b.example": 3}, sent)
}

// A throttle that is shared, in a pipeline of one's own, sees what the standard one sees.
func TestAThrottleInAPipelineCountsBadResponses(t *testing.T) {
	th := throttle.NewThrottle(*rejecting())
	tr := ductilehttp.NewTransport(ductilehttp.Config{
		Base:     tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 503, "busy"), nil }),
		Pipeline: pipeline.New[*http.Response](throttle.New[*http.Response](th)),
	})
	for range 2 {
		require.NoError(t, send(t, tr, "GET", "http://h.example", nil))
	}
	require.ErrorIs(t, send(t, tr, "GET", "http://h.example", nil), throttle.ErrThrottled)
}

func TestValidateFindsTheFaultsOfThrottles(t *testing.T) {
	th := throttle.NewThrottle(throttle.Config{})
	through := pipeline.New[*http.Response]()
	for want, cfg := range map[string]ductilehttp.Config{
		"": {Throttles: &throttle.Config{}},
		"ductilehttp: Config.Throttles is set, want zero beside Throttle":                     {Throttle: th, Throttles: &throttle.Config{}},
		"ductilehttp: Config.Throttles.K is 0.5, want 0 for the default, 2, or 1 to 1e+06":    {Throttles: &throttle.Config{K: 0.5}},
		"ductilehttp: Config.Throttle: throttle: zero Throttle, want one made by NewThrottle": {Throttle: new(throttle.Throttle)},
		"ductilehttp: Config.Throttle is set, want zero beside Pipeline":                      {Pipeline: through, Throttle: th},
		"ductilehttp: Config.Throttles is set, want zero beside Pipeline":                     {Pipeline: through, Throttles: &throttle.Config{}},
	} {
		if err := cfg.Validate(); want != "" {
			assert.EqualError(t, err, want)
		} else {
			assert.NoError(t, err)
		}
	}
}

func TestAThrottledCallIsAnsweredWith503(t *testing.T) {
	th := throttle.NewThrottle(*rejecting())
	for range 2 {
		_, _ = throttle.Do(t.Context(), th, func(context.Context) (int, error) { return 0, errors.New("busy") })
	}
	_, err := throttle.Do(t.Context(), th, func(context.Context) (int, error) { return 1, nil })
	require.ErrorIs(t, err, throttle.ErrThrottled)
	for _, err := range []error{err, throttle.ErrThrottled, fmt.Errorf("search: %w", err)} {
		code, after := ductilehttp.Status(err)
		assert.Equal(t, http.StatusServiceUnavailable, code, "%v", err)
		assert.EqualValues(t, 1e9, after)
	}
	h := ductilehttp.Handler(func(http.ResponseWriter, *http.Request) error { return err }, ductilehttp.HandlerConfig{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(t, "GET", "/", nil))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "1", w.Header().Get("Retry-After"))
}
