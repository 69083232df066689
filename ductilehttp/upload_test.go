package ductilehttp_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
)

// stream hides the reader's type, so that it cannot be rewound.
func stream(b []byte) io.Reader { return io.MultiReader(bytes.NewReader(b)) }

func TestABodyWithoutGetBodyIsSentAgainUpToTheLimit(t *testing.T) {
	for _, c := range []struct {
		name     string
		size     int
		told     bool
		requests int64
	}{
		{"at the limit", ductilehttp.DefaultMaxBufferedBody, false, 3},
		{"at the limit, told", ductilehttp.DefaultMaxBufferedBody, true, 3},
		{"beyond it", ductilehttp.DefaultMaxBufferedBody + 1, false, 1},
		{"beyond it, told", ductilehttp.DefaultMaxBufferedBody + 1, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := pattern(c.size)
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				got, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.True(t, bytes.Equal(want, got), "whole, %d bytes", len(got))
				w.WriteHeader(http.StatusServiceUnavailable)
			})
			cfg, _ := config(s.base)
			r := request(t, "PUT", s.URL, stream(want))
			if c.told {
				r.ContentLength = int64(c.size)
			}
			code, _ := do(t, cfg, r)
			assert.Equal(t, 503, code)
			assert.Equal(t, c.requests, s.requests.Load())
		})
	}
}

func TestAStreamIsNotBufferedBeforeItIsSent(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		arrived := make(chan struct{})
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadFull(r.Body, make([]byte, 5))
			assert.NoError(t, err)
			close(arrived)
			rest, _ := io.ReadAll(r.Body)
			_, _ = w.Write(rest)
		}, overTLS)
		in, out := io.Pipe()
		var writing sync.WaitGroup
		writing.Go(func() {
			_, _ = io.WriteString(out, "first")
			<-arrived // the rest follows when the server has seen the beginning
			_, _ = io.WriteString(out, "rest")
			_ = out.Close()
		})
		cfg, _ := config(s.base)
		_, body := do(t, cfg, request(t, "PUT", s.URL, in))
		assert.Equal(t, "rest", body)
		writing.Wait()
	})
}

func TestAnAttemptReadsOnWhereAStreamWasLeft(t *testing.T) {
	s := raw(t, func(n int, c net.Conn, r *http.Request) bool {
		if n == 1 {
			_, _ = io.ReadFull(r.Body, make([]byte, 5))
			reset(c)
			return false
		}
		b, _ := io.ReadAll(r.Body)
		assert.Equal(t, "first and rest", string(b))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		return true
	})
	in, out := io.Pipe()
	go func() {
		_, _ = io.WriteString(out, "first")
		eventually(t, func() bool { return s.requests.Load() == 1 })
		_, _ = io.WriteString(out, " and")
		_, _ = io.WriteString(out, " rest")
		_ = out.Close()
	}()
	cfg, _ := config(s.base)
	code, _ := do(t, cfg, request(t, "PUT", s.URL, in))
	assert.Equal(t, 200, code)
	_, err := in.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.ErrClosedPipe, "the source is closed")
}

func TestABlockedStreamIsClosedWithItsRequest(t *testing.T) {
	early := raw(t, func(_ int, c net.Conn, _ *http.Request) bool {
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		return false
	})
	streams := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		func(s *httptest.Server) {
			s.EnableHTTP2 = true
			s.StartTLS()
		})
	for url, base := range map[string]*http.Transport{early.URL: early.base, streams.URL: streams.base} {
		in, out := io.Pipe()
		cfg, _ := config(base)
		code, _ := do(t, cfg, request(t, "PUT", url, in))
		assert.Equal(t, 400, code)
		_, err := io.WriteString(out, strings.Repeat("x", 1<<20))
		assert.ErrorIs(t, err, io.ErrClosedPipe)
	}
}

func TestAFailingGetBodyEndsTheRequest(t *testing.T) {
	s := serve(t, statuses(503))
	cfg, _ := config(s.base)
	r := request(t, "PUT", s.URL, strings.NewReader("body"))
	r.GetBody = func() (io.ReadCloser, error) { return nil, errSource }
	tr := ductilehttp.NewTransport(cfg)
	resp, err := tr.RoundTrip(r)
	require.ErrorIs(t, err, errSource)
	assert.Nil(t, resp)
	assert.EqualError(t, err, "ductilehttp: read request body: the source is gone")
	assert.EqualValues(t, 1, s.requests.Load())
}

func TestABodyThatFailsIsTheCallersFault(t *testing.T) {
	protocols(t, func(t *testing.T, _ int, overTLS func(*httptest.Server)) {
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, overTLS)
		cfg, clk := config(s.base)
		for _, r := range []*http.Request{
			request(t, "PUT", s.URL, io.MultiReader(strings.NewReader("half"), failing{})),
			request(t, "POST", s.URL, io.MultiReader(strings.NewReader("half"), failing{})),
		} {
			resp, err := ductilehttp.NewTransport(cfg).RoundTrip(r)
			assert.Nil(t, resp)
			require.ErrorIs(t, err, errSource)
			assert.True(t, ductilehttp.IsRequestError(err))
		}
		assert.Empty(t, clk.Sleeps())
	})
}

func TestAFileIsSentWhole(t *testing.T) {
	want := pattern(300 << 10)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, want, 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		assert.True(t, bytes.Equal(want, got))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	cfg, _ := config(s.base)
	r := request(t, "PUT", s.URL, f)
	r.ContentLength = int64(len(want))
	do(t, cfg, r)
	assert.EqualValues(t, 3, s.requests.Load())
	assert.ErrorIs(t, f.Close(), os.ErrClosed)
}

func TestATruncatedResponseFailsItsReader(t *testing.T) {
	s := raw(t, func(n int, c net.Conn, _ *http.Request) bool {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
		if n == 2 {
			reset(c)
		}
		return false
	})
	cfg, clk := config(s.base)
	tr := ductilehttp.NewTransport(cfg)
	for range 2 {
		resp, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		require.Error(t, err)
		assert.False(t, errors.Is(err, io.EOF))
		require.NoError(t, resp.Body.Close())
	}
	assert.Zero(t, clk.Waiters(), "a failed read holds no timer")
}

func TestABrokenDiscardedResponseDoesNotFailTheCall(t *testing.T) {
	s := raw(t, func(n int, c net.Conn, _ *http.Request) bool {
		if n == 1 {
			_, _ = io.WriteString(c, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\nshort")
			return false
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		return true
	})
	cfg, _ := config(s.base)
	code, _ := do(t, cfg, request(t, "GET", s.URL, nil))
	assert.Equal(t, 200, code)
}
