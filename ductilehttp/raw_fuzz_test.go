package ductilehttp_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/retry"
)

// pipe returns a base whose server answers each request with the given bytes, and then
// closes the connection or stays silent. It also returns the number of requests.
func pipe(t *testing.T, answer []byte, silent bool) (*http.Transport, *atomic.Int64) {
	requests := new(atomic.Int64)
	base := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer func() { _ = server.Close() }()
			stop := context.AfterFunc(t.Context(), func() { _ = server.Close() })
			defer stop()
			if _, err := http.ReadRequest(bufio.NewReader(server)); err != nil {
				return
			}
			requests.Add(1)
			_, _ = server.Write(answer)
			if silent {
				_, _ = io.Copy(io.Discard, server)
			}
		}()
		return client, nil
	}}
	t.Cleanup(base.CloseIdleConnections)
	return base, requests
}

// Whatever bytes a server sends, a call ends in time, without a panic, and keeps no more of
// them than configured.
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
		synctest.Test(t, func(t *testing.T) { survive(t, answer, silent) })
	})
}

// survive makes a call by a Transport and one by a Client in a bubble, where time advances
// only while all goroutines wait.
func survive(t *testing.T, answer []byte, silent bool) {
	const (
		limit    = 1 << 10
		attempts = 2
		total    = 40 * time.Second
		idle     = 10 * time.Second
	)
	base, requests := pipe(t, answer, silent)
	tr := ductilehttp.NewTransport(ductilehttp.Config{
		Base: base, TotalTimeout: total, AttemptTimeout: 15 * time.Second, ReadIdle: idle,
		Retry: retry.Config{MaxAttempts: attempts, BaseDelay: retry.NoDelay, MaxRetryAfter: time.Second},
	})
	start := time.Now()
	resp, err := tr.RoundTrip(request(t, "GET", "http://h.example/", nil))
	assert.LessOrEqual(t, time.Since(start), total)
	assert.LessOrEqual(t, requests.Swap(0), int64(attempts))
	require.True(t, (resp == nil) != (err == nil), "%v, %v", resp, err)
	if err == nil {
		readSome(t, resp, idle)
	}

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start = time.Now()
	var out any
	err = ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: tr, MaxResponse: limit}).
		Get(t.Context(), "/", &out)
	runtime.ReadMemStats(&after)
	assert.LessOrEqual(t, time.Since(start), total)
	if err != nil {
		assert.NotEmpty(t, err.Error())
	}
	assert.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20), "bytes for an answer of %d", len(answer))
}

// readSome reads a response to its end and closes it. No Read may wait longer than idle. A
// response without that limit is closed at once.
func readSome(t *testing.T, resp *http.Response, idle time.Duration) {
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	events := strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
	for buffer := make([]byte, 1<<10); resp.StatusCode != http.StatusSwitchingProtocols && !events; {
		start := time.Now()
		_, err := resp.Body.Read(buffer)
		assert.LessOrEqual(t, time.Since(start), idle)
		if err != nil {
			break
		}
	}
	_ = resp.Body.Close()
}
