package ductilehttp_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
)

// bare is a server's writer without optional methods.
type bare struct{ http.ResponseWriter }

func TestAnUnsupportedFlushIsAnErrorAndBeginsNoResponse(t *testing.T) {
	w := httptest.NewRecorder()
	ductilehttp.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		require.ErrorIs(t, http.NewResponseController(w).Flush(), http.ErrNotSupported)
		w.(http.Flusher).Flush()
		return io.EOF
	}, ductilehttp.HandlerConfig{}).ServeHTTP(bare{w}, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	assert.Equal(t, 500, w.Code)
}

func TestAnErrorResponseOmitsHeadersOfTheUnwrittenResponse(t *testing.T) {
	h := ductilehttp.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		for _, name := range []string{"Content-Encoding", "Content-Length", "Etag", "Last-Modified", "Cache-Control"} {
			w.Header().Set(name, "1")
		}
		w.Header().Set("X-Trace", "kept")
		return io.EOF
	}, ductilehttp.HandlerConfig{})
	w := ask(t, h)
	assert.Equal(t, 500, w.Code)
	assert.Equal(t, http.Header{
		"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"}, "X-Trace": {"kept"},
	}, w.Header())
}

func TestAnErrorResponseHasNoHeaderThatDescribesContent(t *testing.T) {
	h := ductilehttp.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		for _, name := range []string{
			"Accept-Ranges", "Cache-Control", "Content-Digest", "Content-Disposition", "Content-Encoding", "Content-Language",
			"Content-Length", "Content-Location", "Content-Range", "Digest", "ETag", "Expires", "Last-Modified", "Repr-Digest", "Trailer",
		} {
			w.Header().Set(name, "1")
		}
		w.Header().Set("Set-Cookie", "a=b")
		return errors.New("no answer")
	}, ductilehttp.HandlerConfig{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	assert.Equal(t, http.Header{
		"Set-Cookie": {"a=b"}, "Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"},
	}, w.Header())
}
