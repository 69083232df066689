package ductilehttp_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
)

// bare is a server's writer that can do nothing else.
type bare struct{ http.ResponseWriter }

func TestAFlushThatCannotBeIsToldAndIsNoAnswer(t *testing.T) {
	w := httptest.NewRecorder()
	ductilehttp.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		require.ErrorIs(t, http.NewResponseController(w).Flush(), http.ErrNotSupported)
		w.(http.Flusher).Flush()
		return io.EOF
	}, ductilehttp.HandlerConfig{}).ServeHTTP(bare{w}, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	assert.Equal(t, 500, w.Code)
}
