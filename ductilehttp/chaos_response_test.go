package ductilehttp_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
)

func TestAMadeResponseHasWhatNetHTTPSets(t *testing.T) {
	on := chaos.Config{Rate: 1, Enabled: true}
	for want, made := range map[string]*http.Response{
		"418 I'm a teapot, 0 bytes announced":     {StatusCode: http.StatusTeapot},
		"418 I'm a teapot, -1 bytes announced":    {StatusCode: http.StatusTeapot, Body: io.NopCloser(strings.NewReader("tea"))},
		"499, 3 bytes announced":                  {StatusCode: 499, Body: io.NopCloser(strings.NewReader("tea")), ContentLength: 3},
		"418 short and stout, -1 bytes announced": {StatusCode: http.StatusTeapot, Status: "418 short and stout", Body: io.NopCloser(strings.NewReader("tea"))},
	} {
		cfg, _ := config(tripper(func(*http.Request) (*http.Response, error) { panic("sent") }))
		cfg.Chaos = ductilehttp.ChaosResponse(on, func(*http.Request) *http.Response { return made })
		resp, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "GET", "http://h.example", nil))
		require.NoError(t, err)
		assert.Equal(t, want, fmt.Sprintf("%s, %d bytes announced", resp.Status, resp.ContentLength))
		read(t, resp)
	}
}

func TestAMadeResponseWithoutAStatusFailsTheAttempt(t *testing.T) {
	body := &closeCounter{Reader: strings.NewReader("x")}
	cfg, _ := config(tripper(func(*http.Request) (*http.Response, error) { panic("sent") }))
	cfg.Chaos = ductilehttp.ChaosResponse(chaos.Config{Rate: 1, Enabled: true}, func(*http.Request) *http.Response {
		return &http.Response{Body: body}
	})
	_, err := ductilehttp.NewTransport(cfg).RoundTrip(request(t, "POST", "http://h.example", nil))
	require.ErrorIs(t, err, chaos.ErrInjected)
	require.ErrorContains(t, err, "returned the StatusCode 0, want 100 to 999")
	assert.EqualValues(t, 1, body.closed.Load())
}

func TestAClientCanTellAnInjectedStatusWithoutABody(t *testing.T) {
	empty := func(*http.Request) *http.Response { return &http.Response{StatusCode: http.StatusInternalServerError} }
	for name, inject := range map[string]policy.Policy[*http.Response]{
		"POST": ductilehttp.ChaosResponse(chaos.Config{Rate: 1, Enabled: true}, empty),
		"HEAD": ductilehttp.ChaosStatus(chaos.Config{Rate: 1, Enabled: true}, 404, 0),
	} {
		c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Chaos: inject})
		err := c.Do(t.Context(), name, "/", nil, nil)
		var status *ductilehttp.StatusError
		require.ErrorAs(t, err, &status)
		assert.ErrorIs(t, err, chaos.ErrInjected)
	}
}
