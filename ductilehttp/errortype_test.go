package ductilehttp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/retry"
)

func TestAStatusErrorIsCountedByItsCode(t *testing.T) {
	for code, want := range map[int]string{503: "503", 0: "0", 600: "600", -1: "-1"} {
		assert.Equal(t, want, observe.ErrorType(fmt.Errorf("x: %w", &ductilehttp.StatusError{StatusCode: code})))
	}
}

func TestAFailedRequestIsCountedByItsStatus(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer server.Close()
	stats := observe.New(observe.Config{})
	transport := ductilehttp.NewTransport(ductilehttp.Config{
		Base: server.Client().Transport, Retry: retry.Config{MaxAttempts: 1}, Observer: stats.Observe,
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	_ = resp.Body.Close()
	one, ok := stats.Snapshot().Find("ductile.call.duration", map[string]string{observe.LabelErrorType: "503"})
	require.True(t, ok, "%v", stats)
	assert.Equal(t, "failure", one.Labels[observe.LabelOutcome])
}
