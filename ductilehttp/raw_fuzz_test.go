package ductilehttp_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/retry"
)

// pipe is a base whose server answers each request with the given bytes, and then closes
// the connection or stays silent.
func pipe(t *testing.T, answer []byte, silent bool) *http.Transport {
	base := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer func() { _ = server.Close() }()
			stop := context.AfterFunc(t.Context(), func() { _ = server.Close() })
			defer stop()
			if _, err := http.ReadRequest(bufio.NewReader(server)); err != nil {
				return
			}
			_, _ = server.Write(answer)
			if silent {
				_, _ = io.Copy(io.Discard, server)
			}
		}()
		return client, nil
	}}
	t.Cleanup(base.CloseIdleConnections)
	return base
}

// Whatever bytes a server sends, a call ends within its time, without a panic, and keeps
// no more of them than it was told to.
func FuzzAnswer(f *testing.F) {
	for _, answer := range []string{
		"", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
		"HTTP/1.1 503 no\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", "HTTP/1.1 302 Found\r\nLocation: ://\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata", "HTTP/9.9 999\r\n\r\n", "\x00\x00\x12\x04\x00\x00\x00\x00\x00",
		"HTTP/1.1 429 x\r\nRetry-After: 99999999999999999999\r\nRetry-After: 0\r\n\r\n", "HTTP/1.1 407 x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b",
	} {
		f.Add([]byte(answer), true)
		f.Add([]byte(answer), false)
	}
	f.Fuzz(func(t *testing.T, answer []byte, silent bool) {
		const limit = 1 << 10
		cfg := ductilehttp.Config{
			Base: pipe(t, answer, silent), TotalTimeout: 40 * time.Millisecond, AttemptTimeout: 10 * time.Millisecond,
			ReadIdle: 10 * time.Millisecond, Retry: retry.Config{MaxAttempts: 2, BaseDelay: retry.NoDelay},
		}
		tr := ductilehttp.NewTransport(cfg)
		if resp, err := tr.RoundTrip(request(t, "GET", "http://h.example/", nil)); err == nil {
			kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
			if resp.StatusCode != http.StatusSwitchingProtocols && !strings.EqualFold(strings.TrimSpace(kind), "text/event-stream") {
				_, _ = io.Copy(io.Discard, resp.Body)
			}
			_ = resp.Body.Close()
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var out any
		err := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: tr, MaxResponse: limit}).
			Get(t.Context(), "/", &out)
		runtime.ReadMemStats(&after)
		if err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
			t.Errorf("%d bytes for an answer of %d", grown, len(answer))
		}
	})
}
