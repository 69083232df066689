package ductilehttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
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

func TestFieldsWithoutEffectAreRefused(t *testing.T) {
	for want, cfg := range map[string]ductilehttp.Config{
		"ductilehttp: Config.ReadIdle is -2ns, want NoReadIdle (-1ns), or 0 or more":        {ReadIdle: -2},
		"ductilehttp: Config.WriteIdle is -1s, want NoWriteIdle (-1ns), or 0 or more":       {WriteIdle: -time.Second},
		"ductilehttp: Config.MaxBufferedBody is -2, want NoBufferedBody (-1), or 0 or more": {MaxBufferedBody: -2},
		"ductilehttp: Config.NoCircuit is true, want zero beside Circuit":                   {NoCircuit: true, Circuit: breaker.NewCircuit(breaker.Config{})},
		"ductilehttp: Config.Circuits is set, want zero beside NoCircuit":                   {NoCircuit: true, Circuits: breaker.Config{MinCalls: 1, FailureRate: 0.5, WindowCalls: 9}},
		"ductilehttp: Config.Circuit: breaker: zero Circuit, want one made by NewCircuit":   {Circuit: new(breaker.Circuit)},
	} {
		assert.EqualError(t, cfg.Validate(), want)
	}
	for _, fine := range []ductilehttp.Config{
		{ReadIdle: ductilehttp.NoReadIdle, WriteIdle: ductilehttp.NoWriteIdle, MaxBufferedBody: ductilehttp.NoBufferedBody}, {NoCircuit: true},
	} {
		assert.NoError(t, fine.Validate())
	}
}

func TestOneClockMeasuresEverything(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	s := serve(t, statuses(503))
	tr := ductilehttp.NewTransport(ductilehttp.Config{Base: s.base, Clock: clk, Circuits: breaker.Config{FailureThreshold: 3}})
	assert.Equal(t, clk, tr.Config().Retry.Clock)
	assert.Equal(t, clk, tr.Config().Circuits.Clock)
	resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	read(t, resp)
	circuit, _ := tr.Circuits().Get(s.URL)
	assert.Equal(t, breaker.Open, circuit.State())
	clk.Advance(breaker.DefaultRecoveryTimeout)
	assert.Equal(t, breaker.HalfOpen, circuit.State())
}

func TestTheClockOfTheRetryIsTheClockOfTheCircuits(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance())
	s := serve(t, statuses(503))
	tr := ductilehttp.NewTransport(ductilehttp.Config{Base: s.base, Retry: retry.Config{Clock: clk}, Circuits: breaker.Config{FailureThreshold: 3}})
	assert.Equal(t, clk, tr.Config().Clock)
	assert.Equal(t, clk, tr.Config().Circuits.Clock)
	resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	read(t, resp)
	circuit, _ := tr.Circuits().Get(s.URL)
	assert.Equal(t, breaker.Open, circuit.State())
	clk.Advance(breaker.DefaultRecoveryTimeout)
	assert.Equal(t, breaker.HalfOpen, circuit.State())
	require.NoError(t, tr.Config().Validate(), "defaults are accepted again")
}

func TestAPrepareErrorSaysPrepareRequest(t *testing.T) {
	cfg, _ := config(tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 200, ""), nil }))
	cfg.Prepare = func(*http.Request, int) error { return context.Canceled }
	err := send(t, ductilehttp.NewTransport(cfg), "GET", "http://h.example", nil)
	require.EqualError(t, err, "ductilehttp: prepare request: context canceled")
}

func TestAResponseMadeByAPolicyIsHeldAndDiscarded(t *testing.T) {
	released := 0
	body := &closeCounter{Reader: strings.NewReader("own")}
	resp := &http.Response{StatusCode: http.StatusOK, Body: body}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	held := ductilehttp.HoldBody(ctx, resp, func() { released++ })
	assert.Equal(t, "own", read(t, held))
	assert.Equal(t, 1, released)
	ductilehttp.HoldBody(ctx, held, func() { released++ })
	assert.Equal(t, 2, released, "it has ended")
	ductilehttp.HoldBody(ctx, nil, func() { released++ })
	assert.Equal(t, 3, released)

	other := &closeCounter{Reader: strings.NewReader("own")}
	ductilehttp.Discard(&http.Response{Body: other})
	assert.EqualValues(t, 1, other.closed.Load())
	ductilehttp.Discard(nil)
	ductilehttp.Discard(&http.Response{})
}

func TestSeeOtherIsFollowedWithAGet(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "/made/1")
			w.WriteHeader(http.StatusSeeOther)
			return
		}
		b, _ := io.ReadAll(r.Body)
		assert.Empty(t, b)
		assert.Empty(t, r.Header.Get("Content-Type"))
		assert.Empty(t, r.Header.Get("Idempotency-Key"))
		assert.Empty(t, r.Header.Get("X-Idempotency-Key"))
		_, _ = io.WriteString(w, `{"name":"Ada"}`)
	})
	c, _ := clientOf(s.base, s.URL)
	var out student
	require.NoError(t, c.Post(t.Context(), "/", student{"Ada"}, &out, ductilehttp.Idempotent(), ductilehttp.Header("X-Idempotency-Key", "7")))
	assert.Equal(t, "Ada", out.Name)
	assert.EqualValues(t, 2, s.requests.Load())
}

func TestARedirectWithoutALocationIsReturned(t *testing.T) {
	c, _ := clientOf(tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 302, ""), nil }), "https://api.example.com")
	var status *ductilehttp.StatusError
	require.ErrorAs(t, c.Get(t.Context(), "/", nil), &status)
	assert.Equal(t, 302, status.StatusCode)
}

// A policy inside a Transport may turn a response into an error.
func TestAPolicyInsideSeesEveryAttempt(t *testing.T) {
	s := serve(t, statuses(200))
	cfg, _ := config(s.base)
	seen := 0
	notYet := errors.New("not yet")
	tr := ductilehttp.NewTransport(cfg).With(policy.Check(func(resp *http.Response, err error) error {
		if seen++; seen < 3 {
			_ = resp.Body.Close()
			return notYet
		}
		return err
	}))
	require.NoError(t, send(t, tr, "GET", s.URL, nil))
	assert.Equal(t, 3, seen)
	assert.EqualValues(t, 3, s.requests.Load())
	_, ok := tr.Circuits().Get(s.URL)
	assert.True(t, ok)
}
