package ductilehttp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
)

func TestACallThatAnAdaptiveLimitRefusedIsAnsweredWith503(t *testing.T) {
	l := adaptive.NewLimiter(adaptive.Config{Initial: 1})
	permit, err := l.Acquire(t.Context())
	require.NoError(t, err)
	_, err = l.Acquire(t.Context())
	require.ErrorIs(t, err, adaptive.ErrLimited)
	for _, err := range []error{err, adaptive.ErrLimited, fmt.Errorf("search: %w", bulkhead.ErrFull)} {
		code, after := ductilehttp.Status(err)
		assert.Equal(t, http.StatusServiceUnavailable, code, "%v", err)
		assert.Equal(t, time.Second, after)
	}

	h := ductilehttp.Handler(func(http.ResponseWriter, *http.Request) error {
		_, err := adaptive.Do(context.Background(), l, func(context.Context) (int, error) { return 1, nil })
		return err
	}, ductilehttp.HandlerConfig{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "1", w.Header().Get("Retry-After"))
	assert.True(t, permit.Record(0))
}

func TestAnAdaptiveLimitInsideATimeoutHoldsItsPlaceUntilTheBodyHasEnded(t *testing.T) {
	goOn := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "begin ")
		_ = http.NewResponseController(w).Flush()
		<-goOn
		_, _ = io.WriteString(w, "end")
	})
	l := adaptive.NewLimiter(adaptive.Config{})
	resp, err := ductilehttp.NewTransport(own(s.base,
		policy.Timeout[*http.Response](time.Minute).WithKeep(ductilehttp.HoldBody),
		adaptive.New[*http.Response](l).WithKeep(ductilehttp.HoldBody),
	)).RoundTrip(request(t, "GET", s.URL, nil))
	require.NoError(t, err)
	assert.Equal(t, 1, l.Snapshot().InUse)
	close(goOn)
	assert.Equal(t, "begin end", read(t, resp))
	assert.Zero(t, l.Snapshot().InUse)
}
